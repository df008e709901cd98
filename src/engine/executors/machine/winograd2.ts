/** @file Lowering of convolutions with 3 × 3 windows and no strides by Winograd's minimal filtering F(2×2, 3×3): where it pays, and how much is taken at a time. */
import type { Buffer } from "../../plan/plan.ts";
import type { Geometry } from "./convolution.ts";
import * as code from "./kernels/layout.ts";
import { kernel, type Lowered } from "./lowering.ts";

const POINTS = 16;
/** Fewer channels than this are mostly transformed, hardly multiplied. */
const LEAST_CHANNELS = 8;
/** The share of computed places that must belong to the image. */
const LEAST_USE = 0.6;
/** Places of a group along both axes, and groups taken at a time: as many as leave room in a second-level cache. */
const GROUP = [2, 8] as const;
const BLOCKS = [16, 8, 4, 2];
const COMFORTABLE = 300_000;
/** Scratch memory of a group's description, and the gap between the numbers of two points, which keeps them in different cache sets. */
const GROUP_BYTES = 128;
const GAP = 64;

interface Room {
  readonly block: number;
  /** Where in the scratch memory the two parts begin. */
  readonly image: number;
  readonly products: number;
  readonly end: number;
}

const whole = (count: number, of: number) => Math.ceil(count / of) * of;

function roomFor(block: number, into: number, outOf: number): Room {
  const line = whole(block, 2) * 16;
  const image = 64 + block * GROUP_BYTES;
  const products = image + POINTS * (into * line + GAP);
  return { block, image, products, end: products + POINTS * (whole(outOf, 4) * line + GAP) };
}

function bestRoom(into: number, outOf: number): Room {
  const rooms = BLOCKS.map((block) => roomFor(block, into, outOf));
  return rooms.find(({ end }) => end <= COMFORTABLE) ?? rooms.at(-1)!;
}

const groupsOf = ({ images, places }: Geometry) =>
  images * Math.ceil(places[0] / GROUP[0]) * Math.ceil(places[1] / GROUP[1]);

/** Whether this convolution is better done so. */
export function hasWinograd2(g: Geometry): boolean {
  const isPlain = [g.strides, g.dilations].every((pair) => pair[0] === 1 && pair[1] === 1);
  const computed = groupsOf(g) * GROUP[0] * GROUP[1];
  return (
    isPlain &&
    g.window[0] === 3 &&
    g.window[1] === 3 &&
    g.groups === 1 &&
    Math.min(g.into, g.outOf) >= LEAST_CHANNELS &&
    g.images * g.places[0] * g.places[1] >= computed * LEAST_USE &&
    bestRoom(g.into, g.outOf).end <= code.SCRATCH_BYTES
  );
}

/** `conv`. */
export function winograd2(image: Buffer, weights: Buffer, g: Geometry, { out, temporary, emit }: Lowered): void {
  const quads = Math.ceil(g.outOf / 4);
  const step = quads * g.into * 16 + GAP;
  const spread = temporary((POINTS * step) / 4);
  emit(
    kernel({
      kind: "winograd2Weights",
      label: `weights [${g.outOf},${g.into},3,3] at ${POINTS} points`,
      units: quads * g.into,
      operands: [{ buffer: weights }, { buffer: spread }, g.outOf, g.into, step],
      reads: [weights],
      writes: [spread],
      nanoseconds: quads * g.into * 30,
    }),
  );
  const groups = groupsOf(g);
  const room = bestRoom(g.into, g.outOf);
  emit(
    kernel({
      kind: "winograd2",
      label: `convolution [${g.images},${g.into},${g.size}] by [${g.outOf},${g.into},3,3] in tiles`,
      units: Math.ceil(groups / room.block),
      operands: [
        { buffer: image },
        { buffer: spread },
        { buffer: out },
        g.into,
        g.outOf,
        ...g.size,
        ...g.places,
        ...g.before,
        groups,
        room.block,
        step,
        room.image,
        room.products,
      ],
      reads: [image, spread],
      writes: [out],
      flops: 2 * g.images * g.places[0] * g.places[1] * g.into * g.outOf * 9,
      nanoseconds: groups * (g.into * g.outOf * POINTS * 0.16 + 10 * (g.into + g.outOf)),
    }),
  );
}
