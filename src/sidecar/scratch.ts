/** @file The process's own temporary directory: made when something is written to it, gone when the process is. */
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface Scratch {
  /** A path that nobody uses yet, ending in `suffix`, to be written to at once. */
  path(suffix: string): string;
  /** The same for someone who may write to it later, after `makeWayTo`. */
  reserve(suffix: string): string;
  remove(): void;
}

export function createScratch(): Scratch {
  let directory: string | null = null;
  let count = 0;
  const reserve = (suffix: string): string => {
    directory ??= join(tmpdir(), `ml-sidecar-${randomUUID()}`);
    count++;
    return join(directory, `${count}${suffix}`);
  };
  return {
    path(suffix) {
      const path = reserve(suffix);
      makeWayTo(path);
      return path;
    },
    reserve,
    remove() {
      if (directory !== null) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Makes the directory of a reserved path, for this user alone. */
export function makeWayTo(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
}
