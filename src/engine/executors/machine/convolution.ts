/**
 * @file Lowerings of two-dimensional convolution and its transposes: how the image is padded into flat planes, and where in
 * them every tap of the window starts. One axis is two, the first of size 1; what does not fit is left to the decomposition.
 */
import type { Node } from "../../graph.ts";
import type { AttributesOf } from "../../ops/index.ts";
import type { Buffer } from "../../plan/plan.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import { bitsOf } from "./instruction.ts";
import * as code from "./kernels/layout.ts";
import { fillInstruction, kernel, type Lowered, stridedCopy } from "./lowerings.ts";
import { hasWinograd, winograd, winogradWeights } from "./winograd.ts";
import { hasWinograd2, winograd2 } from "./winograd2.ts";

type Sliding = Pick<AttributesOf<"conv">, "strides" | "before" | "dilations" | "groups">;
export type Pair = readonly [rows: number, columns: number];

/** Limits of the kernels' scratch memory: taps of a window over all channels, and places of a row. */
const MOST_TAPS = 8192;
const MOST_COLUMNS = 4096;
/** Partial sums of the weights' gradient, at most: fixed, so that the bits don't depend on the threads. */
const BLOCKS = 16;

const pair = (list: readonly number[], first: number): Pair =>
  list.length === 1 ? [first, list[0]!] : [list[0]!, list[1]!];

/** A convolution's sizes, by axis where there are two. */
export interface Geometry {
  readonly images: number;
  readonly groups: number;
  /** Channels of one group, in and out. */
  readonly into: number;
  readonly outOf: number;
  readonly size: Pair;
  readonly window: Pair;
  readonly places: Pair;
  readonly strides: Pair;
  readonly before: Pair;
  readonly dilations: Pair;
}

/** @param image [n, in, ...size], weights [out, in / groups, ...window], output [n, out, ...places] */
function geometryOf(
  image: Shape,
  weights: Shape,
  output: Shape,
  { strides, before, dilations, groups }: Sliding,
): Geometry {
  return {
    images: image[0]!,
    groups,
    into: weights[1]!,
    outOf: weights[0]! / groups,
    size: pair(image.slice(2), 1),
    window: pair(weights.slice(2), 1),
    places: pair(output.slice(2), 1),
    strides: pair(strides, 1),
    before: pair(before, 0),
    dilations: pair(dilations, 1),
  };
}

const shapesOf: Readonly<Record<string, (node: Node) => [image: Shape, weights: Shape, output: Shape]>> = {
  conv: ({ inputs: [image, weights], shape }) => [image!.shape, weights!.shape, shape],
  convTranspose: ({ inputs: [y, weights], shape }) => [shape, weights!.shape, y!.shape],
  convWeights: ({ inputs: [image, y], shape }) => [image!.shape, shape, y!.shape],
};

/** Whether the kernels can do this node; its decomposition is used otherwise. */
export function canConvolve(node: Node): boolean {
  const [image, weights, output] = shapesOf[node.op]!(node);
  const taps = sizeOf(weights.slice(2)) * Math.max(weights[0]!, weights[1]!);
  return (
    image.length <= 4 &&
    taps <= MOST_TAPS &&
    image.at(-1)! + weights.at(-1)! * 8 <= MOST_COLUMNS &&
    [image, weights, output].every((shape) => sizeOf(shape) > 0)
  );
}

function geometry(node: Node): Geometry {
  return geometryOf(...shapesOf[node.op]!(node), node.attributes as AttributesOf<"conv">);
}

/** The planes that the kernels read: every channel cut into phases by the strides, each padded and flat. */
interface Planes {
  readonly buffer: Buffer;
  readonly rows: number;
  readonly columns: number;
  /** Elements of one channel. */
  readonly channel: number;
}

/** Reads past the last plane: they must find zeros. */
const TAIL = 64;

/** Pads `channels` planes of an image into phases; `shift` is how far the image moves in, `rows` and `columns` a phase's size. */
function planes(
  from: Buffer,
  images: number,
  channels: number,
  size: Pair,
  shift: Pair,
  strides: Pair,
  [rows, columns]: Pair,
  { temporary, emit }: Lowered,
): Planes {
  const phase = rows * columns;
  const channel = phase * strides[0] * strides[1];
  const elements = images * channels * channel + columns + TAIL;
  const buffer = temporary(elements);
  emit(fillInstruction(buffer, elements, 0, `padding of ${images * channels} planes`));
  for (let py = 0; py < strides[0]; py++) {
    for (let px = 0; px < strides[1]; px++) {
      // The first row and column of the phase that the image reaches, and where in the image that is.
      const [j, i] = [
        Math.max(0, Math.ceil((shift[0] - py) / strides[0])),
        Math.max(0, Math.ceil((shift[1] - px) / strides[1])),
      ];
      const [y, x] = [py + j * strides[0] - shift[0], px + i * strides[1] - shift[1]];
      const height = Math.min(rows - j, Math.ceil((size[0] - y) / strides[0]));
      const width = Math.min(columns - i, Math.ceil((size[1] - x) / strides[1]));
      if (height <= 0 || width <= 0) continue;
      emit(
        stridedCopy({
          label: `planes ${images * channels} of ${size[0]}×${size[1]}`,
          shape: [images * channels, height, width],
          from,
          fromStrides: [size[0] * size[1], strides[0] * size[1], strides[1]],
          fromOffset: y * size[1] + x,
          to: buffer,
          toStrides: [channel, columns, 1],
          toOffset: (py * strides[1] + px) * phase + j * columns + i,
        }),
      );
    }
  }
  return { buffer, rows, columns, channel };
}

