/** @file A transformer block: attention and a feed-forward network, each with a norm and a way around it. */
import { checkpoint, type Tensor } from "../../engine/index.ts";
import { type ActivationName, activate } from "./activations.ts";
import { type AttentionOptions, attention } from "./attention.ts";
import { dense } from "./dense.ts";
import { dropout } from "./dropout.ts";
import { fanInUniform, uniformWithin } from "./initialisers.ts";
import { layerNorm, rmsNorm } from "./norm.ts";
import { layer, type Scope } from "./scope.ts";

const NORMS = { layer: layerNorm, rms: rmsNorm } as const;

export interface TransformerOptions extends AttentionOptions {
  /** Units of the feed-forward network's hidden layer; 4 · width when left out. */
  readonly feedForward?: number;
  readonly activation?: ActivationName;
  readonly norm?: keyof typeof NORMS;
  /** Whether the norm stands before each part (Xiong et al. 2020), or after its sum (Vaswani et al. 2017). */
  readonly normFirst?: boolean;
  readonly dropout?: number;
  /** Keeps nothing of the inside for the reverse pass, which computes the block again: less memory, about a third more time. */
  readonly checkpointing?: boolean;
  /** BOOL, broadcasts to [batch, heads, time, memory's time]: where a query may look in the memory. */
  readonly memoryMask?: Tensor;
}

/**
 * `torch.nn.TransformerEncoderLayer` with `batch_first`; with a `memory` the `TransformerDecoderLayer`, whose second
 * attention looks at it. Parts: `selfAttention`, `crossAttention`, `linear1` and `linear2`, each after (or before) a norm of
 * its own, `norm1` to `norm3`.
 * @param x [batch, time, width] @returns [batch, time, width]
 */
export const transformerBlock = layer(
  "transformerBlock",
  (scope: Scope, x: Tensor, options: TransformerOptions): Tensor => {
    const { checkpointing = false, ...others } = options;
    return checkpointing ? checkpoint(x, (y) => block(scope, y, others)) : block(scope, x, others);
  },
);

function block(scope: Scope, x: Tensor, options: Omit<TransformerOptions, "checkpointing">): Tensor {
  const { memory, memoryMask, ...own } = options;
  const { mask: _mask, causal: _causal, rotary: _rotary, ...across } = own;
  const { activation = "gelu", norm = "layer", normFirst = true, dropout: rate = 0 } = options;
  const width = x.shape.at(-1)!;
  const { feedForward = 4 * width } = options;

  const drop = (y: Tensor): Tensor => dropout(scope, y, { rate });
  const linear = (name: string, y: Tensor, units: number): Tensor => {
    const biasInit = uniformWithin(1 / Math.sqrt(y.shape.at(-1)!));
    return dense(scope.child(name), y, { units, init: fanInUniform, biasInit });
  };
  const lookAtSelf = (y: Tensor): Tensor => attention(scope.child("selfAttention"), y, own);
  const lookAt = (other: Tensor) => (y: Tensor) =>
    attention(scope.child("crossAttention"), y, { ...across, memory: other, ...(memoryMask && { mask: memoryMask }) });
  const feed = (y: Tensor): Tensor =>
    linear("linear2", drop(activate(scope, linear("linear1", y, feedForward), activation)), width);

  const parts = [lookAtSelf, ...(memory === undefined ? [] : [lookAt(memory)]), feed];
  return parts.reduce((y, part, index) => {
    const normalise = (z: Tensor): Tensor => NORMS[norm](scope.child(`norm${index + 1}`), z);
    return normFirst ? y.add(drop(part(normalise(y)))) : normalise(y.add(drop(part(y))));
  }, x);
}
