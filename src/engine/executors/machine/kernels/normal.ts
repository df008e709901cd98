/**
 * @file The normal distribution by table, for GELU and its slope: a cubic for each 64th of [−6, 6], whose derivative is the
 * density. Within 2e-8 and 5e-8, in a third of the time that an exponential and an error function take.
 */
import { fma, fnma } from "./lanes";
import { NORMAL_END, NORMAL_STEPS, NORMAL_TABLE } from "./layout";

const END = memory.data<f32>([<f32>NORMAL_END]);
const MINUS_END = memory.data<f32>([-<f32>NORMAL_END]);
const STEPS = memory.data<f32>([<f32>NORMAL_STEPS]);
const STEP = memory.data<f32>([1 / <f32>NORMAL_STEPS]);
/** Added to a small float, it leaves the nearest integer in the lowest bits, counted from the table's first row. */
const ROUNDING = memory.data<f32>([12582912]);
const ROW = memory.data<i32>([0x4b400000 - NORMAL_STEPS * NORMAL_END]);

// @ts-expect-error: decorator
@inline
function all(number: usize): v128 {
  return v128.load32_splat(number);
}

/** x · Φ(x) to `to`, and its slope Φ(x) + x · φ(x) to `slope`, each where it is wanted. NaN and infinities as the formulas have them. */
// @ts-expect-error: decorator
@inline
export function gelu(x: v128, to: usize, slope: usize, isWanted: bool, isSlopeWanted: bool): void {
  // NaN takes the last row: its own product makes it NaN again.
  const near = f32x4.pmax(f32x4.pmin(all(END), x), all(MINUS_END));
  const n = fma(near, all(STEPS), all(ROUNDING));
  const f = fnma(f32x4.sub(n, all(ROUNDING)), all(STEP), near);
  const rows = i32x4.shl(i32x4.sub(n, all(ROW)), 4);
  const a = v128.load(<usize>i32x4.extract_lane(rows, 0) + NORMAL_TABLE);
  const b = v128.load(<usize>i32x4.extract_lane(rows, 1) + NORMAL_TABLE);
  const c = v128.load(<usize>i32x4.extract_lane(rows, 2) + NORMAL_TABLE);
  const d = v128.load(<usize>i32x4.extract_lane(rows, 3) + NORMAL_TABLE);
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const cube = v128.shuffle<f64>(abHigh, cdHigh, 1, 3);
  const square = fma(cube, f, v128.shuffle<f64>(abHigh, cdHigh, 0, 2));
  const line = fma(square, f, v128.shuffle<f64>(ab, cd, 1, 3));
  const below = fma(line, f, v128.shuffle<f64>(ab, cd, 0, 2));
  if (isWanted) v128.store(to, f32x4.mul(x, below));
  if (isSlopeWanted) {
    const bend = fma(cube, f, square);
    const density = fma(bend, f, line);
    v128.store(slope, fma(x, density, below));
  }
}
