/** @file Activations made of several steps. */
import type { NodeType } from "../graph.ts";
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { erf } from "./erf.ts";
import { expectDType } from "./expect.ts";
import { type Few, op, type Sample } from "./op.ts";
import { unary } from "./pointwise.ts";
import { reals } from "./samples.ts";

const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

type Approximation = { approximate: "none" | "tanh" };

/** What the tanh approximation of GELU takes the tanh of. */
const bend = (x: number) => SQRT_2_OVER_PI * (x + 0.044715 * x ** 3);

function ofReals([x]: Few<NodeType>): NodeType {
  expectDType(x, "F32");
  return { dtype: x.dtype, shape: x.shape };
}

const bothApproximations = (size: number): Sample<Approximation>[] =>
  (["none", "tanh"] as const).map((approximate) => ({ inputs: [reals([size], -4, 4)], attributes: { approximate } }));

export const activation = {
  /** log(1 + exp(x)), as max(x, 0) + log1p(exp(−|x|)) so that it neither overflows nor loses small values. */
  softplus: unary({
    reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    gradient: (dy, x) => dy.mul(x.sigmoid()),
    onnx: "Softplus",
    decompose: (x) => x.relu().add(x.abs().neg().exp().log1p()),
    cost: 25,
  }),
  /**
   * x · Φ(x), Φ the normal distribution (Hendrycks and Gimpel 2016, equation 1): exactly by erf, or by its tanh
   * approximation 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
   */
  gelu: op<Approximation>({
    type: ofReals,
    gradient: [(dy, { inputs: [x], attributes }): Tensor => dy.mul(x.op("geluSlope", attributes))],
    reference([x], y, { approximate }) {
      for (let i = 0; i < y.data.length; i++) {
        const v = x.data[i]!;
        const inner = approximate === "none" ? erf(v / Math.SQRT2) : Math.tanh(bend(v));
        y.data[i] = 0.5 * v * (1 + inner);
      }
    },
    onnx: { form: "decomposition" },
    samples: bothApproximations,
    pointwise: true,
    cost: ({ shape }) => 20 * sizeOf(shape),
    decompose({ inputs: [x], attributes: { approximate } }) {
      const inner =
        approximate === "none"
          ? x.mul(Math.SQRT1_2).erf()
          : x.add(x.square().mul(x).mul(0.044715)).mul(SQRT_2_OVER_PI).tanh();
      return x.mul(0.5).mul(inner.add(1));
    },
  }),
  /** The derivative of `gelu`: Φ(x) + x · φ(x), φ the normal density, or that of its approximation. */
  geluSlope: op<Approximation>({
    type: ofReals,
    reference([x], y, { approximate }) {
      for (let i = 0; i < y.data.length; i++) {
        const v = x.data[i]!;
        const inner = approximate === "none" ? erf(v / Math.SQRT2) : Math.tanh(bend(v));
        const density =
          approximate === "none"
            ? Math.exp(-0.5 * v * v) / Math.sqrt(2 * Math.PI)
            : 0.5 * (1 - inner * inner) * SQRT_2_OVER_PI * (1 + 3 * 0.044715 * v * v);
        y.data[i] = 0.5 * (1 + inner) + v * density;
      }
    },
    onnx: { form: "decomposition" },
    samples: bothApproximations,
    pointwise: true,
    cost: ({ shape }) => 20 * sizeOf(shape),
    decompose({ inputs: [x], attributes: { approximate } }) {
      const square = x.square();
      if (approximate === "none") {
        const density = square
          .mul(-0.5)
          .exp()
          .mul(1 / Math.sqrt(2 * Math.PI));
        return x.mul(Math.SQRT1_2).erf().add(1).mul(0.5).add(x.mul(density));
      }
      const inner = x.add(square.mul(x).mul(0.044715)).mul(SQRT_2_OVER_PI).tanh();
      // In an order in which what has vanished stays 0 where x² would overflow.
      const ofLinear = x.mul(inner.square().neg().add(1)).mul(0.5 * SQRT_2_OVER_PI);
      const ofCube = ofLinear
        .mul(x)
        .mul(x)
        .mul(3 * 0.044715);
      return inner.add(1).mul(0.5).add(ofLinear).add(ofCube);
    },
  }),
};