/** The image's planes for `conv` and `convWeights`, and where each tap starts in them: (bytes, weight) pairs. */
function imagePlanes(from: Buffer, g: Geometry, lowered: Lowered): { planes: Planes; table: Int32Array } {
  const phaseSize = ([0, 1] as const).map((axis) => {
    const needed = (g.places[axis] - 1) * g.strides[axis] + (g.window[axis] - 1) * g.dilations[axis] + 1;
    return Math.ceil(needed / g.strides[axis]);
  }) as unknown as Pair;
  const made = planes(from, g.images, g.into * g.groups, g.size, g.before, g.strides, phaseSize, lowered);
  const table: number[] = [];
  for (let channel = 0; channel < g.into; channel++) {
    for (let ky = 0; ky < g.window[0]; ky++) {
      for (let kx = 0; kx < g.window[1]; kx++) {
        const [y, x] = [ky * g.dilations[0], kx * g.dilations[1]];
        const phase = (y % g.strides[0]) * g.strides[1] + (x % g.strides[1]);
        const row = Math.floor(y / g.strides[0]);
        const column = Math.floor(x / g.strides[1]);
        const place = channel * made.channel + phase * made.rows * made.columns + row * made.columns + column;
        table.push(place * 4, table.length / 2);
      }
    }
  }
  return { planes: made, table: Int32Array.from(table) };
}

const nanosecondsOf = (flops: number) => flops / 36;

/** Never by minimal filtering: its rounding in the forward pass is what tells in a training's losses (decision 8). */
export function conv(node: Node, lowered: Lowered): void {
  const g = geometry(node);
  const [image, weights] = node.inputs.map(lowered.read) as [Buffer, Buffer];
  if (hasWinograd2(g)) {
    winograd2(image, weights, g, lowered);
    return;
  }
  const { planes: source, table } = imagePlanes(image, g, lowered);
  const taps = table.length / 2;
  const [height, width] = g.places;
  const plane = height * width;
  const offsets = lowered.constant(table);
  const flops = 2 * g.images * g.groups * g.outOf * plane * taps;
  lowered.emit(
    kernel({
      kind: "convolve",
      label: `convolution [${node.inputs[0]!.shape}] by [${node.inputs[1]!.shape}]`,
      units: g.images * g.groups * Math.ceil(g.outOf / 4),
      operands: [
        { buffer: source.buffer },
        { buffer: weights },
        { buffer: lowered.out },
        { buffer: offsets },
        taps,
        g.outOf,
        taps,
        g.images,
        g.groups * g.into * source.channel,
        g.into * source.channel,
        g.outOf * taps,
        source.columns,
        height,
        width,
        g.groups * g.outOf * plane,
        g.outOf * plane,
        plane,
        width,
        1,
      ],
      reads: [source.buffer, weights, offsets],
      writes: [lowered.out],
      flops,
      nanoseconds: nanosecondsOf(flops),
    }),
  );
}

/** Of one residue of the stride: the taps that reach it, and how far each looks away from its own place. */
function tapsOf(
  axis: 0 | 1,
  residue: number,
  { window, dilations, before, strides }: Geometry,
): { tap: number; shift: number }[] {
  return Array.from({ length: window[axis] }, (_, tap) => ({
    tap,
    shift: (residue + before[axis] - tap * dilations[axis]) / strides[axis],
  })).filter(({ shift }) => Number.isInteger(shift));
}

