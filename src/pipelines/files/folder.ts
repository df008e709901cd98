/** @file What lies in a folder that a host names: inside the allowed folders, links resolved, hidden files left out. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../../engine/index.ts";
import { allowedPath } from "./regular.ts";

export interface Entry {
  readonly name: string;
  /** The folder's path and the name. */
  readonly path: string;
  readonly isFolder: boolean;
}

/**
 * A folder's entries by name, in the order of their code points, the same on every machine.
 * Faults: NOT_FOUND; PATH_DENIED for what is no folder, and for a folder or an entry that leads out of `roots`.
 */
export async function listFolder(path: string, roots: readonly string[] | undefined): Promise<Entry[]> {
  const real = await allowedPath(path, roots);
  const names = await readdir(real).catch((cause: NodeJS.ErrnoException) => {
    const got = cause.code === "ENOTDIR" ? "a file" : String(cause.code);
    throw new Fault("PATH_DENIED", `\`${path}\` is no folder that can be read`, {
      violations: [{ path: "path", message: "not a readable folder", expected: "a folder", got }],
      hint: "give the path of a folder, and check its permissions",
      cause,
    });
  });
  const shown = names.filter((name) => !name.startsWith(".")).sort((a, b) => (a < b ? -1 : 1));
  return Promise.all(
    shown.map(async (name) => {
      const entry = join(path, name);
      return { name, path: entry, isFolder: (await stat(await allowedPath(entry, roots))).isDirectory() };
    }),
  );
}
