/** @file Products with so few rows that packing the right operand would cost more than it saves. */

import { fma, sumLanes } from "./lanes";
import { HEAD_LENGTH } from "./layout";

/** Four vectors of columns of one row: out[0..16) = Σ left[k] · right[k][0..16). */
// @ts-expect-error: decorator
@inline
function sixteen(left: usize, leftStep: usize, right: usize, rightStep: usize, depth: i32, out: usize): void {
  let c0 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let c2 = f32x4.splat(0);
  let c3 = f32x4.splat(0);
  for (let k = 0; k < depth; k++) {
    const a = v128.load32_splat(left);
    c0 = fma(a, v128.load(right), c0);
    c1 = fma(a, v128.load(right, 16), c1);
    c2 = fma(a, v128.load(right, 32), c2);
    c3 = fma(a, v128.load(right, 48), c3);
    left += leftStep;
    right += rightStep;
  }
  v128.store(out, c0);
  v128.store(out, c1, 16);
  v128.store(out, c2, 32);
  v128.store(out, c3, 48);
}

// @ts-expect-error: decorator
@inline
function four(left: usize, leftStep: usize, right: usize, rightStep: usize, depth: i32): v128 {
  let c = f32x4.splat(0);
  for (let k = 0; k < depth; k++) {
    c = fma(v128.load32_splat(left), v128.load(right), c);
    left += leftStep;
    right += rightStep;
  }
  return c;
}

/**
 * A product with so few rows that packing would cost more than it saves: the same operands as `product`, one matrix, units
 * are groups of 16 columns. Where the right operand is transposed each element is a dot product along the depth.
 */
export function thinProduct(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const left = <usize>load<u32>(at);
  const right = <usize>load<u32>(at, 4);
  const out = <usize>load<u32>(at, 8);
  const rows = load<i32>(at, 12);
  const columns = load<i32>(at, 16);
  const depth = load<i32>(at, 20);
  const leftLeading = <usize>load<i32>(at, 24) << 2;
  const rightLeading = <usize>load<i32>(at, 28) << 2;
  const transposed = load<i32>(at, 32);
  const rowStep = (transposed & 1) != 0 ? <usize>4 : leftLeading;
  const leftStep = (transposed & 1) != 0 ? leftLeading : <usize>4;
  const end = min(columns, to << 4);
  for (let i = 0; i < rows; i++) {
    const leftRow = left + <usize>i * rowStep;
    const outRow = out + ((<usize>i * columns) << 2);
    let j = from << 4;
    if ((transposed & 2) == 0) {
      for (; j + 16 <= end; j += 16) {
        sixteen(leftRow, leftStep, right + (<usize>j << 2), rightLeading, depth, outRow + (<usize>j << 2));
      }
      for (; j < end; j += 4) {
        const sums = four(leftRow, leftStep, right + (<usize>j << 2), rightLeading, depth);
        if (j + 4 <= end) v128.store(outRow + (<usize>j << 2), sums);
        else {
          v128.store(scratch, sums);
          memory.copy(outRow + (<usize>j << 2), scratch, <usize>(end - j) << 2);
        }
      }
    } else {
      for (; j < end; j++) {
        store<f32>(outRow + (<usize>j << 2), dot(leftRow, leftStep, right + <usize>j * rightLeading, depth));
      }
    }
  }
}

// @ts-expect-error: decorator
@inline
function dot(left: usize, leftStep: usize, right: usize, depth: i32): f32 {
  let k = 0;
  let sums = f32x4.splat(0);
  if (leftStep == 4) {
    for (; k + 4 <= depth; k += 4) {
      sums = fma(v128.load(left), v128.load(right), sums);
      left += 16;
      right += 16;
    }
  }
  let sum = sumLanes(sums);
  for (; k < depth; k++) {
    sum += load<f32>(left) * load<f32>(right);
    left += leftStep;
    right += 4;
  }
  return sum;
}
