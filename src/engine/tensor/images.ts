/** @file Matrix products, and images [n, channels, ...size]: convolutions, pooling, other sizes. */
import type { ConvolutionAttributes } from "../ops/convolution.ts";
import type { PoolingAttributes } from "../ops/pooling.ts";
import { adaptiveShares, adaptiveWindows, type SlidingOptions, slidingOf } from "../ops/window.ts";
import { broadcastShapes, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply } from "./handle.ts";
import { Reduced } from "./reduced.ts";

export abstract class Images extends Reduced {
  /** [..., m, k] · [..., k, n] → [..., m, n]; the batch axes broadcast. Many rows times one matrix is one product. */
  matmul(other: Tensor): Tensor {
    const [batch, otherBatch] = [this.shape.slice(0, -2), other.shape.slice(0, -2)];
    if (other.shape.length === 2 && this.shape.length > 2) {
      const rows = this.reshape([sizeOf(this.shape.slice(0, -1)), this.shape.at(-1)!]).matmul(other);
      return rows.reshape([...this.shape.slice(0, -1), other.shape[1]!]);
    }
    const shape = broadcastShapes(batch, otherBatch);
    const stretch = (tensor: Images) => tensor.broadcastTo([...shape, ...tensor.shape.slice(-2)]);
    return apply("matmul", [stretch(this), stretch(other)], {});
  }

  /** Weights are [out, in / groups, ...window]; one, two or three spatial axes, or more. */
  conv(weights: Tensor, { groups = 1, ...sliding }: SlidingOptions & { readonly groups?: number } = {}): Tensor {
    return this.convolve(weights, { ...slidingOf(this.shape.slice(2), weights.shape.slice(2), sliding), groups });
  }
  /**
   * What `conv` with the same weights and options would have made this from: weights are [in, out / groups, ...window].
   * @param options `outputPadding` adds to the end of each axis what a stride above 1 leaves open; padding by numbers only
   */
  convTranspose(
    weights: Tensor,
    options: SlidingOptions & { readonly groups?: number; readonly outputPadding?: number } = {},
  ): Tensor {
    const { groups = 1, outputPadding = 0, ...rest } = options;
    const window = weights.shape.slice(2);
    const sliding = slidingOf(this.shape.slice(2), window, rest);
    const size = this.shape.slice(2).map((places, axis) => {
      const spread = (places - 1) * sliding.strides[axis]! + (window[axis]! - 1) * sliding.dilations[axis]! + 1;
      return spread - sliding.before[axis]! - sliding.after[axis]! + outputPadding;
    });
    return this.imageGradient(weights, { ...sliding, groups, size });
  }
  /** `conv` with everything spelled out. */
  convolve(weights: Tensor, attributes: ConvolutionAttributes): Tensor {
    return apply("conv", [this, weights], attributes);
  }
  /** This being the gradient of `conv`'s output: that of its image. */
  imageGradient(weights: Tensor, attributes: ConvolutionAttributes & { size: Shape }): Tensor {
    return apply("convTranspose", [this, weights], attributes);
  }
  /** This being `conv`'s image, `dy` the gradient of its output: that of its weights. */
  weightGradient(dy: Tensor, attributes: ConvolutionAttributes & { window: Shape }): Tensor {
    return apply("convWeights", [this, dy], attributes);
  }
  /** The stride is the window unless told. */
  maxPool(window: Shape, options: SlidingOptions = {}): Tensor {
    const sliding = slidingOf(this.shape.slice(2), window, { strides: window, ...options });
    return apply("maxPool", [this], { ...sliding, window });
  }
  maxPoolIndices(attributes: PoolingAttributes): Tensor {
    return apply("maxPoolIndices", [this], attributes);
  }
  maxPoolGradient(dy: Tensor, attributes: PoolingAttributes): Tensor {
    return apply("maxPoolGradient", [this, dy], attributes);
  }
  averagePool(
    window: Shape,
    options: Omit<SlidingOptions, "dilations"> & { readonly countPadding?: boolean } = {},
  ): Tensor {
    const { countPadding = true, ...rest } = options;
    const sliding = slidingOf(this.shape.slice(2), window, { strides: window, ...rest });
    return apply("averagePool", [this], { ...sliding, window, countPadding });
  }
  /** The mean of every plane: [n, channels]. */
  globalAveragePool(): Tensor {
    return this.mean(this.shape.flatMap((_, axis) => (axis < 2 ? [] : [axis])));
  }
  /** The largest of every plane: [n, channels]. */
  globalMaxPool(): Tensor {
    return this.max(this.shape.flatMap((_, axis) => (axis < 2 ? [] : [axis])));
  }
  /** As `adaptiveAveragePool`, of which the largest; equals share the gradient. */
  adaptiveMaxPool(size: Shape): Tensor {
    return size.reduce<Tensor>(
      (x, to, spatial) =>
        x.gather(x.constant(adaptiveWindows(this.shape[spatial + 2]!, to)), spatial + 2).max(spatial + 3),
      this.itself(),
    );
  }
  /** As many windows as `size` asks, from ⌊i · from / to⌋ up to ⌈(i + 1) · from / to⌉, averaged. */
  adaptiveAveragePool(size: Shape): Tensor {
    return size.reduce<Tensor>((x, to, spatial) => {
      const shares = x.constant(adaptiveShares(this.shape[spatial + 2]!, to));
      const last = x.shape.length - 1;
      const swapped = x.shape.map((_, axis) => (axis === spatial + 2 ? last : axis === last ? spatial + 2 : axis));
      return x.permute(swapped).matmul(shares).permute(swapped);
    }, this.itself());
  }
}
