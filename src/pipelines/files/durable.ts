/** @file Writing so that a crash leaves the old file or the new one: synced under a temporary name, then renamed. */
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { Fault } from "../../engine/index.ts";

/** Creates or overwrites a file and waits until the disk has it. */
export async function writeSynced(path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives a file or folder its final name, and waits until the disk knows. */
export async function renameSynced(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** Some file systems cannot sync a folder; the rename is whole all the same. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync().catch(() => undefined);
  } finally {
    await folder.close();
  }
}

const OUT_OF_SPACE = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * Runs what writes to a path that the host chose. Where the system refuses, the host hears so in words.
 * @throws PATH_DENIED when the path cannot be written, LIMIT_EXCEEDED when the disk is full; other errors as they are.
 */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code, syscall, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof Fault || code === undefined || syscall === undefined) throw cause;
    const full = OUT_OF_SPACE.has(code);
    throw new Fault(
      full ? "LIMIT_EXCEEDED" : "PATH_DENIED",
      full ? `there is no space left to write \`${path}\`` : `\`${path}\` cannot be written (${code})`,
      {
        violations: [{ path: "path", message: "not writable", expected: "a path that may be written", got: message }],
        hint: full ? "free some space, or choose another disk" : "choose another path, or check its permissions",
        retryable: full,
        cause,
      },
    );
  }
}
