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
import { kernel, type Lowered } from "./lowering.ts";
import { type Cut, channelOf, cutOperands, imageCut, planes, tailOf } from "./planes.ts";
import { hasWinograd, winograd, winogradWeights } from "./winograd.ts";
import { hasWinograd2, winograd2 } from "./winograd2.ts";

type Sliding = Pick<AttributesOf<"conv">, "strides" | "before" | "dilations" | "groups">;
export type Pair = readonly [rows: number, columns: number];

/** Limits of the kernels' scratch memory: taps of a window over all channels, and places of a row. */
const MOST_TAPS = 8192;
const MOST_COLUMNS = 4096;
/** Scratch memory that is left for an image's planes, in bytes. */
const ROOM = code.SCRATCH_BYTES - 4 * 32_832;
/** Fewer images than this share their channels among threads. */
const LEAST_UNITS = 12;
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

const nanosecondsOf = (flops: number) => flops / 36;

/** By minimal filtering in small tiles where that pays (decision 12), on flat planes elsewhere. */
export function conv(node: Node, lowered: Lowered): void {
  const g = geometry(node);
  const [image, weights] = node.inputs.map(lowered.read) as [Buffer, Buffer];
  if (hasWinograd2(g)) {
    winograd2(image, weights, g, lowered);
    return;
  }
  const { cut, table } = imageCut(g);
  const [height, width] = g.places;
  const taps = table.length / 2;
  const part = { table, height, width, first: 0, byRow: width, byColumn: 1 };
  const sides = { from: image, weights, into: g.into, outOf: g.outOf, cut, plane: height * width };
  const label = `convolution [${node.inputs[0]!.shape}] by [${node.inputs[1]!.shape}]`;
  convolve({ ...sides, label, parts: [part], byChannel: taps, byGroup: g.outOf * taps }, g, lowered);
}

/** Places that lie apart by strides in the output, and the taps that they are sums of. */
interface Part {
  readonly table: Int32Array;
  readonly height: number;
  readonly width: number;
  /** In elements of the output. */
  readonly first: number;
  readonly byRow: number;
  readonly byColumn: number;
}

interface Sides {
  readonly label: string;
  readonly from: Buffer;
  readonly weights: Buffer;
  /** Channels of one group, taken and given. */
  readonly into: number;
  readonly outOf: number;
  readonly cut: Cut;
  readonly parts: readonly Part[];
  /** Places of the output's channels. */
  readonly plane: number;
  /** Strides of channels given, and of groups, in the weights. */
  readonly byChannel: number;
  readonly byGroup: number;
}

/** Weights in the order in which a part's taps are taken. */
function packed(table: Int32Array, offsets: Buffer, sides: Sides, { groups }: Geometry, lowered: Lowered): Buffer {
  const { weights, outOf, byChannel, byGroup } = sides;
  const taps = table.length / 2;
  const quads = groups * Math.ceil(outOf / 4);
  const panels = lowered.temporary(quads * taps * 4);
  lowered.emit(
    kernel({
      kind: "packTaps",
      label: `weights of ${quads} quads by ${taps} taps`,
      units: quads,
      operands: [{ buffer: weights }, { buffer: panels }, { buffer: offsets }, taps, outOf, byChannel, byGroup],
      reads: [weights, offsets],
      writes: [panels],
      nanoseconds: quads * taps * 3,
    }),
  );
  return panels;
}

