/**
 * @file How images become what the convolutions' kernels read: channels cut into phases by the strides, each padded and flat.
 */
import type { Buffer } from "../../plan/plan.ts";
import type { Geometry, Pair } from "./convolution.ts";
import type { Operand } from "./instruction.ts";
import { kernel, type Lowered } from "./lowering.ts";

/** Every s-th row and column of a channel, from a first one on, moved in by `shift` and padded to `rows` and `columns`. */
export interface Cut {
  readonly size: Pair;
  readonly shift: Pair;
  readonly strides: Pair;
  readonly rows: number;
  readonly columns: number;
  /** First row and column of each phase. */
  readonly phases: readonly Pair[];
}

/** Elements of one channel, cut. */
export const channelOf = ({ rows, columns, phases }: Cut): number => rows * columns * phases.length;

/** Elements read past the last plane: they must be zeros. */
export const tailOf = ({ columns }: Cut): number => columns + 64;

/** As the kernels read it. */
export function cutOperands({ size, shift, strides, rows, columns, phases }: Cut, lowered: Lowered): Operand[] {
  const table = lowered.constant(Int32Array.from(phases.flat()));
  return [...size, ...shift, ...strides, rows, columns, phases.length, { buffer: table }];
}

/** `channels` planes of an image, of all images together, cut in memory. */
export function planes(from: Buffer, channels: number, cut: Cut, lowered: Lowered): Buffer {
  const elements = channels * channelOf(cut) + tailOf(cut);
  const buffer = lowered.temporary(elements);
  lowered.emit(
    kernel({
      kind: "planes",
      label: `planes ${channels} of ${cut.size.join("×")} to ${cut.phases.length} of ${cut.rows}×${cut.columns}`,
      units: channels,
      operands: [{ buffer: from }, { buffer }, channelOf(cut) * 4, channels, ...cutOperands(cut, lowered)],
      reads: [from],
      writes: [buffer],
      nanoseconds: elements * 0.2,
    }),
  );
  return buffer;
}

/** The planes that `conv` and `convWeights` read, and where in them each tap starts: (bytes, weight) pairs. */
export function imageCut(g: Geometry): { readonly cut: Cut; readonly table: Int32Array } {
  const [rows, columns] = ([0, 1] as const).map((axis) => {
    const needed = (g.places[axis] - 1) * g.strides[axis] + (g.window[axis] - 1) * g.dilations[axis] + 1;
    return Math.ceil(needed / g.strides[axis]);
  }) as [number, number];
  const numberOf = new Map<number, number>();
  const phases: Pair[] = [];
  const taps: { phase: number; place: number }[] = [];
  for (let ky = 0; ky < g.window[0]; ky++) {
    for (let kx = 0; kx < g.window[1]; kx++) {
      const [y, x] = [ky * g.dilations[0], kx * g.dilations[1]];
      const first: Pair = [y % g.strides[0], x % g.strides[1]];
      const key = first[0] * g.strides[1] + first[1];
      if (!numberOf.has(key)) numberOf.set(key, phases.push(first) - 1);
      const place = Math.floor(y / g.strides[0]) * columns + Math.floor(x / g.strides[1]);
      taps.push({ phase: numberOf.get(key)!, place });
    }
  }
  const cut: Cut = { size: g.size, shift: g.before, strides: g.strides, rows, columns, phases };
  const table = Array.from({ length: g.into }, (_, channel) =>
    taps.map(({ phase, place }) => (channel * phases.length + phase) * rows * columns + place),
  ).flat();
  return { cut, table: Int32Array.from(table.flatMap((place, weight) => [place * 4, weight])) };
}
