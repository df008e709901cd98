/**
 * @file The plan: for a list of steps that read and write buffers, how long each buffer lives and where in the arena it
 * stands. It knows nothing of what the steps compute.
 */
import { placeInArena } from "./arena.ts";

/** A stretch of memory with one value in it. */
export interface Buffer {
  readonly bytes: number;
  /** Where it stands: bytes from the arena's start for the arena's buffers, from another's for those inside one, an address for all others. */
  address: number;
  readonly home: "arena" | "fixed" | "inside";
  /** Of one that is inside another: which, and how many bytes it moves on with each turn of a loop. */
  readonly inside?: { readonly buffer: Buffer; readonly step: number };
}

export interface Step {
  readonly reads: readonly Buffer[];
  readonly writes: readonly Buffer[];
}

export interface Plan {
  readonly arenaBytes: number;
  /** The largest sum of buffers alive at one step. */
  readonly lowerBound: number;
}

/** Sets the address of every arena buffer that `steps` touch, in the order in which they run. */
export function plan(steps: readonly Step[]): Plan {
  const lifetimes = new Map<Buffer, { first: number; last: number }>();
  steps.forEach(({ reads, writes }, step) => {
    for (const buffer of [...reads, ...writes]) {
      if (buffer.home !== "arena") continue;
      const known = lifetimes.get(buffer);
      if (known === undefined) lifetimes.set(buffer, { first: step, last: step });
      else known.last = step;
    }
  });
  const buffers = [...lifetimes.keys()];
  const arena = placeInArena(buffers.map((buffer) => ({ bytes: buffer.bytes, ...lifetimes.get(buffer)! })));
  buffers.forEach((buffer, index) => {
    buffer.address = arena.offsets[index]!;
  });
  return { arenaBytes: arena.bytes, lowerBound: arena.lowerBound };
}
