/** @file Small files that are either the old ones or the new ones, whatever kills the process in between. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Writes under a temporary name, syncs, renames, and syncs the directory, so that the name is on the disk too. */
export function writeAtomically(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.new`;
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  const file = openSync(temporary, "w", 0o600);
  try {
    for (let done = 0; done < bytes.byteLength; ) done += writeSync(file, bytes, done);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  syncDirectory(dirname(path));
}

export function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } catch {
    // not every file system can; the rename itself is still all or nothing
  } finally {
    closeSync(directory);
  }
}
