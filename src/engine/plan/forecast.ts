/** @file A program too large is refused before it starts, with numbers that say by how much. */
import { Fault } from "../fault.ts";

export interface Demand {
  /** What a program needs beside what is taken already, in bytes. */
  readonly needed: number;
  readonly taken: number;
  readonly limit: number;
}

export function showBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** @throws Fault OUT_OF_MEMORY with the forecast in its context. */
export function refuseIfTooLarge(what: string, { needed, taken, limit }: Demand): void {
  if (needed + taken <= limit) return;
  const free = Math.max(0, limit - taken);
  throw new Fault(
    "OUT_OF_MEMORY",
    `${what} needs ${showBytes(needed)}, and ${showBytes(free)} of ${showBytes(limit)} are free`,
    {
      hint:
        free >= needed / 2
          ? "halve the batch size, or release models that are not in use"
          : `make the batch or the model about ${Math.ceil(needed / Math.max(free, 1))} times smaller, or release models that are not in use`,
      context: { neededBytes: needed, takenBytes: taken, limitBytes: limit },
    },
  );
}
