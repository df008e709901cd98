/**
 * @file A long short-term memory along whole sequences, and its way back: each thread takes rows of the batch through all steps,
 * so that threads meet once and no line of a state passes between them. A step is a product of its rows with panels that were
 * packed before, and short walks over its gates. What is kept of the steps stands in blocks [time, rows abreast, …], one behind the
 * other: where two threads write side by side, each core's look ahead takes lines from the other.
 */
import { bend, remember, sigmoids, tanhs, utter } from "./gates";
import { fma, fnma, splat } from "./lanes";
import { HEAD_LENGTH, LSTM_ROWS } from "./layout";
import { strip } from "./tile";
import { pairOfStrips } from "./wideTile";
import { PAIRS } from "./width";

/** Panels of one row that are multiplied at once, since a single one would wait for itself. */
const ABREAST: i32 = 4;

/** out[0..32] = row[0..depth] · four panels. */
function rowByFour(row: usize, panels: usize, depth: i32, out: usize): void {
  const next = <usize>depth << 5;
  let a0 = splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  for (const end = row + (<usize>depth << 2); row < end; row += 4, panels += 32) {
    const x = v128.load32_splat(row);
    a0 = fma(x, v128.load(panels), a0);
    a1 = fma(x, v128.load(panels, 16), a1);
    let at = panels + next;
    b0 = fma(x, v128.load(at), b0);
    b1 = fma(x, v128.load(at, 16), b1);
    at += next;
    c0 = fma(x, v128.load(at), c0);
    c1 = fma(x, v128.load(at, 16), c1);
    at += next;
    d0 = fma(x, v128.load(at), d0);
    d1 = fma(x, v128.load(at, 16), d1);
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(out, b0, 32);
  v128.store(out, b1, 48);
  v128.store(out, c0, 64);
  v128.store(out, c1, 80);
  v128.store(out, d0, 96);
  v128.store(out, d1, 112);
}

/** out[rows][columns] = left[rows][depth] · packed panels; `leftRow` and `outRow` are bytes from row to row. */
function multiply(left: usize, leftRow: usize, panels: usize, depth: i32, out: usize, outRow: usize, rows: i32, columns: i32, spill: usize): void {
  const panel = <usize>depth << 5;
  // Of fewer than four rows a tile would be wasted in part.
  const inTiles = rows & ~3;
  if (inTiles > 0) {
    let column = 0;
    let at = panels;
    if (PAIRS) {
      for (; column + 16 <= columns; column += 16, at += panel << 1) {
        pairOfStrips(left, leftRow << 2, leftRow, 4, at, panel, depth, out + (<usize>column << 2), outRow, inTiles, true, spill);
      }
    }
    for (; column < columns; column += 8, at += panel) {
      strip(left, leftRow << 2, leftRow, 4, at, depth, out + (<usize>column << 2), outRow, inTiles, columns - column, true, spill);
    }
  }
  for (let row = inTiles; row < rows; row++) {
    const from = left + <usize>row * leftRow;
    const to = out + <usize>row * outRow;
    let column = 0;
    let at = panels;
    for (; column + 8 * ABREAST <= columns; column += 8 * ABREAST, at += panel * ABREAST) {
      rowByFour(from, at, depth, to + (<usize>column << 2));
    }
    for (; column < columns; column += 8, at += panel) {
      strip(from, 0, leftRow, 4, at, depth, to + (<usize>column << 2), outRow, 1, columns - column, true, spill);
    }
  }
}

/** One row's sums become gates; its next cell, and hidden state, in two places. `width` is bytes of a state. */
function open(gates: usize, bias: usize, width: usize, cell: usize, nextCell: usize, nextHidden: usize, out: usize): void {
  const forgets = gates + width;
  const candidates = forgets + width;
  const outputs = candidates + width;
  sigmoids(gates, bias, candidates);
  tanhs(candidates, bias + (width << 1), outputs);
  sigmoids(outputs, bias + (width << 1) + width, outputs + width);
  remember(gates, forgets, candidates, cell, nextCell, nextCell + width);
  utter(nextCell, nextCell + width, outputs, nextHidden, out);
}

/**
 * The gates' slopes of one row, and its cell's gradient, which becomes that of the cell before. `bent` is room for a row; `ofOutput`
 * is 0 where nothing flows from there.
 */
function close(slopes: usize, gates: usize, width: usize, cell: usize, ofOutput: usize, ofHidden: usize, ofCell: usize, bent: usize): void {
  const twice = width << 1;
  const thrice = twice + width;
  const one = splat(1);
  remember(gates, gates + width, gates + twice, cell, bent, bent + width);
  bend(bent, bent + width);
  if (ofOutput != 0) {
    for (let i: usize = 0; i < width; i += 16) {
      v128.store(ofHidden + i, f32x4.add(v128.load(ofHidden + i), v128.load(ofOutput + i)));
    }
  }
  for (let i: usize = 0; i < width; i += 16) {
    const at = gates + i;
    const to = slopes + i;
    const curve = v128.load(bent + i);
    const through = f32x4.mul(v128.load(ofHidden + i), v128.load(at + thrice));
    const dc = fma(through, fnma(curve, curve, one), v128.load(ofCell + i));
    const output = v128.load(at + thrice);
    v128.store(to + thrice, f32x4.mul(f32x4.mul(through, curve), f32x4.sub(one, output)));
    const forget = v128.load(at + width);
    const forBefore = f32x4.mul(dc, forget);
    v128.store(ofCell + i, forBefore);
    v128.store(to + width, f32x4.mul(f32x4.mul(forBefore, v128.load(cell + i)), f32x4.sub(one, forget)));
    const input = v128.load(at);
    const candidate = v128.load(at + twice);
    const forInput = f32x4.mul(dc, input);
    v128.store(to, f32x4.mul(f32x4.mul(forInput, candidate), f32x4.sub(one, input)));
    v128.store(to + twice, f32x4.mul(forInput, fnma(candidate, candidate, one)));
  }
}

/** Where a row's first step is kept, counted in rows. */
// @ts-expect-error: decorator
@inline
function keptRow(row: i32, abreast: i32, time: i32): usize {
  const block = row / abreast;
  return <usize>block * abreast * time + (row - block * abreast);
}

/** Copies rows of `bytes`, which stand `fromRow` and `toRow` bytes apart: too short to call for help. */
function copyRows(from: usize, fromRow: usize, to: usize, toRow: usize, rows: i32, bytes: usize): void {
  const whole = bytes & ~15;
  for (let row = 0; row < rows; row++, from += fromRow, to += toRow) {
    for (let i: usize = 0; i < whole; i += 16) v128.store(to + i, v128.load(from + i));
    for (let i = whole; i < bytes; i += 4) store<i32>(to + i, load<i32>(from + i));
  }
}

/**
 * Operands: x [time, batch, features]; weights [features + hidden, 4 · hidden] in panels of eight columns; bias; first hidden state
 * and cell; marks of where sequences go on and begin (0: none); outputs, last hidden state and cell, what steps read, cells,
 * gates; time, batch, rows abreast, features, hidden, 1 for the other direction. `hidden` is a multiple of 4. Units: LSTM_ROWS of the batch.
 */
export function lstm(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const panels = <usize>load<u32>(at, 4);
  const bias = <usize>load<u32>(at, 8);
  const goesOn = <usize>load<u32>(at, 20);
  const begins = <usize>load<u32>(at, 24);
  const time = load<i32>(at, 52);
  const batch = load<i32>(at, 56);
  const abreast = load<i32>(at, 60);
  const features = <usize>load<i32>(at, 64) << 2;
  const hidden = load<i32>(at, 68);
  const reverse = load<i32>(at, 72) != 0;
  const width = <usize>hidden << 2;
  const gateRow = width << 2;
  const readRow = features + width;
  const depth = <i32>(readRow >> 2);
  const end = min(batch, to * LSTM_ROWS);
  for (let row0 = from * LSTM_ROWS; row0 < end; row0 += LSTM_ROWS) {
    const rows = min(LSTM_ROWS, end - row0);
    // Where the present step's first row stands, in sequences and in what is kept, counted in rows.
    const first = reverse ? time - 1 : 0;
    let place = <usize>first * batch + row0;
    let kept = keptRow(row0, abreast, time) + <usize>first * abreast;
    const step = reverse ? -<isize>batch : <isize>batch;
    const keptStep = reverse ? -<isize>abreast : <isize>abreast;
    copyRows(<usize>load<u32>(at, 12) + <usize>row0 * width, width, <usize>load<u32>(at, 40) + kept * readRow + features, readRow, rows, width);
    memory.copy(<usize>load<u32>(at, 44) + kept * width, <usize>load<u32>(at, 16) + <usize>row0 * width, <usize>rows * width);
    for (let t = 0; t < time; t++, place += step, kept += keptStep) {
      const read = <usize>load<u32>(at, 40) + kept * readRow;
      const cells = <usize>load<u32>(at, 44) + kept * width;
      const gates = <usize>load<u32>(at, 48) + kept * gateRow;
      copyRows(<usize>load<u32>(at) + place * features, features, read, readRow, rows, features);
      for (let row = 0; row < rows && begins != 0; row++) {
        if (load<i32>(begins + ((place + row) << 2)) == 0) continue;
        memory.fill(read + <usize>row * readRow + features, 0, width);
        memory.fill(cells + <usize>row * width, 0, width);
      }
      multiply(read, readRow, panels, depth, gates, gateRow, rows, hidden << 2, scratch);
      const isLast = t == time - 1;
      const after = kept + keptStep;
      const nextRow = isLast ? width : readRow;
      let nextHidden = isLast ? <usize>load<u32>(at, 32) + <usize>row0 * width : <usize>load<u32>(at, 40) + after * readRow + features;
      let nextCell = isLast ? <usize>load<u32>(at, 36) + <usize>row0 * width : <usize>load<u32>(at, 44) + after * width;
      let out = <usize>load<u32>(at, 28) + place * width;
      for (let row = 0; row < rows; row++, nextHidden += nextRow, nextCell += width, out += width) {
        const cell = cells + <usize>row * width;
        open(gates + <usize>row * gateRow, bias, width, cell, nextCell, nextHidden, out);
        if (goesOn == 0 || load<i32>(goesOn + ((place + row) << 2)) != 0) continue;
        memory.fill(out, 0, width);
        memory.copy(nextHidden, read + <usize>row * readRow + features, width);
        memory.copy(nextCell, cell, width);
      }
    }
  }
}

/**
 * Operands: transposed weights [4 · hidden, hidden] in panels of eight columns; cells and gates that `lstm` kept; gradients of the last
 * hidden state and cell, and of outputs (0: none); marks of where sequences go on and begin (0: none); slopes of gates, and gradients
 * of the first hidden state and cell; time, batch, rows abreast, hidden, 1 where `lstm` took the other direction. Units as there.
 */
export function lstmGradients(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const panels = <usize>load<u32>(at);
  const ofOutputs = <usize>load<u32>(at, 20);
  const goesOn = <usize>load<u32>(at, 24);
  const begins = <usize>load<u32>(at, 28);
  const time = load<i32>(at, 44);
  const batch = load<i32>(at, 48);
  const abreast = load<i32>(at, 52);
  const hidden = load<i32>(at, 56);
  const reverse = load<i32>(at, 60) != 0;
  const width = <usize>hidden << 2;
  const gateRow = width << 2;
  const end = min(batch, to * LSTM_ROWS);
  for (let row0 = from * LSTM_ROWS; row0 < end; row0 += LSTM_ROWS) {
    const rows = min(LSTM_ROWS, end - row0);
    const bytes = <usize>rows * width;
    const ofCell = scratch + 128;
    let ofHidden = ofCell + bytes;
    let before = ofHidden + bytes;
    const first = reverse ? 0 : time - 1;
    let place = <usize>first * batch + row0;
    let kept = keptRow(row0, abreast, time) + <usize>first * abreast;
    const step = reverse ? <isize>batch : -<isize>batch;
    const keptStep = reverse ? <isize>abreast : -<isize>abreast;
    memory.copy(ofHidden, <usize>load<u32>(at, 12) + <usize>row0 * width, bytes);
    memory.copy(ofCell, <usize>load<u32>(at, 16) + <usize>row0 * width, bytes);
    for (let t = 0; t < time; t++, place += step, kept += keptStep) {
      const cells = <usize>load<u32>(at, 4) + kept * width;
      const gates = <usize>load<u32>(at, 8) + kept * gateRow;
      const slopes = <usize>load<u32>(at, 32) + kept * gateRow;
      for (let row = 0; row < rows; row++) {
        const at = <usize>row * width;
        if (goesOn != 0 && load<i32>(goesOn + ((place + row) << 2)) == 0) {
          memory.fill(slopes + (at << 2), 0, gateRow);
          continue;
        }
        const ofOutput = ofOutputs == 0 ? <usize>0 : ofOutputs + place * width + at;
        close(slopes + (at << 2), gates + (at << 2), width, cells + at, ofOutput, ofHidden + at, ofCell + at, before);
      }
      multiply(slopes, gateRow, panels, hidden << 2, before, width, rows, hidden, scratch);
      for (let row = 0; row < rows && (goesOn != 0 || begins != 0); row++) {
        const at = <usize>row * width;
        const mark = (place + row) << 2;
        if (goesOn != 0 && load<i32>(goesOn + mark) == 0) memory.copy(before + at, ofHidden + at, width);
        if (begins == 0 || load<i32>(begins + mark) == 0) continue;
        memory.fill(before + at, 0, width);
        memory.fill(ofCell + at, 0, width);
      }
      const done = ofHidden;
      ofHidden = before;
      before = done;
    }
    memory.copy(<usize>load<u32>(at, 36) + <usize>row0 * width, ofHidden, bytes);
    memory.copy(<usize>load<u32>(at, 40) + <usize>row0 * width, ofCell, bytes);
  }
}
