/**
 * @file Convolutions over two axes without unfolding the image. Each plane is padded once and seen as one flat row, in which
 * every tap of the window is the same row shifted: eight neighbouring places and four output channels make a tile, and a
 * table says where each tap's row starts. Places that fall between two rows are computed and dropped. Strides are phases:
 * planes of every s-th row and column. The order of additions depends on the shapes alone.
 */
import { HEAD_LENGTH } from "./layout";
import { fma } from "./lanes";
import { closeOff, CUT_WORDS, cut } from "./planes";
import { PAIRS } from "./width";

/** Places of four channels computed before they are copied out, in the scratch memory; behind them, an image's planes. */
const BAND: i32 = 8192;
const LINE_BYTES: usize = 32832;
const PLANES: usize = 4 * LINE_BYTES;

/** Four channels at eight places: to[4][8] = Σ panel[k][4] · source[table[k]][8]. */
function places(panel: usize, table: usize, depth: i32, source: usize, to: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  const end = panel + (<usize>depth << 4);
  let at = source;
  let a = c00;
  let b0 = c00;
  let b1 = c00;
  // Two taps a turn: 2 to 5 % of strided convolutions.
  while (depth > 0) {
    at = source + <usize>load<u32>(table);
    b0 = v128.load(at);
    b1 = v128.load(at, 16);
    a = v128.load32_splat(panel);
    c00 = fma(a, b0, c00);
    c01 = fma(a, b1, c01);
    a = v128.load32_splat(panel, 4);
    c10 = fma(a, b0, c10);
    c11 = fma(a, b1, c11);
    a = v128.load32_splat(panel, 8);
    c20 = fma(a, b0, c20);
    c21 = fma(a, b1, c21);
    a = v128.load32_splat(panel, 12);
    c30 = fma(a, b0, c30);
    c31 = fma(a, b1, c31);
    panel += 16;
    if (panel == end) break;
    at = source + <usize>load<u32>(table, 8);
    b0 = v128.load(at);
    b1 = v128.load(at, 16);
    a = v128.load32_splat(panel);
    c00 = fma(a, b0, c00);
    c01 = fma(a, b1, c01);
    a = v128.load32_splat(panel, 4);
    c10 = fma(a, b0, c10);
    c11 = fma(a, b1, c11);
    a = v128.load32_splat(panel, 8);
    c20 = fma(a, b0, c20);
    c21 = fma(a, b1, c21);
    a = v128.load32_splat(panel, 12);
    c30 = fma(a, b0, c30);
    c31 = fma(a, b1, c31);
    panel += 16;
    table += 16;
    if (panel == end) break;
  }
  v128.store(to, c00);
  v128.store(to, c01, 16);
  v128.store(to + LINE_BYTES, c10);
  v128.store(to + LINE_BYTES, c11, 16);
  v128.store(to + 2 * LINE_BYTES, c20);
  v128.store(to + 2 * LINE_BYTES, c21, 16);
  v128.store(to + 3 * LINE_BYTES, c30);
  v128.store(to + 3 * LINE_BYTES, c31, 16);
}

/** Four channels at sixteen places, where V8 pairs vectors: each place summed as in `places`. */
function sixteenPlaces(panel: usize, table: usize, depth: i32, source: usize, to: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c02 = f32x4.splat(0);
  let c03 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c12 = f32x4.splat(0);
  let c13 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c22 = f32x4.splat(0);
  let c23 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let c32 = f32x4.splat(0);
  let c33 = f32x4.splat(0);
  for (const end = panel + (<usize>depth << 4); panel < end; panel += 16, table += 8) {
    const at = source + <usize>load<u32>(table);
    const b0 = v128.load(at);
    const b1 = v128.load(at, 16);
    const b2 = v128.load(at, 32);
    const b3 = v128.load(at, 48);
    let a = v128.load32_splat(panel);
    c00 = fma(a, b0, c00);
    c01 = fma(a, b1, c01);
    c02 = fma(a, b2, c02);
    c03 = fma(a, b3, c03);
    a = v128.load32_splat(panel, 4);
    c10 = fma(a, b0, c10);
    c11 = fma(a, b1, c11);
    c12 = fma(a, b2, c12);
    c13 = fma(a, b3, c13);
    a = v128.load32_splat(panel, 8);
    c20 = fma(a, b0, c20);
    c21 = fma(a, b1, c21);
    c22 = fma(a, b2, c22);
    c23 = fma(a, b3, c23);
    a = v128.load32_splat(panel, 12);
    c30 = fma(a, b0, c30);
    c31 = fma(a, b1, c31);
    c32 = fma(a, b2, c32);
    c33 = fma(a, b3, c33);
  }
  keepSixteen(to, c00, c01, c02, c03);
  keepSixteen(to + LINE_BYTES, c10, c11, c12, c13);
  keepSixteen(to + 2 * LINE_BYTES, c20, c21, c22, c23);
  keepSixteen(to + 3 * LINE_BYTES, c30, c31, c32, c33);
}

