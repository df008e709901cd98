/** @file What products do to a block of their result before it leaves the second-level cache: a bias, a way around, a factor, ReLU. */
import { FINISH_ADD, FINISH_ADD_ROW, FINISH_MULTIPLY, FINISH_RELU } from "./layout";

// @ts-expect-error: decorator
@inline
function four(kind: i32, x: v128, y: v128): v128 {
  if (kind == FINISH_RELU) return v128.andnot(x, f32x4.lt(x, f32x4.splat(0)));
  if (kind == FINISH_MULTIPLY) return f32x4.mul(x, y);
  return f32x4.add(x, y);
}

// @ts-expect-error: decorator
@inline
function one(kind: i32, x: f32, y: f32): f32 {
  if (kind == FINISH_RELU) return x < 0 ? 0 : x;
  if (kind == FINISH_MULTIPLY) return x * y;
  return x + y;
}

// @ts-expect-error: decorator
@inline
function line(kind: i32, to: usize, from: usize, columns: i32): void {
  let at = to;
  let operand = from;
  let rest = columns;
  for (; rest >= 16; rest -= 16) {
    v128.store(at, four(kind, v128.load(at), v128.load(operand)));
    v128.store(at, four(kind, v128.load(at, 16), v128.load(operand, 16)), 16);
    v128.store(at, four(kind, v128.load(at, 32), v128.load(operand, 32)), 32);
    v128.store(at, four(kind, v128.load(at, 48), v128.load(operand, 48)), 48);
    at += 64;
    operand += 64;
  }
  for (; rest >= 4; rest -= 4) {
    v128.store(at, four(kind, v128.load(at), v128.load(operand)));
    at += 16;
    operand += 16;
  }
  for (; rest > 0; rest--) {
    store<f32>(at, one(kind, load<f32>(at), load<f32>(operand)));
    at += 4;
    operand += 4;
  }
}

/**
 * Takes `count` steps of two words each, a kind and an address, over out[row .. row + rows, column .. column + columns]; the result
 * and operands that are as large as it have `leading` bytes from row to row.
 */
export function finish(steps: usize, count: i32, out: usize, leading: usize, row: i32, rows: i32, column: i32, columns: i32): void {
  const beside = <usize>column << 2;
  let offset = <usize>row * leading + beside;
  for (let i = 0; i < rows; i++, offset += leading) {
    for (let step = 0, at = steps; step < count; step++, at += 8) {
      const kind = load<i32>(at);
      const operand = <usize>load<u32>(at, 4);
      if (kind == FINISH_ADD_ROW) line(FINISH_ADD_ROW, out + offset, operand + beside, columns);
      else if (kind == FINISH_ADD) line(FINISH_ADD, out + offset, operand + offset, columns);
      else if (kind == FINISH_MULTIPLY) line(FINISH_MULTIPLY, out + offset, operand + offset, columns);
      else line(FINISH_RELU, out + offset, out + offset, columns);
    }
  }
}
