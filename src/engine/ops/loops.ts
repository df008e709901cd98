/** @file Walking over arrays of any rank with plain loops, for the reference. */
import { type Shape, sizeOf, stridesOf } from "../shape.ts";

/** Calls `visit` for every index of `shape` in C order. The array it gets is reused from call to call. */
export function forEachIndex(shape: Shape, visit: (index: readonly number[], position: number) => void): void {
  const index = new Array<number>(shape.length).fill(0);
  const size = sizeOf(shape);
  for (let position = 0; position < size; position++) {
    visit(index, position);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** The place of `index` in C order. */
export function positionOf(index: readonly number[], shape: Shape): number {
  let position = 0;
  for (let axis = 0; axis < shape.length; axis++) position = position * shape[axis]! + index[axis]!;
  return position;
}

/** A shape seen around one axis: how many lie outside it, along it, and inside it (the axis's stride). */
export function around(shape: Shape, axis: number): { outer: number; length: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), length: shape[axis]!, inner: stridesOf(shape)[axis]! };
}

/** Calls `visit` with the first position and the stride of every line along `axis`, lines in C order. */
export function forEachLine(
  shape: Shape,
  axis: number,
  visit: (start: number, stride: number, length: number, line: number) => void,
): void {
  const { outer, length, inner } = around(shape, axis);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) visit(o * length * inner + i, inner, length, o * inner + i);
  }
}
