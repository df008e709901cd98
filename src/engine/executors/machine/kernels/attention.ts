/**
 * @file Attention and its gradients, head by head. Scores of a block of queries stand in the scratch memory, as wide as there
 * are keys; what a causal mask hides is left out in groups of eight: products, exponentials and all. The way back computes
 * the weights again. Rows of all operands are [time, heads, width], so that nothing is turned in memory.
 */
import { choose, fma, sumLanes } from "./lanes";
import { ATTENTION_GROUP, HEAD_LENGTH } from "./layout";
import { expShare } from "./mathematics";
import { packColumns, packRight } from "./pack";
import { strip } from "./tile";
import { pairOfStrips } from "./wideTile";
import { PAIRS } from "./width";

const GROUP: i32 = ATTENTION_GROUP;
/** Below no score that is a number; finite, so that it can be taken off. */
const LEAST: f32 = -3.4028234e38;

// What stays the same for a head. One thread's copy each: globals belong to an instance of the module.
let keyCount: i32 = 0;
/** Bytes of a row of scores: keys in whole groups. */
let pitch: usize = 0;
/** Queries see keys 0 … query + this; or all. */
let ahead: i32 = 0;
let isCausal: bool = false;
let spill: usize = 0;
/** Of this head's mask, 0 where there is none, in bytes. */
let mask: usize = 0;
let maskRow: usize = 0;
let maskKey: usize = 0;

// @ts-expect-error: decorator
@inline
function groups(count: i32): i32 {
  return (count + GROUP - 1) / GROUP;
}

/** How many keys a query sees. */
// @ts-expect-error: decorator
@inline
function seenBy(query: i32): i32 {
  return isCausal ? max(0, min(keyCount, query + ahead + 1)) : keyCount;
}

/** As far as any of a row's group sees, in whole groups of keys, in bytes. */
// @ts-expect-error: decorator
@inline
function seenByGroup(row: i32, start: i32): usize {
  return <usize>(groups(seenBy(start + row / GROUP * GROUP + GROUP - 1)) * GROUP) << 2;
}

/** The first query of a block from `start` on, counted in it and in whole groups, that sees a key. */
// @ts-expect-error: decorator
@inline
function firstToSee(key: i32, start: i32): i32 {
  return isCausal ? max(0, key - ahead - start) / GROUP * GROUP : 0;
}

/** to[rows][keys] = left[rows][depth] · packed keys, where a row may see them. `start` is the block's first query. */
function scores(left: usize, leftRow: usize, packed: usize, depth: i32, rows: i32, start: i32, to: usize): void {
  const panelBytes = <usize>depth << 5;
  for (let key = 0; key < keyCount; key += GROUP) {
    const first = firstToSee(key, start);
    if (first >= rows) return;
    const target = to + <usize>first * pitch + (<usize>key << 2);
    const from = left + <usize>first * leftRow;
    const panel = packed + ((<usize>key * depth) << 2);
    const late = firstToSee(key + GROUP, start);
    if (PAIRS && key + GROUP < keyCount && late < rows) {
      const skipped = <usize>(late - first);
      strip(from, leftRow << 2, leftRow, 4, panel, depth, target, pitch, late - first, 8, true, spill);
      pairOfStrips(from + skipped * leftRow, leftRow << 2, leftRow, 4, panel, panelBytes, depth, target + skipped * pitch, pitch, rows - late, true, spill);
      key += GROUP;
      continue;
    }
    strip(from, leftRow << 2, leftRow, 4, panel, depth, target, pitch, rows - first, 8, true, spill);
  }
}

/** to[rows][columns] = at[rows][keys] · packed [keys][columns]. */
function blend(at: usize, packed: usize, columns: i32, rows: i32, start: i32, to: usize, toRow: usize): void {
  for (let row = 0; row < rows; row += GROUP) {
    const count = min(GROUP, rows - row);
    const depth = seenBy(start + row + count - 1);
    const target = to + <usize>row * toRow;
    if (depth == 0) {
      for (let i = 0; i < count; i++) memory.fill(target + <usize>i * toRow, 0, <usize>columns << 2);
      continue;
    }
    let column = 0;
    if (PAIRS) {
      for (; column + 16 <= columns; column += 16) {
        const panel = packed + ((<usize>column * keyCount) << 2);
        pairOfStrips(at + <usize>row * pitch, pitch << 2, pitch, 4, panel, <usize>keyCount << 5, depth, target + (<usize>column << 2), toRow, count, true, spill);
      }
    }
    for (; column < columns; column += 8) {
      const panel = packed + ((<usize>column * keyCount) << 2);
      strip(at + <usize>row * pitch, pitch << 2, pitch, 4, panel, depth, target + (<usize>column << 2), toRow, count, columns - column, true, spill);
    }
  }
}

