/** @file Shapes: their size, their strides, and NumPy's broadcasting rule. */
import type { DType, TypedArray } from "./dtype.ts";
import { Fault } from "./fault.ts";

/** Sizes by axis, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** What a value is before it has one. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A value on the host, in C order. */
export interface NdArray extends TensorType {
  readonly data: TypedArray;
}

/** The number of elements; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

/** C-order strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** The shape that all of `shapes` broadcast to (NumPy: aligned at the last axis, 1 stretches); a fault where they don't. */
export function broadcastShapes(...shapes: readonly Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let fromEnd = 1; fromEnd <= shape.length; fromEnd++) {
      const dimension = shape[shape.length - fromEnd]!;
      const axis = rank - fromEnd;
      if (dimension === 1 || dimension === result[axis]) continue;
      if (result[axis] !== 1) {
        throw new Fault("SHAPE_MISMATCH", `shapes ${shapes.map(showShape).join(" and ")} do not broadcast`, {
          hint: "sizes must be equal, or 1, when aligned at the last axis",
        });
      }
      result[axis] = dimension;
    }
  }
  return result;
}

/** Axes as non-negative, sorted and unique; a negative axis counts from the end, `undefined` means all. */
export function normalizeAxes(axes: number | readonly number[] | undefined, rank: number): number[] {
  const list = axes === undefined ? Array.from({ length: rank }, (_, axis) => axis) : [axes].flat();
  const normalized = list.map((axis) => {
    const positive = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(positive) || positive < 0 || positive >= rank) {
      throw new Fault("SHAPE_MISMATCH", `axis ${axis} is out of range for ${rank} axes`, {
        hint: rank === 0 ? "a scalar has no axes" : `axes run from ${-rank} to ${rank - 1}`,
      });
    }
    return positive;
  });
  return [...new Set(normalized)].sort((a, b) => a - b);
}
