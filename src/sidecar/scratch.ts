/** @file The process's own temporary directory: made when first needed, gone when the process is. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Scratch {
  /** A path that nobody uses yet, ending in `suffix`. */
  path(suffix: string): string;
  remove(): void;
}

export function createScratch(): Scratch {
  let directory: string | null = null;
  let count = 0;
  return {
    path(suffix) {
      directory ??= mkdtempSync(join(tmpdir(), "ml-sidecar-"));
      count++;
      return join(directory, `${count}${suffix}`);
    },
    remove() {
      if (directory !== null) rmSync(directory, { recursive: true, force: true });
      directory = null;
    },
  };
}
