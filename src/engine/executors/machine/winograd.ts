/**
 * @file Lowerings of both gradients of convolutions with 3 × 3 windows and no strides, by Winograd's minimal
 * filtering: when that pays, and how much of the image is taken at a time.
 */
import type { Buffer } from "../../plan/plan.ts";
import type { Geometry, Pair } from "./convolution.ts";
import * as code from "./kernels/layout.ts";
import { kernel, type Lowered } from "./lowering.ts";

/** Places of a tile along an axis, and points at which its elements are multiplied. */
const TILE = 4;
const POINTS = 36;
/** Fewer channels than this are mostly transformed, hardly multiplied. */
const LEAST_CHANNELS = 8;
/** The share of a tile's places that must belong to the image. */
const LEAST_USE = 0.5;
/** Partial sums of the weights' gradient: fixed, so that the bits don't depend on the threads. */
const BLOCKS = 8;

/** How many tiles are taken at a time: as many as leave room for their transforms in a second-level cache. */
const TILES = [128, 64, 32, 16, 8];
const COMFORTABLE = 300_000;
/** Scratch memory before the tiles' places, and the gap between the numbers of two points, which keeps them in different cache sets. */
const FIXED = 1024;
const GAP = 64;

interface Room {
  readonly tiles: number;
  /** Bytes of a strip's row, and where in the scratch memory the three parts begin. */
  readonly pitch: number;
  readonly strips: number;
  readonly image: number;
  readonly others: number;
  readonly end: number;
}

const whole = (count: number, of: number) => Math.ceil(count / of) * of;
const across = ([, columns]: Pair) => Math.ceil(columns / TILE);
const tilesOf = (images: number, places: Pair) => images * Math.ceil(places[0] / TILE) * across(places);

/** @param planes channels of which strips are held at once */
function roomFor(tiles: number, places: Pair, into: number, outOf: number, planes: number): Room {
  const pitch = (across(places) + 1) * TILE * 4;
  const strips = FIXED + whole(tiles * 4, 64);
  const image = strips + whole((Math.ceil(tiles / across(places)) + 1) * 6 * pitch * planes, 64);
  const others = image + POINTS * (whole(into, 8) * tiles * 4 + GAP);
  return { tiles, pitch, strips, image, others, end: others + POINTS * (whole(outOf, 4) * tiles * 4 + GAP) };
}

function bestRoom(places: Pair, into: number, outOf: number, planes: number): Room {
  const rooms = TILES.map((tiles) => roomFor(tiles, places, into, outOf, planes));
  return rooms.find(({ end }) => end <= COMFORTABLE) ?? rooms.at(-1)!;
}

/** Whether this convolution and its gradients are better done so. */
export function hasWinograd(g: Geometry): boolean {
  const isPlain = [g.strides, g.dilations].every((pair) => pair[0] === 1 && pair[1] === 1);
  const isSquare = g.window[0] === 3 && g.window[1] === 3;
  const [height, width] = g.places;
  // What lies before and after the image, for its gradient too, where 2 − padding is the padding.
  const isPadded = [0, 1].every((axis) => {
    const before = g.before[axis]!;
    const after = g.places[axis]! + 2 - g.size[axis]! - before;
    return before <= 2 && after >= 0 && after <= 2;
  });
  const covered = Math.ceil(height / TILE) * Math.ceil(width / TILE) * TILE * TILE;
  return (
    isPlain &&
    isSquare &&
    isPadded &&
    g.groups === 1 &&
    Math.min(g.into, g.outOf) >= LEAST_CHANNELS &&
    height * width >= covered * LEAST_USE &&
    [g.places, g.size].every((places) => bestRoom(places, g.into, g.outOf, 4).end <= code.SCRATCH_BYTES)
  );
}

/** Estimated time: multiplications at full speed, and the transforms of both sides. */
const nanosecondsOf = (tiles: number, into: number, outOf: number) =>
  tiles * (POINTS * into * outOf * 0.055 + 25 * (into + outOf));

/** `convTranspose`: from the output's gradient to the image's. */
export function winograd(y: Buffer, weights: Buffer, g: Geometry, lowered: Lowered): void {
  const { outOf: into, into: outOf, places: size, size: places } = g;
  const before = g.before.map((count) => 2 - count);
  const quads = Math.ceil(outOf / 4);
  const step = quads * into * 16 + GAP;
  const spread = lowered.temporary((POINTS * step) / 4);
  lowered.emit(
    kernel({
      kind: "winogradWeights",
      label: `weights [${g.outOf},${g.into},3,3] at ${POINTS} points`,
      units: quads * into,
      operands: [{ buffer: weights }, { buffer: spread }, outOf, into, 9, g.into * 9, step],
      reads: [weights],
      writes: [spread],
      nanoseconds: quads * into * 60,
    }),
  );
  const tiles = tilesOf(g.images, places);
  const room = bestRoom(places, into, outOf, 1);
  lowered.emit(
    kernel({
      kind: "winograd",
      label: `transposed convolution [${g.images},${into},${size}] by [${g.outOf},${g.into},3,3] in tiles`,
      units: Math.ceil(tiles / room.tiles),
      operands: [
        { buffer: y },
        { buffer: spread },
        { buffer: lowered.out },
        g.images,
        into,
        outOf,
        ...size,
        ...places,
        ...before,
        room.tiles,
        room.pitch,
        step,
        room.strips,
        room.image,
        room.others,
      ],
      reads: [y, spread],
      writes: [lowered.out],
      flops: 2 * g.images * places[0] * places[1] * into * outOf * 9,
      nanoseconds: nanosecondsOf(tiles, into, outOf),
    }),
  );
}

/** `convWeights`. */
export function winogradWeights(image: Buffer, y: Buffer, g: Geometry, lowered: Lowered): void {
  const tiles = tilesOf(g.images, g.places);
  const room = bestRoom(g.places, g.into, g.outOf, 4);
  const blocks = Math.min(BLOCKS, Math.ceil(tiles / room.tiles));
  const elements = blocks * POINTS * whole(g.outOf, 4) * whole(g.into, 8);
  const sums = lowered.temporary(elements);
  lowered.emit(
    kernel({
      kind: "winogradSums",
      label: `convolution's weights [${g.images},${g.into},${g.size}] by [${g.images},${g.outOf},${g.places}] in tiles`,
      units: blocks,
      operands: [
        { buffer: image },
        { buffer: y },
        { buffer: sums },
        g.images,
        g.into,
        g.outOf,
        ...g.size,
        ...g.places,
        ...g.before,
        blocks,
        room.tiles,
        room.pitch,
        room.strips,
        room.image,
        room.others,
      ],
      reads: [image, y],
      writes: [sums],
      flops: 2 * g.images * g.places[0] * g.places[1] * g.into * g.outOf * 9,
      nanoseconds: nanosecondsOf(tiles, g.into, g.outOf),
    }),
  );
  lowered.emit(
    kernel({
      kind: "winogradGradient",
      label: `sum of ${blocks} blocks of tiles to [${g.outOf},${g.into},3,3]`,
      units: g.outOf * Math.ceil(g.into / 4),
      operands: [{ buffer: sums }, { buffer: lowered.out }, g.into, g.outOf, blocks],
      reads: [sums],
      writes: [lowered.out],
      nanoseconds: elements * 0.2,
    }),
  );
}
