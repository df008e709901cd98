/** @file The process's own temporary directory: made when something is written to it, gone when the process is. */
import { randomUUID } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { makeFolder } from "../pipelines/files/makeFolder.ts";

export interface Scratch {
  /** A path that nobody uses yet, ending in `suffix`, to be written to at once. */
  path(suffix: string): string;
  /** The same for someone who may write to it later, after `makeWayTo`. */
  reserve(suffix: string): string;
  /** Tells of an answer written to a file. Of those the newest are kept: a host reads them when it hears of them. */
  answered(path: string): void;
  remove(): void;
}

const MOST_ANSWERS = 1024;
const MOST_ANSWERED_BYTES = 4 * 2 ** 30;

/** @param most answers, and bytes of them all together, that are kept. */
export function createScratch(most = { answers: MOST_ANSWERS, bytes: MOST_ANSWERED_BYTES }): Scratch {
  const answers: { readonly path: string; readonly bytes: number }[] = [];
  let bytes = 0;
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
    answered(path) {
      answers.push({ path, bytes: statSync(path).size });
      bytes += answers.at(-1)!.bytes;
      while (answers.length > 1 && (answers.length > most.answers || bytes > most.bytes)) {
        const oldest = answers.shift()!;
        bytes -= oldest.bytes;
        rmSync(oldest.path, { force: true });
      }
    },
    remove() {
      if (directory !== null) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Makes the directory of a reserved path, for this user alone. */
export function makeWayTo(path: string): void {
  makeFolder(dirname(path), 0o700);
}
