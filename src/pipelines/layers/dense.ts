/** @file A fully connected layer. */
import { Fault, type Tensor } from "../../engine/index.ts";
import { INITIALISERS, type Initialiser, zeros } from "./initialisers.ts";
import { layer, type Scope } from "./scope.ts";

export interface DenseOptions {
  readonly units: number;
  readonly bias?: boolean;
  readonly init?: Initialiser;
  /** Zeros when left out. */
  readonly biasInit?: Initialiser;
}

/** @param x [..., inputs] @returns x · weight + bias, [..., units]; weight is [inputs, units], bias [units]. */
export const dense = layer(
  "dense",
  (
    scope: Scope,
    x: Tensor,
    { units, bias = true, init = INITIALISERS.heUniform, biasInit = zeros }: DenseOptions,
  ): Tensor => {
    const inputs = x.shape.at(-1);
    if (inputs === undefined || inputs === 0) {
      throw new Fault("SHAPE_MISMATCH", `\`${scope.path}\` has no inputs`, {
        violations: [
          {
            path: scope.path,
            message: "nothing to connect",
            expected: "[..., inputs] with at least 1 input",
            got: `[${x.shape.join(", ")}]`,
          },
        ],
      });
    }
    const product = x.matmul(scope.parameter("weight", [inputs, units], init));
    return bias ? product.add(scope.parameter("bias", [units], biasInit)) : product;
  },
);
