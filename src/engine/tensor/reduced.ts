/** @file Axes folded away. They may be negative; all of them when left out. */
import { row } from "../ops/moments.ts";
import { normalizeAxes } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply } from "./handle.ts";
import { Pointwise } from "./pointwise.ts";

export type Axes = number | readonly number[];
export interface ReduceOptions {
  /** Reduced axes stay, with size 1. */
  readonly keepDims?: boolean;
}

export abstract class Reduced extends Pointwise {
  private reduce(
    name: "sum" | "mean" | "max" | "min" | "prod" | "logSumExp",
    axes?: Axes,
    options?: ReduceOptions,
  ): Tensor {
    return apply(name, [this], { axes: normalizeAxes(axes, this.shape.length), keepDims: options?.keepDims ?? false });
  }

  sum(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("sum", axes, options);
  }
  mean(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("mean", axes, options);
  }
  max(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("max", axes, options);
  }
  min(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("min", axes, options);
  }
  prod(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("prod", axes, options);
  }
  logSumExp(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("logSumExp", axes, options);
  }
  /** Over n − `correction` (0 by default: the variance of a population). */
  variance(axes?: Axes, options: ReduceOptions & { readonly correction?: number } = {}): Tensor {
    const { keepDims = false, correction = 0 } = options;
    return apply("variance", [this], { axes: normalizeAxes(axes, this.shape.length), keepDims, correction });
  }
  /** This is [n, channels, ...size]; of the images that are `present`, BOOL [n], all if left out: each channel's mean and variance, [channels]. */
  channelMoments(present?: Tensor): readonly [mean: Tensor, variance: Tensor] {
    const all = present ?? this.constant(1, "BOOL").broadcastTo([this.shape[0]!]);
    const both = apply("channelMoments", [this, all], {});
    return [row(both, 0), row(both, 1)];
  }
  /** Over each channel Σ this, and Σ this · (other − centre), both [channels], as is `centre`. */
  channelProducts(other: Tensor, centre: Tensor): readonly [sum: Tensor, product: Tensor] {
    const both = apply("channelProducts", [this, other, centre], {});
    return [row(both, 0), row(both, 1)];
  }
  /**
   * (Σ |x|^order)^(1 / order) over the axes: the Euclidean length unless told, the largest |x| for Infinity. The gradient of
   * the Euclidean one at 0 is not a number, as that of the square root.
   */
  norm(axes?: Axes, { order = 2, ...options }: ReduceOptions & { readonly order?: number } = {}): Tensor {
    if (order === 2) return this.square().sum(axes, options).sqrt();
    if (order === 1) return this.abs().sum(axes, options);
    if (order === Number.POSITIVE_INFINITY) return this.abs().max(axes, options);
    return this.abs()
      .pow(order)
      .sum(axes, options)
      .pow(1 / order);
  }
  /** I32: the position of the largest element along `axis`, or in C order among all where it is left out. */
  argMax(axis?: number): Tensor {
    return axis === undefined ? this.reshape([-1]).argMax(0) : apply("argMax", [this], { axis: this.axis(axis) });
  }
  argMin(axis?: number): Tensor {
    return axis === undefined ? this.reshape([-1]).argMin(0) : apply("argMin", [this], { axis: this.axis(axis) });
  }
}