/** to[keys][columns] = (or += unless `first`) transposed at[rows][keys] · packed [rows][columns]. */
function gather(at: usize, packed: usize, columns: i32, rows: i32, start: i32, to: usize, toRow: usize, first: bool): void {
  for (let key = 0; key < keyCount; key += GROUP) {
    const count = min(GROUP, keyCount - key);
    const begin = firstToSee(key, start);
    const target = to + <usize>key * toRow;
    if (begin >= rows) {
      for (let i = 0; i < count && first; i++) memory.fill(target + <usize>i * toRow, 0, <usize>columns << 2);
      continue;
    }
    const from = at + <usize>begin * pitch + (<usize>key << 2);
    let column = 0;
    if (PAIRS) {
      for (; column + 16 <= columns; column += 16) {
        const panel = packed + ((<usize>column * rows) << 2) + (<usize>begin << 5);
        pairOfStrips(from, 16, 4, pitch, panel, <usize>rows << 5, rows - begin, target + (<usize>column << 2), toRow, count, first, spill);
      }
    }
    for (; column < columns; column += 8) {
      const panel = packed + ((<usize>column * rows) << 2) + (<usize>begin << 5);
      strip(from, 16, 4, pitch, panel, rows - begin, target + (<usize>column << 2), toRow, count, columns - column, first, spill);
    }
  }
}

/** Scores that a mask hides become −∞, over `width` bytes. */
function hide(at: usize, width: usize, marks: usize): void {
  const hidden = f32x4.splat(-Infinity);
  for (let i: usize = 0; i < width; i += 16) {
    const visible = maskKey == 0 ? v128.load32_splat(marks) : v128.load(marks + i);
    v128.store(at + i, choose(i32x4.ne(visible, i32x4.splat(0)), v128.load(at + i), hidden));
  }
}

/** Scores become weights: exp(scale · (score − the largest)), divided by their sum; zeros where a query may not look. */
function softmax(at: usize, rows: i32, start: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  for (let row = 0; row < rows; row++, at += pitch) {
    const query = start + row;
    const width = seenByGroup(row, start);
    for (let i = <usize>seenBy(query) << 2; i < width; i += 4) store<f32>(at + i, -Infinity);
    if (mask != 0) hide(at, width, mask + <usize>query * maskRow);
    let a = f32x4.splat(LEAST);
    let b = a;
    for (let i: usize = 0; i < width; i += 32) {
      a = f32x4.pmax(a, v128.load(at + i));
      b = f32x4.pmax(b, v128.load(at + i, 16));
    }
    a = f32x4.pmax(a, b);
    const high = max(f32x4.extract_lane(a, 0), f32x4.extract_lane(a, 1));
    const top = f32x4.splat(max(high, max(f32x4.extract_lane(a, 2), f32x4.extract_lane(a, 3))));
    a = f32x4.splat(0);
    b = a;
    for (let i: usize = 0; i < width; i += 32) {
      const x = expShare(f32x4.mul(f32x4.sub(v128.load(at + i), top), factor));
      const y = expShare(f32x4.mul(f32x4.sub(v128.load(at + i, 16), top), factor));
      v128.store(at + i, x);
      v128.store(at + i, y, 16);
      a = f32x4.add(a, x);
      b = f32x4.add(b, y);
    }
    const total = sumLanes(f32x4.add(a, b));
    const share = f32x4.splat(total == 0 ? 0 : 1 / total);
    for (let i: usize = 0; i < width; i += 32) {
      const x = f32x4.mul(v128.load(at + i), share);
      const y = f32x4.mul(v128.load(at + i, 16), share);
      v128.store(at + i, x);
      v128.store(at + i, y, 16);
    }
  }
}

/** at = weights · (at − Σ weights · at) · scale, row by row: the softmax's way back. */
function slopes(weights: usize, at: usize, rows: i32, start: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  for (let row = 0; row < rows; row++, weights += pitch, at += pitch) {
    const width = seenByGroup(row, start);
    let a = f32x4.splat(0);
    let b = a;
    for (let i: usize = 0; i < width; i += 32) {
      a = fma(v128.load(weights + i), v128.load(at + i), a);
      b = fma(v128.load(weights + i, 16), v128.load(at + i, 16), b);
    }
    const mean = f32x4.splat(sumLanes(f32x4.add(a, b)));
    for (let i: usize = 0; i < width; i += 32) {
      const x = f32x4.mul(f32x4.mul(v128.load(weights + i), factor), f32x4.sub(v128.load(at + i), mean));
      const y = f32x4.mul(f32x4.mul(v128.load(weights + i, 16), factor), f32x4.sub(v128.load(at + i, 16), mean));
      v128.store(at + i, x);
      v128.store(at + i, y, 16);
    }
  }
}

