/** @file Elements elsewhere: other shapes, pieces, places that integers name, order. */
import { normalizeAxes, type Shape, sameShape, sizeOf, slicedAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, Handle } from "./handle.ts";
import type { Axes } from "./reduced.ts";

export abstract class Moved extends Handle {
  /** One size may be −1: what is left. */
  reshape(shape: Shape): Tensor {
    const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
    const complete = shape.map((size) => (size === -1 ? sizeOf(this.shape) / known : size));
    return sameShape(complete, this.shape) ? this.itself() : apply("reshape", [this], { shape: complete });
  }
  permute(axes: readonly number[]): Tensor {
    return apply("permute", [this], { axes: axes.map((axis) => (axis < 0 ? axis + axes.length : axis)) });
  }
  /** Swaps the last two axes. */
  transpose(): Tensor {
    const axes = this.shape.map((_, axis) => axis);
    return this.permute([...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
  }
  broadcastTo(shape: Shape): Tensor {
    return sameShape(shape, this.shape) ? this.itself() : apply("broadcast", [this], { shape });
  }
  /**
   * As `x[start:end:step]` in NumPy, one entry an axis: negative positions count from the end, negative steps go backward,
   * and what is missing or undefined takes the axis whole.
   */
  slice(
    starts: readonly (number | undefined)[],
    ends: readonly (number | undefined)[] = [],
    steps: readonly (number | undefined)[] = [],
  ): Tensor {
    const axes = this.shape.map((size, axis) => slicedAxis(size, starts[axis], ends[axis], steps[axis] ?? 1));
    const backward = axes.flatMap(({ isBackward }, axis) => (isBackward ? [axis] : []));
    return apply("slice", [backward.length > 0 ? this.flip(backward) : this], {
      starts: axes.map(({ from }) => from),
      ends: axes.map(({ to }) => to),
      steps: axes.map(({ step }) => step),
    });
  }
  pad(before: readonly number[], after: readonly number[], value = 0): Tensor {
    return apply("pad", [this], { before, after, value });
  }
  /** Slices along `axis` at the I32 `indices`, whose axes take the place of `axis`. Indices outside give zeros. */
  gather(indices: Tensor, axis: number): Tensor {
    return apply("gather", [this, indices], { axis: this.axis(axis) });
  }
  /** Zeros of `size` along `axis`, this added at the I32 `indices` (which stand at `axis` and on): gather's transpose. */
  scatterAdd(indices: Tensor, axis: number, size: number): Tensor {
    return apply("scatterAdd", [this, indices], { axis, size });
  }
  /** I32 [...] → F32 [..., classes]. */
  oneHot(classes: number): Tensor {
    return apply("oneHot", [this], { classes });
  }

  /** I32 indices of this one's rank, which agree with it but for `axis`: element by element along `axis`. */
  takeAlong(indices: Tensor, axis: number): Tensor {
    return apply("takeAlong", [this, indices], { axis: this.axis(axis) });
  }
  /** Zeros of `size` along `axis`, each element added at its index along it: takeAlong's transpose. */
  scatterAlong(indices: Tensor, axis: number, size: number): Tensor {
    return apply("scatterAlong", [this, indices], { axis: this.axis(axis), size });
  }
  /** The last axis of the I32 `indices` names a place in the first axes of this. */
  gatherND(indices: Tensor): Tensor {
    return apply("gatherND", [this, indices], {});
  }
  /** Zeros of `shape`, this added at the places that `indices` name: gatherND's transpose. */
  scatterND(indices: Tensor, shape: Shape): Tensor {
    return apply("scatterND", [this, indices], { shape });
  }
  flip(axes: Axes): Tensor {
    return apply("flip", [this], { axes: normalizeAxes(axes, this.shape.length) });
  }
  /** The whole repeated `repeats[a]` times along axis a. */
  tile(repeats: readonly number[]): Tensor {
    return apply("tile", [this], { repeats });
  }
  /** Pads with what stands inside: mirrored without the edge, the edge itself, or from the other end. */
  padWith(mode: "reflect" | "edge" | "wrap", before: readonly number[], after: readonly number[]): Tensor {
    return apply("padWith", [this], { mode, before, after });
  }
  /** The others after this one along `axis`. */
  concat(others: readonly Tensor[], axis: number): Tensor {
    return apply("concat", [this, ...others], { axis: this.axis(axis) });
  }
  /** Pieces of the given sizes along `axis`. */
  split(sizes: readonly number[], axis: number): Tensor[] {
    const at = this.axis(axis);
    let start = 0;
    return sizes.map((size) => {
      const from = this.shape.map((_, other) => (other === at ? start : 0));
      start += size;
      return this.slice(from, this.shape.with(at, start));
    });
  }

  // Order along an axis. NaN counts as the largest; equals keep their order.
  cumulativeSum(axis: number, { exclusive = false, reverse = false } = {}): Tensor {
    return apply("cumulativeSum", [this], { axis: this.axis(axis), exclusive, reverse });
  }
  /** I32: which element comes first, second … along `axis`. */
  argSort(axis: number, { descending = false } = {}): Tensor {
    return apply("argSort", [this], { axis: this.axis(axis), descending });
  }
  sort(axis: number, options: { readonly descending?: boolean } = {}): Tensor {
    return this.takeAlong(this.argSort(axis, options), axis);
  }
  /** The k largest along `axis`, in order, and where they stand (I32). */
  topK(k: number, axis: number, { largest = true } = {}): { values: Tensor; indices: Tensor } {
    const at = this.axis(axis);
    const all = this.argSort(at, { descending: largest });
    const indices = all.slice([], this.shape.with(at, k));
    return { values: this.takeAlong(indices, at), indices };
  }
}
