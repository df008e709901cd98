/** @file Writing so that a crash leaves the old file or the new one: synced under a temporary name, then renamed. */
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

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
