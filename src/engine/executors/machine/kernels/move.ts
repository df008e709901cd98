/** @file Instructions that move elements without computing: copies with any strides, fills, gather, scatter and one-hot. */
import { CHUNK, COLUMN_CHUNK, HEAD_LENGTH } from "./layout";

/** Operands: source, out, elements. Units are chunks. */
export function copy(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const start = <usize>from * CHUNK;
  const end = min(<usize>load<u32>(at, 8), <usize>to * CHUNK);
  memory.copy(load<u32>(at, 4) + (start << 2), load<u32>(at) + (start << 2), (end - start) << 2);
}

/** Operands: out, elements, the value's bits. Units are chunks. */
export function fill(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const out = <usize>load<u32>(at);
  const value = load<i32>(at, 8);
  const end = out + (min(<usize>load<u32>(at, 4), <usize>to * CHUNK) << 2);
  let i = out + ((<usize>from * CHUNK) << 2);
  for (; i + 16 <= end; i += 16) v128.store(i, i32x4.splat(value));
  for (; i < end; i += 4) store<i32>(i, value);
}

/**
 * Operands: source, out, axes, then for each axis, outermost first: size, source's stride, out's stride, in elements.
 * Units are lines along the last axis.
 */
export function copyStrided(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const source = <usize>load<u32>(at);
  const out = <usize>load<u32>(at, 4);
  const axes = load<i32>(at, 8);
  const table = at + 12;
  const last = table + <usize>(axes - 1) * 12;
  const length = load<i32>(last);
  const sourceStep = (<usize>load<i32>(last, 4)) << 2;
  const outStep = (<usize>load<i32>(last, 8)) << 2;
  // Lines that are neighbours along the axis before follow each other without a division.
  const before = last - 12;
  const isFlat = before < table;
  const lines = isFlat ? 1 : load<i32>(before);
  const sourceLine = isFlat ? 0 : (<usize>load<i32>(before, 4)) << 2;
  const outLine = isFlat ? 0 : (<usize>load<i32>(before, 8)) << 2;
  for (let unit = from; unit < to; ) {
    let rest = unit / lines;
    const first = unit - rest * lines;
    let read = source + <usize>first * sourceLine;
    let write = out + <usize>first * outLine;
    for (let axis = before - 12; axis >= table && !isFlat; axis -= 12) {
      const size = load<i32>(axis);
      const quotient = rest / size;
      const index = (<usize>(rest - quotient * size)) << 2;
      rest = quotient;
      read += index * load<i32>(axis, 4);
      write += index * load<i32>(axis, 8);
    }
    let count = min(lines - first, to - unit);
    unit += count;
    if (sourceLine == 4 && outStep == 4 && length >= 4) {
      for (; count >= 4; count -= 4, read += 16, write += outLine << 2) turn(read, sourceStep, write, outLine, length);
    }
    for (; count > 0; count--, read += sourceLine, write += outLine) line(read, sourceStep, write, outStep, length);
  }
}

/** Elements one after the other, `sourceStep` and `outStep` bytes apart. */
// @ts-expect-error: decorator
@inline
function line(read: usize, sourceStep: usize, write: usize, outStep: usize, length: i32): void {
  let i = 0;
  if (sourceStep == 4 && outStep == 4) {
    for (; i + 4 <= length; i += 4, read += 16, write += 16) v128.store(write, v128.load(read));
  }
  for (; i < length; i++, read += sourceStep, write += outStep) store<i32>(write, load<i32>(read));
}

