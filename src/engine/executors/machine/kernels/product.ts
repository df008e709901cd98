/**
 * @file Matrix products. The left operand is packed into quads of rows, the right into panels of eight columns, both
 * laid out in the order in which the innermost loop reads them, so that a transposed operand costs nothing extra. The
 * innermost loop keeps a 4 × 8 tile in eight vectors: V8 spills with more. Depth is cut into blocks of a fixed size, so
 * each element is summed in one order, whoever computes it.
 */

import { fma, sumLanes } from "./lanes";
import { BLOCK_COLUMNS, BLOCK_DEPTH, BLOCK_ROWS, HEAD_LENGTH, SPLIT_BATCH, SPLIT_COLUMNS, SPLIT_ROWS } from "./layout";

/** Columns [from, from + columns) of rows [depth0, depth0 + depth) as panels of eight: to[panel][k][8]. */
function packRight(source: usize, leading: i32, transposed: bool, depth0: i32, depth: i32, from: i32, columns: i32, all: i32, to: usize): void {
  if (!transposed) {
    for (let j = 0; j < columns; j += 8) {
      let row = source + ((<usize>depth0 * leading + from + j) << 2);
      for (let k = 0; k < depth; k++) {
        v128.store(to, v128.load(row));
        v128.store(to, v128.load(row, 16), 16);
        to += 32;
        row += <usize>leading << 2;
      }
    }
    return;
  }
  for (let j = 0; j < columns; j += 8) {
    packFour(source, leading, depth0, depth, from + j, all, to, 32);
    packFour(source, leading, depth0, depth, from + j + 4, all, to + 16, 32);
    to += <usize>depth << 5;
  }
}

/** Rows [from, from + rows) of the left operand, as quads: to[quad][k][4]. */
function packLeft(source: usize, leading: i32, transposed: bool, depth0: i32, depth: i32, from: i32, rows: i32, all: i32, to: usize): void {
  if (!transposed) {
    for (let i = 0; i < rows; i += 4) {
      packFour(source, leading, depth0, depth, from + i, all, to, 16);
      to += <usize>depth << 4;
    }
    return;
  }
  for (let i = 0; i < rows; i += 4) {
    let row = source + ((<usize>depth0 * leading + from + i) << 2);
    for (let k = 0; k < depth; k++) {
      v128.store(to, v128.load(row));
      to += 16;
      row += <usize>leading << 2;
    }
  }
}

/** Four rows that run along the depth, turned so that their elements at one depth stand together; past the last row, it again. */
function packFour(source: usize, leading: i32, depth0: i32, depth: i32, row: i32, rows: i32, to: usize, step: usize): void {
  const last = rows - 1;
  let a = source + ((<usize>min(row, last) * leading + depth0) << 2);
  let b = source + ((<usize>min(row + 1, last) * leading + depth0) << 2);
  let c = source + ((<usize>min(row + 2, last) * leading + depth0) << 2);
  let d = source + ((<usize>min(row + 3, last) * leading + depth0) << 2);
  let k = 0;
  for (; k + 4 <= depth; k += 4) {
    const va = v128.load(a);
    const vb = v128.load(b);
    const vc = v128.load(c);
    const vd = v128.load(d);
    const ab0 = v128.shuffle<f32>(va, vb, 0, 4, 1, 5);
    const ab1 = v128.shuffle<f32>(va, vb, 2, 6, 3, 7);
    const cd0 = v128.shuffle<f32>(vc, vd, 0, 4, 1, 5);
    const cd1 = v128.shuffle<f32>(vc, vd, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f64>(ab0, cd0, 0, 2));
    v128.store(to + step, v128.shuffle<f64>(ab0, cd0, 1, 3));
    v128.store(to + 2 * step, v128.shuffle<f64>(ab1, cd1, 0, 2));
    v128.store(to + 3 * step, v128.shuffle<f64>(ab1, cd1, 1, 3));
    to += step << 2;
    a += 16;
    b += 16;
    c += 16;
    d += 16;
  }
  for (; k < depth; k++) {
    store<f32>(to, load<f32>(a));
    store<f32>(to, load<f32>(b), 4);
    store<f32>(to, load<f32>(c), 8);
    store<f32>(to, load<f32>(d), 12);
    to += step;
    a += 4;
    b += 4;
    c += 4;
    d += 4;
  }
}

