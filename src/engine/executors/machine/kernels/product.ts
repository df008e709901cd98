/**
 * @file Matrix products, block by block. The right operand is packed into panels of eight columns, as its first rows are
 * multiplied unless it is stored transposed; the left one is read where it stands unless it is, and then packed into quads of rows. Depth is cut into blocks of a fixed
 * size, so that each element is summed in one order, whoever computes it.
 */

import { finish } from "./finish";
import { BLOCK_COLUMNS, BLOCK_DEPTH, BLOCK_ROWS, HEAD_LENGTH, SPLIT_BATCH, SPLIT_DEPTH, SPLIT_ROWS } from "./layout";
import { packLeft, packRight } from "./pack";
import { packingStrip, strip } from "./tile";
import { pairOfStrips, widePackingStrip } from "./wideTile";
import { PAIRS } from "./width";

/** out[row0..row1, column0..column1] = left · right, for one matrix. */
function block(left: usize, right: usize, out: usize, rows: i32, columns: i32, depth: i32, leftLeading: i32, rightLeading: i32, leftTransposed: bool, rightTransposed: bool, row0: i32, row1: i32, column0: i32, column1: i32, scratch: usize, steps: usize, stepCount: i32): void {
  const outLeading = <usize>columns << 2;
  const spill = scratch;
  const packedLeft = scratch + 128;
  const packedRight = packedLeft + BLOCK_ROWS * BLOCK_DEPTH * 4;
  const blocks = (depth + BLOCK_DEPTH - 1) / BLOCK_DEPTH;
  const blockDepth = (depth + blocks - 1) / blocks;
  const rowBytes = <usize>leftLeading << 2;
  for (let j0 = column0; j0 < column1; j0 += BLOCK_COLUMNS) {
    const width = min(BLOCK_COLUMNS, column1 - j0);
    for (let k0 = 0; k0 < depth; k0 += blockDepth) {
      const deep = min(blockDepth, depth - k0);
      if (rightTransposed) packRight(right, rightLeading, k0, deep, j0, width, columns, packedRight);
      for (let i0 = row0; i0 < row1; i0 += BLOCK_ROWS) {
        const height = min(BLOCK_ROWS, row1 - i0);
        if (leftTransposed) packLeft(left, leftLeading, k0, deep, i0, height, packedLeft);
        const rowStep: usize = leftTransposed ? 4 : rowBytes;
        const step: usize = leftTransposed ? <usize>16 : 4;
        const quadStep = leftTransposed ? <usize>deep << 4 : rowBytes << 2;
        const start = leftTransposed ? packedLeft : left + <usize>i0 * rowBytes + (<usize>k0 << 2);
        const packs = !rightTransposed && i0 == row0;
        let j = 0;
        if (PAIRS && height >= 4) {
          for (; j + 16 <= width; j += 16) {
            const to = out + (<usize>i0 * outLeading) + (<usize>(j0 + j) << 2);
            const panel = packedRight + ((<usize>j * deep) << 2);
            const beside = <usize>deep << 5;
            if (packs) {
              const source = right + ((<usize>k0 * rightLeading + j0 + j) << 2);
              widePackingStrip(start, rowStep, step, source, <usize>rightLeading << 2, panel, beside, deep, to, outLeading, k0 == 0);
            }
            const done: usize = packs ? 1 : 0;
            pairOfStrips(start + done * quadStep, quadStep, rowStep, step, panel, beside, deep, to + done * (outLeading << 2), outLeading, height - <i32>done * 4, k0 == 0, spill);
          }
        }
        for (; j < width; j += 8) {
          let quad = start;
          let to = out + (<usize>i0 * outLeading) + (<usize>(j0 + j) << 2);
          let rest = height;
          const panel = packedRight + ((<usize>j * deep) << 2);
          if (packs) {
            const source = right + ((<usize>k0 * rightLeading + j0 + j) << 2);
            packingStrip(quad, rowStep, step, source, <usize>rightLeading << 2, panel, deep, to, outLeading, rest, width - j, k0 == 0, spill);
            quad += quadStep;
            to += outLeading << 2;
            rest -= 4;
          }
          strip(quad, quadStep, rowStep, step, panel, deep, to, outLeading, rest, width - j, k0 == 0, spill);
        }
        if (stepCount > 0 && k0 + deep == depth) finish(steps, stepCount, out, outLeading, i0, height, j0, width);
      }
    }
  }
}

/**
 * Operands: left, right, out, rows, columns, depth, left's and right's leading dimension (elements), transposed (bit 0 left,
 * bit 1 right), matrices, stride of left and right from one matrix to the next (elements), how work is split. Where it is
 * split by depth, `depth` is that of one part, of which there are `matrices`, and out has room for each part's own sum; the next
 * operand is how deep the last part is. Then how many steps finish the result, and their words, see `finish`.
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
  const stepCount = load<i32>(at, 56);
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
  if (split == SPLIT_DEPTH) {
    for (let part = from; part < to; part++) {
      const deep = part == matrices - 1 ? load<i32>(at, 52) : depth;
      block(left + <usize>part * leftStride, right + <usize>part * rightStride, out + <usize>part * outStride, rows, columns, deep, leftLeading, rightLeading, (transposed & 1) != 0, (transposed & 2) != 0, 0, rows, 0, columns, scratch, 0, 0);
    }
    return;
  }
  for (let matrix = 0; matrix < matrices; matrix++) {
    block(left, right, out, rows, columns, depth, leftLeading, rightLeading, (transposed & 1) != 0, (transposed & 2) != 0, row0, row1, column0, column1, scratch, at + 60, stepCount);
    left += leftStride;
    right += rightStride;
    out += outStride;
  }
}