/**
 * Brings rows of the next heads into the second-level cache, line after line: heads read stretches of them that are too short for
 * the processor to read ahead.
 */
function bring(rows: usize, count: i32, rowBytes: usize, bytes: usize): void {
  let seen: i32 = 0;
  for (let i = 0; i < count; i++, rows += rowBytes) {
    for (let at = rows & ~63, end = rows + bytes; at < end; at += 64) seen |= load<i32>(at);
  }
  store<i32>(spill, seen);
}

/** What the operands say of the mask, for one head: its address, and its steps. */
function lookAtMask(at: usize, batch: i32, head: i32): void {
  mask = <usize>load<u32>(at);
  if (mask == 0) return;
  mask += ((<usize>batch * load<i32>(at, 4) + <usize>head * load<i32>(at, 8)) << 2);
  maskRow = <usize>load<i32>(at, 12) << 2;
  maskKey = <usize>load<i32>(at, 16) << 2;
}

/**
 * Operands: queries [batch, t, heads, width], keys [batch, s, key heads, width], values [batch, s, key heads, value width],
 * out [batch, t, heads, value width], t, s, heads, key heads, width, value width, scale, 1 for causal, queries in a block;
 * the mask (0: none) and its steps from batch to batch, head to head, query to query and key to key. Units: batch × heads.
 */
export function attention(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const t = load<i32>(at, 16);
  keyCount = load<i32>(at, 20);
  const heads = load<i32>(at, 24);
  const keyHeads = load<i32>(at, 28);
  const width = load<i32>(at, 32);
  const valueWidth = load<i32>(at, 36);
  const scale = load<f32>(at, 40);
  isCausal = load<i32>(at, 44) != 0;
  const block = load<i32>(at, 48);
  ahead = keyCount - t;
  const padded = groups(keyCount) * GROUP;
  pitch = <usize>padded << 2;
  spill = scratch;
  const keys = scratch + 128;
  const values = keys + ((<usize>padded * width) << 2);
  const weights = values + ((<usize>keyCount * groups(valueWidth) * 8) << 2);
  const queryRow = <usize>(heads * width) << 2;
  const keyRow = keyHeads * width;
  const valueRow = <usize>(keyHeads * valueWidth) << 2;
  const outRow = <usize>(heads * valueWidth) << 2;
  for (let unit = from; unit < to; unit++) {
    const batch = unit / heads;
    const head = unit - batch * heads;
    const keyHead = head / (heads / keyHeads);
    lookAtMask(at + 52, batch, head);
    const keysAt = <usize>load<u32>(at, 4) + ((<usize>batch * keyCount * keyRow + <usize>keyHead * width) << 2);
    const valuesAt = <usize>load<u32>(at, 8) + <usize>batch * keyCount * valueRow + (<usize>(keyHead * valueWidth) << 2);
    if (unit == from || head == 0) {
      const queriesAt = <usize>load<u32>(at) + <usize>batch * t * queryRow + (<usize>(head * width) << 2);
      const outAt = <usize>load<u32>(at, 12) + <usize>batch * t * outRow + (<usize>(head * valueWidth) << 2);
      const near = min(to - unit, heads - head);
      const nearKeys = (near + heads / keyHeads - 1) / (heads / keyHeads);
      bring(keysAt, keyCount, <usize>keyRow << 2, <usize>(nearKeys * width) << 2);
      bring(valuesAt, keyCount, valueRow, <usize>(nearKeys * valueWidth) << 2);
      bring(queriesAt, t, queryRow, <usize>(near * width) << 2);
      bring(outAt, t, outRow, <usize>(near * valueWidth) << 2);
    }
    packRight(keysAt, keyRow, 0, width, 0, keyCount, keyCount, keys);
    packColumns(valuesAt, valueRow, keyCount, valueWidth, values);
    let queries = <usize>load<u32>(at) + <usize>batch * t * queryRow + (<usize>(head * width) << 2);
    let out = <usize>load<u32>(at, 12) + <usize>batch * t * outRow + (<usize>(head * valueWidth) << 2);
    for (let start = 0; start < t; start += block) {
      const rows = min(block, t - start);
      scores(queries, queryRow, keys, width, rows, start, weights);
      softmax(weights, rows, start, scale);
      blend(weights, values, valueWidth, rows, start, out, outRow);
      queries += <usize>rows * queryRow;
      out += <usize>rows * outRow;
    }
  }
}

/**
 * Operands: the result's gradient, queries, keys, values, gradients of queries, keys and values, and then as `attention` from t
 * on. Units: batch × key heads.
 */
