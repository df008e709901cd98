/**
 * @file Writing so that a crash leaves the old file or the new one: synced under a temporary name, then renamed. Blocking, so that a
 * training can do it between two steps; imports nothing of ours, so that it costs nothing to load.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** For everyone whom the user's mask allows. */
const USUAL_MODE = 0o666;

/** Creates or overwrites a file and waits until the disk has it. */
export function writeSynced(path: string, content: Uint8Array | string, mode = USUAL_MODE): void {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  const file = openSync(path, "w", mode);
  try {
    for (let done = 0; done < bytes.byteLength; ) done += writeSync(file, bytes, done);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Gives a file or folder its final name, and waits until the disk knows. */
export function renameSynced(from: string, to: string): void {
  renameSync(from, to);
  syncFolder(dirname(to));
}

/** Puts a file in place of the one that may be there. Who looks meanwhile sees the old one or the new one, never a half. */
export function replaceFile(path: string, content: Uint8Array | string, mode = USUAL_MODE): void {
  const temporary = `${path}.new`;
  try {
    writeSynced(temporary, content, mode);
    renameSynced(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw cause;
  }
}

/** Some file systems cannot sync a folder; the rename is whole all the same. */
function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } catch {
    // nothing more can be done
  } finally {
    closeSync(folder);
  }
}