/** The image's gradient: for each residue of the strides a convolution of y with the taps that reach it. */
export function convTranspose(node: Node, lowered: Lowered): void {
  const g = geometry(node);
  const [y, weights] = node.inputs.map(lowered.read) as [Buffer, Buffer];
  if (hasWinograd(g)) {
    winograd({ from: y, weights, isTransposed: true }, g, lowered);
    return;
  }
  const axes = ([0, 1] as const).map((axis) => {
    const residues = Array.from({ length: g.strides[axis] }, (_, residue) => tapsOf(axis, residue, g));
    const shifts = [0, ...residues.flat().map(({ shift }) => shift)];
    const lead = -Math.min(...shifts);
    return { residues, lead, size: Math.ceil(g.size[axis] / g.strides[axis]) + Math.max(...shifts) + lead };
  });
  const [rows, columns] = axes as [(typeof axes)[0], (typeof axes)[0]];
  const unit: Pair = [1, 1];
  const source = planes(
    y,
    g.images,
    g.outOf * g.groups,
    g.places,
    [rows.lead, columns.lead],
    unit,
    [rows.size, columns.size],
    lowered,
  );
  const window = g.window[0] * g.window[1];
  const plane = g.size[0] * g.size[1];
  rows.residues.forEach((rowTaps, ry) => {
    columns.residues.forEach((columnTaps, rx) => {
      const height = Math.ceil((g.size[0] - ry) / g.strides[0]);
      const width = Math.ceil((g.size[1] - rx) / g.strides[1]);
      if (height <= 0 || width <= 0) return;
      const table: number[] = [];
      for (let o = 0; o < g.outOf; o++) {
        for (const row of rowTaps) {
          for (const column of columnTaps) {
            const place = o * source.channel + (row.shift + rows.lead) * source.columns + column.shift + columns.lead;
            table.push(place * 4, o * g.into * window + row.tap * g.window[1] + column.tap);
          }
        }
      }
      const offsets = lowered.constant(Int32Array.from(table));
      const flops = g.images * g.groups * g.into * height * width * table.length;
      lowered.emit(
        kernel({
          kind: "convolve",
          label: `transposed convolution [${node.inputs[0]!.shape}] by [${node.inputs[1]!.shape}]`,
          units: g.images * g.groups * Math.ceil(g.into / 4),
          operands: [
            { buffer: source.buffer },
            { buffer: weights },
            { buffer: lowered.out, offset: (ry * g.size[1] + rx) * 4 },
            { buffer: offsets },
            table.length / 2,
            g.into,
            window,
            g.images,
            g.groups * g.outOf * source.channel,
            g.outOf * source.channel,
            g.outOf * g.into * window,
            source.columns,
            height,
            width,
            g.groups * g.into * plane,
            g.into * plane,
            plane,
            g.strides[0] * g.size[1],
            g.strides[1],
          ],
          reads: [source.buffer, weights, offsets],
          writes: [lowered.out],
          flops,
          nanoseconds: nanosecondsOf(flops) + 1,
        }),
      );
    });
  });
}

/** The weights' gradient: products of image and y along flat planes, in blocks of images that are then added up. */
export function convWeights(node: Node, lowered: Lowered): void {
  const g = geometry(node);
  const [image, y] = node.inputs.map(lowered.read) as [Buffer, Buffer];
  if (hasWinograd(g)) {
    winogradWeights(image, y, g, lowered);
    return;
  }
  const { planes: source, table } = imagePlanes(image, g, lowered);
  const taps = table.length / 2;
  const [height, width] = g.places;
  const length = Math.ceil((height * source.columns) / 4) * 4;
  const channels = g.groups * g.outOf;
  const flat = lowered.temporary(g.images * channels * length);
  lowered.emit(
    fillInstruction(flat, g.images * channels * length, bitsOf(0), `spacing of ${g.images * channels} planes`),
  );
  lowered.emit(
    stridedCopy({
      label: `spacing of ${g.images * channels} planes`,
      shape: [g.images * channels, height, width],
      from: y,
      fromStrides: [height * width, width, 1],
      to: flat,
      toStrides: [length, source.columns, 1],
    }),
  );
  const blocks = Math.min(BLOCKS, g.images);
  const outputs = channels * taps;
  const partial = lowered.temporary(blocks * outputs);
  const offsets = lowered.constant(table);
  const flops = 2 * g.images * outputs * height * width;
  lowered.emit(
    kernel({
      kind: "convolveWeights",
      label: `convolution's weights [${node.inputs[0]!.shape}] by [${node.inputs[1]!.shape}]`,
      units: blocks * g.groups,
      operands: [
        { buffer: source.buffer },
        { buffer: flat },
        { buffer: partial },
        { buffer: offsets },
        taps,
        g.outOf,
        g.images,
        blocks,
        g.groups,
        g.groups * g.into * source.channel,
        g.into * source.channel,
        channels * length,
        g.outOf * length,
        length,
        length,
      ],
      reads: [source.buffer, flat, offsets],
      writes: [partial],
      flops,
      nanoseconds: nanosecondsOf(flops),
    }),
  );
  lowered.emit(
    kernel({
      kind: "reduceColumns",
      label: `sum of ${blocks} blocks of images`,
      units: Math.ceil(outputs / code.COLUMN_CHUNK),
      operands: [{ buffer: partial }, { buffer: lowered.out }, blocks, code.SUM, bitsOf(1), outputs],
      reads: [partial],
      writes: [lowered.out],
      flops: blocks * outputs,
      nanoseconds: blocks * outputs * 0.12,
    }),
  );
}