// @ts-ignore: decorator
@inline
function keepSixteen(to: usize, c0: v128, c1: v128, c2: v128, c3: v128): void {
  v128.store(to, c0);
  v128.store(to, c1, 16);
  v128.store(to, c2, 32);
  v128.store(to, c3, 48);
}

/** One channel at 32 places, for groups that give only one: to[32] = Σ panel[k][0] · source[table[k]][32]. */
function placesOfOne(panel: usize, table: usize, depth: i32, source: usize, to: usize): void {
  let c0 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let c2 = f32x4.splat(0);
  let c3 = f32x4.splat(0);
  let c4 = f32x4.splat(0);
  let c5 = f32x4.splat(0);
  let c6 = f32x4.splat(0);
  let c7 = f32x4.splat(0);
  for (const end = panel + (<usize>depth << 4); panel < end; panel += 16, table += 8) {
    const at = source + <usize>load<u32>(table);
    const a = v128.load32_splat(panel);
    c0 = fma(a, v128.load(at), c0);
    c1 = fma(a, v128.load(at, 16), c1);
    c2 = fma(a, v128.load(at, 32), c2);
    c3 = fma(a, v128.load(at, 48), c3);
    c4 = fma(a, v128.load(at, 64), c4);
    c5 = fma(a, v128.load(at, 80), c5);
    c6 = fma(a, v128.load(at, 96), c6);
    c7 = fma(a, v128.load(at, 112), c7);
  }
  v128.store(to, c0);
  v128.store(to, c1, 16);
  v128.store(to, c2, 32);
  v128.store(to, c3, 48);
  v128.store(to, c4, 64);
  v128.store(to, c5, 80);
  v128.store(to, c6, 96);
  v128.store(to, c7, 112);
}

/** One row of places, from the line to where it belongs. */
function copyRow(from: usize, to: usize, count: i32, step: usize): void {
  let i = 0;
  if (step == 4) for (; i + 4 <= count; i += 4, from += 16, to += 16) v128.store(to, v128.load(from));
  for (; i < count; i++, from += 4, to += step) store<f32>(to, load<f32>(from));
}

/**
 * Weights by quads of channels, in the order in which taps are taken: to [groups][quads][taps][4]. Operands: weights, to, table
 * of (bytes in the source, element in the weights) by tap, taps, channels that a group gives, stride of a channel and of a
 * group in the weights (elements). Units: quads of all groups.
 */
export function packTaps(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const weights = <usize>load<u32>(at);
  const out = <usize>load<u32>(at, 4);
  const table = <usize>load<u32>(at, 8);
  const depth = load<i32>(at, 12);
  const channels = load<i32>(at, 16);
  const byChannel = load<i32>(at, 20);
  const byGroup = load<i32>(at, 24);
  const quads = (channels + 3) / 4;
  for (let unit = from; unit < to; unit++) {
    const group = unit / quads;
    const channel = (unit - group * quads) * 4;
    const panel = out + ((<usize>unit * depth) << 4);
    for (let r = 0; r < 4; r++) {
      const row = weights + (<usize>(group * byGroup + min(channel + r, channels - 1) * byChannel) << 2);
      let write = panel + (<usize>r << 2);
      for (let k = 0, tap = table; k < depth; k++, tap += 8, write += 16) {
        store<f32>(write, load<f32>(row + (<usize>load<i32>(tap, 4) << 2)));
      }
    }
  }
}

/** See `part`. */
const PART_WORDS: usize = 8;

/** `length` places in a row of one part's quad, to lines. Operands of a part: see `part`. */
// @ts-ignore: decorator
@inline
function line(at: usize, panel: usize, start: usize, length: i32, isOne: bool, to: usize): void {
  const table = <usize>load<u32>(at);
  const depth = load<i32>(at, 4);
  if (isOne) {
    for (let p = 0; p < length; p += 32) placesOfOne(panel, table, depth, start + (<usize>p << 2), to + (<usize>p << 2));
  } else if (PAIRS) {
    for (let p = 0; p < length; p += 16) sixteenPlaces(panel, table, depth, start + (<usize>p << 2), to + (<usize>p << 2));
  } else for (let p = 0; p < length; p += 8) places(panel, table, depth, start + (<usize>p << 2), to + (<usize>p << 2));
}

/** Two rows of places in turn, one place of each. */
function interleave(even: usize, odd: usize, to: usize, count: i32): void {
  let i = 0;
  for (; i + 8 <= count; i += 8, even += 16, odd += 16, to += 32) {
    const a = v128.load(even);
    const b = v128.load(odd);
    v128.store(to, v128.shuffle<f32>(a, b, 0, 4, 1, 5));
    v128.store(to, v128.shuffle<f32>(a, b, 2, 6, 3, 7), 16);
  }
  for (; i < count; i += 2, even += 4, odd += 4, to += 8) {
    store<f32>(to, load<f32>(even));
    if (i + 1 < count) store<f32>(to, load<f32>(odd), 4);
  }
}

