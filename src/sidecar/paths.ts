/** @file Where the sidecar may write, and read what lies in several files: anywhere its user may, or only below the allowed roots, links resolved. */
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { Refusal } from "../protocol/errors.ts";

/**
 * The absolute path of something that a host names.
 * @param roots null allows everything.
 * @throws Refusal `PATH_DENIED` outside of the roots.
 */
export function allowedPath(path: string, roots: readonly string[] | null): string {
  if (path.includes("\0")) throw denied("has a NUL byte", "a path", JSON.stringify(path));
  const absolute = resolve(path);
  if (roots === null) return absolute;
  const real = realLocation(absolute);
  if (roots.some((root) => isBelow(realLocation(resolve(root)), real))) return absolute;
  throw denied("lies outside the allowed roots", `a path below ${roots.join(" or ")}`, real);
}

/** Links resolved as far as the path exists. */
export function realLocation(absolute: string): string {
  if (existsSync(absolute) || dirname(absolute) === absolute) return realpathSync(absolute);
  return join(realLocation(dirname(absolute)), basename(absolute));
}

export function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !way.startsWith(sep));
}

function denied(message: string, expected: string, got: string): Refusal {
  return new Refusal("PATH_DENIED", `the path ${message}`, {
    violations: [{ path: "path", message, expected, got }],
    hint: `choose ${expected}`,
  });
}