/** One 4 × 8 tile of out (leading in bytes): set it when `first`, else add to it. Rows and columns outside are dropped. */
export function tile(left: usize, right: usize, depth: i32, out: usize, leading: usize, rows: i32, columns: i32, first: bool, spill: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  const end = left + (<usize>depth << 4);
  while (left < end) {
    const b0 = v128.load(right);
    const b1 = v128.load(right, 16);
    let a = v128.load32_splat(left);
    c00 = fma(a, b0, c00);
    c01 = fma(a, b1, c01);
    a = v128.load32_splat(left, 4);
    c10 = fma(a, b0, c10);
    c11 = fma(a, b1, c11);
    a = v128.load32_splat(left, 8);
    c20 = fma(a, b0, c20);
    c21 = fma(a, b1, c21);
    a = v128.load32_splat(left, 12);
    c30 = fma(a, b0, c30);
    c31 = fma(a, b1, c31);
    left += 16;
    right += 32;
  }
  if (rows >= 4 && columns >= 8) {
    if (!first) {
      c00 = f32x4.add(c00, v128.load(out));
      c01 = f32x4.add(c01, v128.load(out, 16));
      c10 = f32x4.add(c10, v128.load(out + leading));
      c11 = f32x4.add(c11, v128.load(out + leading, 16));
      c20 = f32x4.add(c20, v128.load(out + 2 * leading));
      c21 = f32x4.add(c21, v128.load(out + 2 * leading, 16));
      c30 = f32x4.add(c30, v128.load(out + 3 * leading));
      c31 = f32x4.add(c31, v128.load(out + 3 * leading, 16));
    }
    v128.store(out, c00);
    v128.store(out, c01, 16);
    v128.store(out + leading, c10);
    v128.store(out + leading, c11, 16);
    v128.store(out + 2 * leading, c20);
    v128.store(out + 2 * leading, c21, 16);
    v128.store(out + 3 * leading, c30);
    v128.store(out + 3 * leading, c31, 16);
    return;
  }
  v128.store(spill, c00);
  v128.store(spill, c01, 16);
  v128.store(spill, c10, 32);
  v128.store(spill, c11, 48);
  v128.store(spill, c20, 64);
  v128.store(spill, c21, 80);
  v128.store(spill, c30, 96);
  v128.store(spill, c31, 112);
  for (let i = 0, height = min(rows, 4); i < height; i++) {
    for (let j = 0, width = min(columns, 8); j < width; j++) {
      const at = out + (<usize>j << 2);
      const value = load<f32>(spill + (<usize>j << 2));
      store<f32>(at, first ? value : load<f32>(at) + value);
    }
    out += leading;
    spill += 32;
  }
}

/** out[row0..row1, column0..column1] = left · right, for one matrix. */
function block(left: usize, right: usize, out: usize, rows: i32, columns: i32, depth: i32, leftLeading: i32, rightLeading: i32, leftTransposed: bool, rightTransposed: bool, row0: i32, row1: i32, column0: i32, column1: i32, scratch: usize): void {
  const outLeading = <usize>columns << 2;
  const spill = scratch;
  const packedLeft = scratch + 128;
  const packedRight = packedLeft + BLOCK_ROWS * BLOCK_DEPTH * 4;
  const blocks = (depth + BLOCK_DEPTH - 1) / BLOCK_DEPTH;
  const blockDepth = (depth + blocks - 1) / blocks;
  for (let j0 = column0; j0 < column1; j0 += BLOCK_COLUMNS) {
    const width = min(BLOCK_COLUMNS, column1 - j0);
    for (let k0 = 0; k0 < depth; k0 += blockDepth) {
      const deep = min(blockDepth, depth - k0);
      packRight(right, rightLeading, rightTransposed, k0, deep, j0, width, columns, packedRight);
      for (let i0 = row0; i0 < row1; i0 += BLOCK_ROWS) {
        const height = min(BLOCK_ROWS, row1 - i0);
        packLeft(left, leftLeading, leftTransposed, k0, deep, i0, height, rows, packedLeft);
        for (let j = 0; j < width; j += 8) {
          const panel = packedRight + ((<usize>j * deep) << 2);
          for (let i = 0; i < height; i += 4) {
            const to = out + (<usize>(i0 + i) * outLeading) + (<usize>(j0 + j) << 2);
            tile(packedLeft + ((<usize>i * deep) << 2), panel, deep, to, outLeading, height - i, width - j, k0 == 0, spill);
          }
        }
      }
    }
  }
}

/**
 * Operands: left, right, out, rows, columns, depth, left's and right's leading dimension (elements), transposed (bit 0 left,
 * bit 1 right), matrices, stride of left and right from one matrix to the next (elements), how work is split.
 * Shapes: left [rows, depth], right [depth, columns], out [rows, columns] in C order, or as stored where transposed.
 */
export function product(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  let left = <usize>load<u32>(at);
  let right = <usize>load<u32>(at, 4);
  let out = <usize>load<u32>(at, 8);
  const rows = load<i32>(at, 12);
  const columns = load<i32>(at, 16);
  const depth = load<i32>(at, 20);
  const leftLeading = load<i32>(at, 24);
  const rightLeading = load<i32>(at, 28);
  const transposed = load<i32>(at, 32);
  let matrices = load<i32>(at, 36);
  const leftStride = <usize>load<i32>(at, 40) << 2;
  const rightStride = <usize>load<i32>(at, 44) << 2;
  const outStride = (<usize>rows * columns) << 2;
  const split = load<i32>(at, 48);
  let row0 = 0;
  let row1 = rows;
  let column0 = 0;
  let column1 = columns;
  if (split == SPLIT_BATCH) {
    left += <usize>from * leftStride;
    right += <usize>from * rightStride;
    out += <usize>from * outStride;
    matrices = to - from;
  } else if (split == SPLIT_ROWS) {
    row0 = from << 2;
    row1 = min(rows, to << 2);
  } else {
    column0 = from << 3;
    column1 = min(columns, to << 3);
  }
  for (let matrix = 0; matrix < matrices; matrix++) {
    block(left, right, out, rows, columns, depth, leftLeading, rightLeading, (transposed & 1) != 0, (transposed & 2) != 0, row0, row1, column0, column1, scratch);
    left += leftStride;
    right += rightStride;
    out += outStride;
  }
}

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
