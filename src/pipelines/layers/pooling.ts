/** @file Pooling: what a window sees becomes its largest element, or its mean. Images are [batch, channels, ...size]. */
import { concat, type Shape, type SlidingOptions, type Tensor } from "../../engine/index.ts";
import { windowOf } from "./conv.ts";
import { expectImage, expectSomethingLeft } from "./expect.ts";
import { layer, type Scope } from "./scope.ts";

/** The stride is the window unless told. */
export interface PoolingOptions extends SlidingOptions {
  /** A number stands for every axis. */
  readonly window: number | Shape;
}

/** `torch.nn.MaxPool1d`, `MaxPool2d`, `MaxPool3d`, by the axes of x: padding never wins. */
export const maxPool = layer("maxPool", (scope: Scope, x: Tensor, { window, ...sliding }: PoolingOptions): Tensor => {
  expectImage(scope, x, windowOf(x, window).length);
  return expectSomethingLeft(scope, x, x.maxPool(windowOf(x, window), sliding));
});

/** `torch.nn.AvgPool1d` and its kin: padding counts as zeros unless `countPadding` is false. */
export const averagePool = layer(
  "averagePool",
  (
    scope: Scope,
    x: Tensor,
    { window, ...rest }: Omit<PoolingOptions, "dilations"> & { readonly countPadding?: boolean },
  ): Tensor => {
    expectImage(scope, x, windowOf(x, window).length);
    return expectSomethingLeft(scope, x, x.averagePool(windowOf(x, window), rest));
  },
);

export type Fold = "mean" | "max";

/** [batch, channels, ...size] → [batch, channels]. */
export const globalPool = layer(
  "globalPool",
  (scope: Scope, x: Tensor, { by = "mean" }: { readonly by?: Fold } = {}): Tensor => {
    expectImage(scope, x);
    return by === "mean" ? x.globalAveragePool() : x.max(x.shape.map((_, axis) => axis).slice(2));
  },
);

/**
 * `torch.nn.AdaptiveAvgPool2d`, `AdaptiveMaxPool2d` and their kin: place i of an axis of n elements sees those from
 * ⌊i · n / size⌋ up to ⌈(i + 1) · n / size⌉, so that any image comes out as [batch, channels, ...size].
 */
export const adaptivePool = layer(
  "adaptivePool",
  (scope: Scope, x: Tensor, { size, by = "mean" }: { readonly size: number | Shape; readonly by?: Fold }): Tensor => {
    const wanted = windowOf(x, size);
    expectImage(scope, x, wanted.length);
    if (by === "mean") return x.adaptiveAveragePool(wanted);
    return wanted.reduce<Tensor>((image, places, spatial) => {
      const axis = spatial + 2;
      const elements = x.shape[axis]!;
      const largest = Array.from({ length: places }, (_, place) => {
        const from = Math.floor((place * elements) / places);
        const to = Math.ceil(((place + 1) * elements) / places);
        const starts = image.shape.map((_, other) => (other === axis ? from : 0));
        return image.slice(starts, image.shape.with(axis, to)).max(axis, { keepDims: true });
      });
      return concat(largest, axis);
    }, x);
  },
);