/** What `conv` and `convTranspose` have in common. */
function convolve(sides: Sides, g: Geometry, lowered: Lowered): void {
  const { label, from, into, outOf, cut, parts, plane } = sides;
  const units = g.images * g.groups;
  const shares = Math.min(Math.ceil(outOf / 4), Math.ceil(LEAST_UNITS / units));
  const isWhole = shares === 1 && (into * channelOf(cut) + tailOf(cut)) * 4 <= ROOM;
  const source = isWhole ? from : planes(from, units * into, cut, lowered);
  const channel = isWhole ? cut.size[0] * cut.size[1] : channelOf(cut);
  const written = parts.map((part) => {
    const offsets = lowered.constant(part.table);
    return { ...part, offsets, panels: packed(part.table, offsets, sides, g, lowered) };
  });
  // Every other column is the next part's: they are written together.
  const arePaired =
    parts.length % 2 === 0 &&
    parts.every(({ byColumn, first }, i) => byColumn === 2 && (i % 2 === 0 || first === parts[i - 1]!.first + 1));
  const flops = parts.reduce((sum, part) => sum + part.table.length * part.height * part.width, 0) * units * outOf;
  lowered.emit(
    kernel({
      kind: "convolve",
      label,
      units: units * shares,
      operands: [
        { buffer: source },
        { buffer: lowered.out },
        g.groups,
        into,
        outOf,
        g.groups * into * channel,
        into * channel,
        cut.columns,
        g.groups * outOf * plane,
        outOf * plane,
        plane,
        Number(isWhole),
        channelOf(cut) * 4,
        ...cutOperands(cut, lowered),
        shares,
        parts.length,
        Number(arePaired),
        ...written.flatMap(({ offsets, table, panels, height, width, first, byRow, byColumn }) => [
          { buffer: offsets },
          table.length / 2,
          { buffer: panels },
          height,
          width,
          first,
          byRow,
          byColumn,
        ]),
      ],
      reads: [source, ...written.flatMap(({ offsets, panels }) => [offsets, panels])],
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
    winograd(y, weights, g, lowered);
    return;
  }
  const axes = ([0, 1] as const).map((axis) => {
    const residues = Array.from({ length: g.strides[axis] }, (_, residue) => tapsOf(axis, residue, g));
    const shifts = [0, ...residues.flat().map(({ shift }) => shift)];
    const lead = -Math.min(...shifts);
    return { residues, lead, size: Math.ceil(g.size[axis] / g.strides[axis]) + Math.max(...shifts) + lead };
  });
  const [rows, columns] = axes as [(typeof axes)[0], (typeof axes)[0]];
  const shift: Pair = [rows.lead, columns.lead];
  const cut: Cut = { size: g.places, shift, strides: [1, 1], rows: rows.size, columns: columns.size, phases: [[0, 0]] };
  const window = g.window[0] * g.window[1];
  const parts = rows.residues.flatMap((rowTaps, ry) =>
    columns.residues.map((columnTaps, rx): Part => {
      const table: number[] = [];
      for (let o = 0; o < g.outOf; o++) {
        for (const row of rowTaps) {
          for (const column of columnTaps) {
            const place = o * channelOf(cut) + (row.shift + rows.lead) * cut.columns + column.shift + columns.lead;
            table.push(place * 4, o * g.into * window + row.tap * g.window[1] + column.tap);
          }
        }
      }
      return {
        table: Int32Array.from(table),
        height: Math.ceil((g.size[0] - ry) / g.strides[0]),
        width: Math.ceil((g.size[1] - rx) / g.strides[1]),
        first: ry * g.size[1] + rx,
        byRow: g.strides[0] * g.size[1],
        byColumn: g.strides[1],
      };
    }),
  );
  convolve(
    {
      label: `transposed convolution [${node.inputs[0]!.shape}] by [${node.inputs[1]!.shape}]`,
      from: y,
      weights,
      into: g.outOf,
      outOf: g.into,
      cut,
      parts: parts.filter(({ height, width }) => height > 0 && width > 0),
      plane: g.size[0] * g.size[1],
      byChannel: window,
      byGroup: g.outOf * g.into * window,
    },
    g,
    lowered,
  );
}

/** The weights' gradient: products of image and y along flat planes, in blocks of images that are then added up. */
export function convWeights(node: Node, lowered: Lowered): void {
  const g = geometry(node);
  const [image, y] = node.inputs.map(lowered.read) as [Buffer, Buffer];
  if (hasWinograd(g)) {
    winogradWeights(image, y, g, lowered);
    return;
  }
  const { cut, table } = imageCut(g);
  const taps = table.length / 2;
  const [height, width] = g.places;
  const channels = g.groups * g.outOf;
  const source = planes(image, g.images * g.groups * g.into, cut, lowered);
  // The gradient's rows as far apart as the planes', with zeros between; whole vectors of them.
  const length = Math.ceil((height * cut.columns) / 4) * 4;
  const rows = Math.ceil(length / cut.columns);
  const spaced: Cut = { size: g.places, shift: [0, 0], strides: [1, 1], rows, columns: cut.columns, phases: [[0, 0]] };
  const flat = planes(y, g.images * channels, spaced, lowered);
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
        { buffer: source },
        { buffer: flat },
        { buffer: partial },
        { buffer: offsets },
        taps,
        g.outOf,
        g.images,
        blocks,
        g.groups,
        g.groups * g.into * channelOf(cut),
        g.into * channelOf(cut),
        channels * channelOf(spaced),
        g.outOf * channelOf(spaced),
        channelOf(spaced),
        length,
      ],
      reads: [source, flat, offsets],
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