export function attentionGradients(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const t = load<i32>(at, 28);
  keyCount = load<i32>(at, 32);
  const heads = load<i32>(at, 36);
  const keyHeads = load<i32>(at, 40);
  const width = load<i32>(at, 44);
  const valueWidth = load<i32>(at, 48);
  const scale = load<f32>(at, 52);
  isCausal = load<i32>(at, 56) != 0;
  const block = load<i32>(at, 60);
  ahead = keyCount - t;
  const padded = groups(keyCount) * GROUP;
  pitch = <usize>padded << 2;
  spill = scratch;
  const wide = groups(width) * 8;
  const valueWide = groups(valueWidth) * 8;
  const turnedKeys = scratch + 128;
  const turnedValues = turnedKeys + ((<usize>padded * width) << 2);
  const keys = turnedValues + ((<usize>padded * valueWidth) << 2);
  const queries = keys + ((<usize>keyCount * wide) << 2);
  const flowing = queries + ((<usize>block * wide) << 2);
  const weights = flowing + ((<usize>block * valueWide) << 2);
  const slope = weights + <usize>block * pitch;
  const queryRow = <usize>(heads * width) << 2;
  const keyRow = <usize>(keyHeads * width) << 2;
  const valueRow = <usize>(keyHeads * valueWidth) << 2;
  const outRow = <usize>(heads * valueWidth) << 2;
  const sharing = heads / keyHeads;
  for (let unit = from; unit < to; unit++) {
    const batch = unit / keyHeads;
    const keyHead = unit - batch * keyHeads;
    const ofKeys = <usize>batch * keyCount * keyRow + (<usize>(keyHead * width) << 2);
    const ofValues = <usize>batch * keyCount * valueRow + (<usize>(keyHead * valueWidth) << 2);
    if (unit == from || keyHead == 0) {
      const near = min(to - unit, keyHeads - keyHead);
      const ofQueries = <usize>batch * t * queryRow + (<usize>(keyHead * sharing * width) << 2);
      const ofResult = <usize>batch * t * outRow + (<usize>(keyHead * sharing * valueWidth) << 2);
      bring(<usize>load<u32>(at, 8) + ofKeys, keyCount, keyRow, <usize>(near * width) << 2);
      bring(<usize>load<u32>(at, 12) + ofValues, keyCount, valueRow, <usize>(near * valueWidth) << 2);
      bring(<usize>load<u32>(at, 4) + ofQueries, t, queryRow, <usize>(near * sharing * width) << 2);
      bring(<usize>load<u32>(at) + ofResult, t, outRow, <usize>(near * sharing * valueWidth) << 2);
      bring(<usize>load<u32>(at, 16) + ofQueries, t, queryRow, <usize>(near * sharing * width) << 2);
      bring(<usize>load<u32>(at, 20) + ofKeys, keyCount, keyRow, <usize>(near * width) << 2);
      bring(<usize>load<u32>(at, 24) + ofValues, keyCount, valueRow, <usize>(near * valueWidth) << 2);
    }
    packRight(<usize>load<u32>(at, 8) + ofKeys, keyHeads * width, 0, width, 0, keyCount, keyCount, turnedKeys);
    packRight(<usize>load<u32>(at, 12) + ofValues, keyHeads * valueWidth, 0, valueWidth, 0, keyCount, keyCount, turnedValues);
    packColumns(<usize>load<u32>(at, 8) + ofKeys, keyRow, keyCount, width, keys);
    for (let head = keyHead * sharing; head < (keyHead + 1) * sharing; head++) {
      lookAtMask(at + 64, batch, head);
      for (let start = 0; start < t; start += block) {
        const rows = min(block, t - start);
        const isFirst = start == 0 && head == keyHead * sharing;
        const ofQueries = <usize>(batch * t + start) * queryRow + (<usize>(head * width) << 2);
        const ofResult = <usize>(batch * t + start) * outRow + (<usize>(head * valueWidth) << 2);
        packColumns(<usize>load<u32>(at, 4) + ofQueries, queryRow, rows, width, queries);
        packColumns(<usize>load<u32>(at) + ofResult, outRow, rows, valueWidth, flowing);
        scores(<usize>load<u32>(at, 4) + ofQueries, queryRow, turnedKeys, width, rows, start, weights);
        softmax(weights, rows, start, scale);
        scores(<usize>load<u32>(at) + ofResult, outRow, turnedValues, valueWidth, rows, start, slope);
        slopes(weights, slope, rows, start, scale);
        blend(slope, keys, width, rows, start, <usize>load<u32>(at, 16) + ofQueries, queryRow);
        gather(slope, queries, width, rows, start, <usize>load<u32>(at, 20) + ofKeys, keyRow, isFirst);
        gather(weights, flowing, valueWidth, rows, start, <usize>load<u32>(at, 24) + ofValues, valueRow, isFirst);
      }
    }
  }
}
