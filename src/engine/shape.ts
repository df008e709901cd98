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

/**
 * What `start:end:step` takes of an axis in Python: places from `from` up to, not including, `to`, every `step`-th, counted
 * from the axis's end where `isBackward`.
 */
export function slicedAxis(
  size: number,
  start: number | undefined,
  end: number | undefined,
  step: number,
): { from: number; to: number; step: number; isBackward: boolean } {
  if (!Number.isInteger(step) || step === 0) {
    throw new Fault("SHAPE_MISMATCH", `a slice by steps of ${step}`, { hint: "a step is a whole number, and not 0" });
  }
  const isBackward = step < 0;
  const within = (place: number) => Math.max(0, Math.min(size, place));
  const place = (position: number | undefined, otherwise: number) => {
    if (position === undefined) return otherwise;
    const fromStart = position < 0 ? position + size : position;
    return within(isBackward ? size - 1 - fromStart : fromStart);
  };
  const from = place(start, 0);
  return { from, to: Math.max(from, place(end, size)), step: Math.abs(step), isBackward };
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
