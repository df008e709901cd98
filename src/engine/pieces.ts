/**
 * @file Arrays filled and copied in pieces. One native call over gigabytes takes seconds in which its thread cannot be ended;
 * between pieces it can.
 */
import type { TypedArray } from "./dtype.ts";

/** A few milliseconds of copying. */
const PIECE = 2 ** 21;

/** Sets every element of `target` to `value`. */
export function fillInPieces(target: TypedArray, value: number): void {
  for (let start = 0; start < target.length; start += PIECE) {
    target.fill(value as never, start, start + PIECE);
  }
}

/** Copies `source`, of no more elements than `target` and of any type of number, to the front of `target`. */
export function copyInPieces(target: TypedArray, source: TypedArray): void {
  for (let start = 0; start < source.length; start += PIECE) {
    target.set(source.subarray(start, start + PIECE) as never, start);
  }
}
