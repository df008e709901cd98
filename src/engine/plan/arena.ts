/**
 * @file Places in one arena: buffers whose lifetimes overlap never overlap in memory, all others may. Largest first, each
 * at the lowest place where it fits (Pisarchyk and Lee 2020, "Efficient memory management for deep neural net inference").
 */

/** A buffer is alive from the step that first writes it to the last step that touches it, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Arena {
  /** By buffer, in bytes from the arena's start. */
  readonly offsets: readonly number[];
  readonly bytes: number;
  /** The largest sum of buffers alive at one step: no arena can be smaller. */
  readonly lowerBound: number;
}

/** Buffers start on cache lines, so that two threads never write to one line and vectors may run past the last element. */
export const ALIGNMENT = 64;

export function aligned(bytes: number): number {
  return Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT;
}

interface Placed {
  readonly first: number;
  readonly last: number;
  readonly start: number;
  readonly end: number;
}

/** In which buffers are placed: largest first does best as a rule; where it doesn't, one of the others may. */
const ORDERS: readonly ((a: Lifetime, b: Lifetime) => number)[] = [
  (a, b) => b.bytes - a.bytes || a.first - b.first,
  (a, b) => b.last - b.first - (a.last - a.first) || b.bytes - a.bytes,
  (a, b) => a.first - b.first || b.bytes - a.bytes,
  (a, b) => b.last - a.last || b.bytes - a.bytes,
];

/** Gives every buffer its place. */
export function placeInArena(buffers: readonly Lifetime[]): Arena {
  const least = lowerBound(buffers);
  let best: Arena | undefined;
  for (const order of ORDERS) {
    const arena = { ...place(buffers, order), lowerBound: least };
    if (best === undefined || arena.bytes < best.bytes) best = arena;
    if (best.bytes === least) break;
  }
  return best!;
}

function place(
  buffers: readonly Lifetime[],
  order: (a: Lifetime, b: Lifetime) => number,
): Pick<Arena, "offsets" | "bytes"> {
  const offsets = new Array<number>(buffers.length).fill(0);
  const inOrder = buffers.map((_, index) => index);
  inOrder.sort((a, b) => order(buffers[a]!, buffers[b]!));
  // Sorted by start, so that one walk finds the gaps.
  const placed: Placed[] = [];
  let total = 0;
  for (const index of inOrder) {
    const { bytes, first, last } = buffers[index]!;
    const size = aligned(bytes);
    let start = 0;
    for (const other of placed) {
      if (other.first > last || other.last < first) continue;
      if (other.start - start >= size) break;
      if (other.end > start) start = other.end;
    }
    offsets[index] = start;
    total = Math.max(total, start + size);
    const entry = { first, last, start, end: start + size };
    const position = placed.findIndex((other) => other.start > start);
    if (position === -1) placed.push(entry);
    else placed.splice(position, 0, entry);
  }
  return { offsets, bytes: total };
}

function lowerBound(buffers: readonly Lifetime[]): number {
  const changes = new Map<number, number>();
  const add = (step: number, bytes: number) => changes.set(step, (changes.get(step) ?? 0) + bytes);
  for (const { bytes, first, last } of buffers) {
    add(first, aligned(bytes));
    add(last + 1, -aligned(bytes));
  }
  let alive = 0;
  let most = 0;
  for (const [, change] of [...changes].sort(([a], [b]) => a - b)) {
    alive += change;
    most = Math.max(most, alive);
  }
  return most;
}
