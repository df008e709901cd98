/**
 * @file A folder, and those above it that are missing. Node's own recursive way never comes back where the system says that a
 * folder is not there though it is, as it does of new ones in /proc (Node 20).
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** @param mode of each folder that is made. @throws what the system says of the first that cannot be made */
export function makeFolder(path: string, mode = 0o777): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode });
    } catch (error) {
      // Another process may have been quicker.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
