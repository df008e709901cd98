/** @file One sidecar per data directory. The lock names its holder, so that what a killed process left behind is known to be stale. */
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Refusal } from "../protocol/errors.ts";
import { type Identity, identify, isGone } from "./life.ts";

interface Holder extends Identity {
  readonly host: string;
}

/**
 * Takes the directory's lock.
 * @returns what gives it back.
 * @throws Refusal `DATA_DIRECTORY_LOCKED`, naming the process that holds it.
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, "lock");
  const mine = join(directory, `lock.${process.pid}`);
  const holder: Holder = { ...identify(process.pid), host: hostname() };
  writeFileSync(mine, JSON.stringify(holder));
  try {
    // A link appears with its content in one step, and fails where the name is taken.
    for (let attempt = 0; !tryLink(mine, path); attempt++) {
      const other = readHolder(path);
      const stale = other === null || (other.host === holder.host && isGone(other));
      if (!stale || attempt === 3) throw locked(directory, other);
      removeStale(path, other, `${mine}.stale`);
    }
  } finally {
    unlinkSync(mine);
  }
  return () => {
    if (readHolder(path)?.pid === process.pid) unlinkSync(path);
  };
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readHolder(path: string): Holder | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Holder;
  } catch {
    return null;
  }
}

/** Renaming lets only one of several newcomers take the stale lock away; one that took a fresh lock by mistake puts it back. */
function removeStale(path: string, stale: Holder | null, aside: string): void {
  try {
    renameSync(path, aside);
  } catch {
    return; // another newcomer was faster; the next attempt sees whose it is now
  }
  if (readHolder(aside)?.pid !== stale?.pid) tryLink(aside, path);
  unlinkSync(aside);
}

function locked(directory: string, holder: Holder | null): Refusal {
  return new Refusal(
    "DATA_DIRECTORY_LOCKED",
    `the data directory ${directory} is used by process ${holder?.pid ?? "?"}`,
    {
      hint: "stop that sidecar, or choose another --data-dir",
      context: { directory, pid: holder?.pid ?? null, host: holder?.host ?? null },
    },
  );
}