/** The first panel of a part. */
// @ts-ignore: decorator
@inline
function panelOf(at: usize, quad: i32): usize {
  return <usize>load<u32>(at, 8) + ((<usize>quad * load<i32>(at, 4)) << 4);
}

/** Where the lines of the second of two parts stand. */
const SECOND: usize = <usize>(BAND / 2) << 2;

/**
 * Quads [from, to) of one part, for one image and group: `plane` are its planes, `out` its channels. Operands of a part: table
 * of (bytes in the planes, …) by tap, taps, weights as `packTaps` leaves them, rows and columns of places, out's first element,
 * its strides by row and column. With `other`, a part whose places lie between this one's, both are made in turn.
 */
function part(at: usize, other: usize, plane: usize, group: i32, from: i32, to: i32, channels: i32, flat: i32, out: usize, outByChannel: usize, lines: usize): void {
  const quads = (channels + 3) / 4;
  const height = load<i32>(at, 12);
  const width = load<i32>(at, 16);
  const widthOfOther = other == 0 ? 0 : load<i32>(other, 16);
  out += <usize>load<i32>(at, 20) << 2;
  const outByRow = <usize>load<i32>(at, 24) << 2;
  const outByColumn = <usize>load<i32>(at, 28) << 2;
  const band = max(1, BAND / 2 / flat);
  for (let quad = from; quad < to; quad++) {
    const given = min(4, channels - quad * 4);
    const target = out + <usize>(quad * 4) * outByChannel;
    for (let y0 = 0; y0 < height; y0 += band) {
      const rows = min(band, height - y0);
      const start = plane + ((<usize>y0 * flat) << 2);
      line(at, panelOf(at, group * quads + quad), start, (rows - 1) * flat + width, given == 1, lines);
      if (other != 0) line(other, panelOf(other, group * quads + quad), start, (rows - 1) * flat + widthOfOther, given == 1, lines + SECOND);
      for (let r = 0; r < given; r++) {
        let read = lines + <usize>r * LINE_BYTES;
        let write = target + <usize>r * outByChannel + <usize>y0 * outByRow;
        for (let y = 0; y < rows; y++, read += <usize>flat << 2, write += outByRow) {
          if (other != 0) interleave(read, read + SECOND, write, width + widthOfOther);
          else copyRow(read, write, width, outByColumn);
        }
      }
    }
  }
}

/**
 * Operands: source, out, groups, channels that a group takes and gives, source's strides by image and group, length of a flat
 * row, out's strides by image, group and channel (all in elements), 1 where the source is an image that is yet to be cut,
 * bytes of a channel's planes, the cut, how many shares the quads of an image are cut into, how many parts, 1 where two in turn belong together, the parts. Units:
 * shares, for each group, for each image. Parts are what strides cut a transposed convolution into.
 */
export function convolve(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const source = <usize>load<u32>(at);
  const out = <usize>load<u32>(at, 4);
  const groups = load<i32>(at, 8);
  const into = load<i32>(at, 12);
  const channels = load<i32>(at, 16);
  const sourceByImage = <usize>load<i32>(at, 20) << 2;
  const sourceByGroup = <usize>load<i32>(at, 24) << 2;
  const flat = load<i32>(at, 28);
  const outByImage = <usize>load<i32>(at, 32) << 2;
  const outByGroup = <usize>load<i32>(at, 36) << 2;
  const outByChannel = <usize>load<i32>(at, 40) << 2;
  const isWhole = load<i32>(at, 44) != 0;
  const planeBytes = <usize>load<i32>(at, 48);
  const cutAt = at + 52;
  const partsAt = cutAt + 4 * CUT_WORDS + 12;
  const shares = load<i32>(partsAt - 12);
  const parts = load<i32>(partsAt - 8);
  const isPaired = load<i32>(partsAt - 4) != 0;
  const quads = (channels + 3) / 4;
  for (let unit = from; unit < to; unit++) {
    const rest = unit / shares;
    const share = unit - rest * shares;
    const image = rest / groups;
    const group = rest - image * groups;
    let plane = source + <usize>image * sourceByImage + <usize>group * sourceByGroup;
    if (isWhole) {
      cut(cutAt, plane, into, scratch + PLANES);
      plane = scratch + PLANES;
      closeOff(cutAt, plane + <usize>into * planeBytes);
    }
    const target = out + <usize>image * outByImage + <usize>group * outByGroup;
    const first = (share * quads) / shares;
    const last = ((share + 1) * quads) / shares;
    const step = isPaired ? 2 : 1;
    for (let i = 0; i < parts; i += step) {
      const one = partsAt + <usize>i * 4 * PART_WORDS;
      part(one, isPaired ? one + 4 * PART_WORDS : 0, plane, group, first, last, channels, flat, target, outByChannel, scratch);
    }
  }
}