/** Four columns of the source, `sourceStep` bytes from element to element, as four lines of `length`, in blocks of 4 × 4. */
function turn(read: usize, sourceStep: usize, write: usize, outLine: usize, length: i32): void {
  let i = 0;
  for (; i + 4 <= length; i += 4, read += sourceStep << 2, write += 16) {
    const a = v128.load(read);
    const b = v128.load(read + sourceStep);
    const c = v128.load(read + 2 * sourceStep);
    const d = v128.load(read + 3 * sourceStep);
    const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    v128.store(write, v128.shuffle<i64>(ab, cd, 0, 2));
    v128.store(write + outLine, v128.shuffle<i64>(ab, cd, 1, 3));
    v128.store(write + 2 * outLine, v128.shuffle<i64>(abHigh, cdHigh, 0, 2));
    v128.store(write + 3 * outLine, v128.shuffle<i64>(abHigh, cdHigh, 1, 3));
  }
  for (; i < length; i++, read += sourceStep, write += 4) {
    store<i32>(write, load<i32>(read));
    store<i32>(write + outLine, load<i32>(read, 4));
    store<i32>(write + 2 * outLine, load<i32>(read, 8));
    store<i32>(write + 3 * outLine, load<i32>(read, 12));
  }
}

/** Operands: source [outer, length, inner], indices [count], out [outer, count, inner], length, count, inner. Units: outer × count. */
export function gather(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const source = <usize>load<u32>(at);
  const indices = <usize>load<u32>(at, 4);
  const out = <usize>load<u32>(at, 8);
  const length = load<i32>(at, 12);
  const count = load<i32>(at, 16);
  const bytes = (<usize>load<i32>(at, 20)) << 2;
  for (let unit = from; unit < to; unit++) {
    const outer = unit / count;
    const row = load<i32>(indices + ((<usize>(unit - outer * count)) << 2));
    const target = out + <usize>unit * bytes;
    if (<u32>row >= <u32>length) memory.fill(target, 0, bytes);
    else memory.copy(target, source + (<usize>outer * length + row) * bytes, bytes);
  }
}

/**
 * Operands: updates [outer, count, inner], indices [count], out [outer, size, inner], size, count, inner, 1 for integers.
 * Units: outer × chunks of columns, so that one thread adds all that falls on an element, in the order of the indices.
 */
export function scatterAdd(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const updates = <usize>load<u32>(at);
  const indices = <usize>load<u32>(at, 4);
  const out = <usize>load<u32>(at, 8);
  const size = load<i32>(at, 12);
  const count = load<i32>(at, 16);
  const inner = load<i32>(at, 20);
  const isInteger = load<i32>(at, 24) != 0;
  const chunks = (inner + COLUMN_CHUNK - 1) / COLUMN_CHUNK;
  for (let unit = from; unit < to; unit++) {
    const outer = unit / chunks;
    const column = (unit - outer * chunks) * COLUMN_CHUNK;
    const width = min(COLUMN_CHUNK, inner - column);
    const target = out + ((<usize>outer * size * inner + column) << 2);
    for (let row = 0; row < size; row++) memory.fill(target + ((<usize>row * inner) << 2), 0, (<usize>width) << 2);
    let read = updates + ((<usize>outer * count * inner + column) << 2);
    for (let i = 0; i < count; i++, read += (<usize>inner) << 2) {
      const row = load<i32>(indices + ((<usize>i) << 2));
      if (<u32>row >= <u32>size) continue;
      const write = target + ((<usize>row * inner) << 2);
      for (let j: usize = 0, end = (<usize>width) << 2; j < end; j += 4) {
        if (isInteger) store<i32>(write + j, load<i32>(write + j) + load<i32>(read + j));
        else store<f32>(write + j, load<f32>(write + j) + load<f32>(read + j));
      }
    }
  }
}

/** Operands: indices, out [units, classes], classes. */
export function oneHot(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const indices = <usize>load<u32>(at);
  const classes = load<i32>(at, 8);
  const bytes = (<usize>classes) << 2;
  const out = <usize>load<u32>(at, 4);
  for (let row = from; row < to; row++) {
    const target = out + <usize>row * bytes;
    memory.fill(target, 0, bytes);
    const index = load<i32>(indices + ((<usize>row) << 2));
    if (<u32>index < <u32>classes) store<f32>(target + ((<usize>index) << 2), 1);
  }
}
