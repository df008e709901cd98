/** @file What networks are made of besides products: norms, losses, attention, recurrence, and what the reverse pass makes of a value. */
import type { ScanAttributes } from "../ops/scan.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply } from "./handle.ts";
import { Images } from "./images.ts";

export abstract class Layers extends Images {
  // Normalization and losses.
  softmax(axis: number): Tensor {
    return apply("softmax", [this], { axis: this.axis(axis) });
  }
  logSoftmax(axis: number): Tensor {
    return apply("logSoftmax", [this], { axis: this.axis(axis) });
  }
  /** These are logits [..., classes]; labels are I32 [...]. One loss for each row, not reduced. */
  crossEntropy(labels: Tensor): Tensor {
    return apply("crossEntropy", [this, labels], {});
  }
  /** Over the axes that `scale` and `shift` have, the last ones. */
  layerNorm(scale: Tensor, shift: Tensor, { epsilon = 1e-5 }: { readonly epsilon?: number } = {}): Tensor {
    return apply("layerNorm", [this, scale, shift], { axis: this.shape.length - scale.shape.length, epsilon });
  }

  /** One result of an op that has several. */
  part(index: number): Tensor {
    return apply("part", [this], { index });
  }
  /** Over the axes that `scale` has, the last ones. */
  rmsNorm(scale: Tensor, { epsilon = 1e-5 }: { readonly epsilon?: number } = {}): Tensor {
    return apply("rmsNorm", [this, scale], { axis: this.shape.length - scale.shape.length, epsilon });
  }
  /** This is [n, channels, ...size]; moments and parameters are [channels]. In training, `mean` and `variance` of this batch. */
  batchNorm(
    { scale, shift, mean, variance }: Readonly<Record<"scale" | "shift" | "mean" | "variance", Tensor>>,
    { epsilon = 1e-5 }: { readonly epsilon?: number } = {},
  ): Tensor {
    return apply("batchNorm", [this, scale, shift, mean, variance], { epsilon });
  }
  /** This is [n, channels, ...size]. One group is layer normalization of an image, a group a channel instance normalization. */
  groupNorm(
    scale: Tensor,
    shift: Tensor,
    groups: number,
    { epsilon = 1e-5 }: { readonly epsilon?: number } = {},
  ): Tensor {
    return apply("groupNorm", [this, scale, shift], { groups, epsilon });
  }

  // Sequences.
  /**
   * This as queries [batch, heads, t, width], keys [batch, key heads, s, width], values [batch, key heads, s, value width] →
   * [batch, heads, t, value width]. Several query heads may share a key head. A BOOL `mask` that broadcasts to
   * [batch, heads, t, s] is true where a query may look. `causal`: the last query sees all, each one before a key less.
   */
  attention(
    keys: Tensor,
    values: Tensor,
    options: { readonly causal?: boolean; readonly mask?: Tensor; readonly scale?: number } = {},
  ): Tensor {
    const { causal = false, mask, scale = 1 / Math.sqrt(this.shape.at(-1)!) } = options;
    return apply("attention", mask === undefined ? [this, keys, values] : [this, keys, values, mask], {
      causal,
      scale,
    });
  }
  /** I32 [length]: 0 … length − 1, on this tensor's graph; in a file of any length, computed. */
  range(length: number): Tensor {
    return apply("range", [this], { length });
  }
  /** F32 [length, width]: sines and cosines of places, on this tensor's graph. */
  sinusoids(length: number, width: number, { base = 10_000 }: { readonly base?: number } = {}): Tensor {
    return apply("sinusoids", [this], { length, width, base });
  }
  /** BOOL [queries, keys], on this tensor's graph: true where a query may look back. */
  causalMask(queries: number, keys: number): Tensor {
    return apply("causalMask", [this], { queries, keys });
  }
  /** Turns pairs of features of [..., t, width] by angles that grow with the I32 `positions` [t]. */
  rotary(positions: Tensor, { base = 10000 }: { readonly base?: number } = {}): Tensor {
    return apply("rotary", [this, positions], { base });
  }
  /** All results of the op `scan`, with everything spelled out; the function `scan` is how it is written. */
  scan(others: readonly Tensor[], attributes: ScanAttributes): Tensor[] {
    const all = apply("scan", [this, ...others], attributes);
    return all.node.parts!.map((_, index) => all.part(index));
  }
  /** Images [n, channels, ...size] at another size: the nearest pixel to the upper left, or a blend of neighbours. */
  resize(size: Shape, mode: "nearest" | "linear"): Tensor {
    return apply("resize", [this], { size, mode });
  }

  /** This tensor, computed from `given` by all that stands between, as something the reverse pass computes again. */
  checkpoint(given: readonly Tensor[]): Tensor {
    return apply("checkpoint", [this, ...given], {});
  }
  /** The same value; what is computed from it is computed apart. */
  again(): Tensor {
    return this.unary("again");
  }
  /** The same value, through which no gradient flows. */
  stopGradient(): Tensor {
    return this.unary("stopGradient");
  }
}
