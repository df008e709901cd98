/** @file The project's own files as text, and the modules that each one imports. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";

/** Made by tools, or not ours. */
const NOT_OURS = new Set(["node_modules", "dist", "coverage", ".git", ".cache", "__pycache__", "build"]);

/** Every file under `folder`, as paths from the project's root, sorted. */
export function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !NOT_OURS.has(name) && !name.endsWith(".egg-info"))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesUnder(path) : [relative(".", path).replaceAll("\\", "/")];
    })
    .sort();
}

export interface Import {
  readonly from: string;
  /** A path from the project's root, or a package's name. */
  readonly to: string;
  /** Gone once compiled. */
  readonly typeOnly: boolean;
}

const STATIC = /^(?:import|export)\s+(?<type>type\s)?(?<names>[^"';]*?\sfrom\s+)?["'](?<target>[^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["'](?<target>[^"']+)["']\s*\)/g;

/** The imports of one TypeScript file; names marked `type` one by one count as types when all are. */
export function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const resolve = (target: string): string =>
    target.startsWith(".") ? posix.normalize(posix.join(dirname(file), target)) : target;
  const isTypes = (names = ""): boolean => {
    const list = /\{(?<list>[^}]*)\}/.exec(names)?.groups?.list;
    const parts = (list ?? "").split(",").filter((part) => part.trim() !== "");
    return parts.length > 0 && parts.every((part) => part.trim().startsWith("type "));
  };
  return [
    ...[...text.matchAll(STATIC)].map(({ groups }) => ({
      from: file,
      to: resolve(groups!.target!),
      typeOnly: groups!.type !== undefined || isTypes(groups!.names),
    })),
    ...[...text.matchAll(DYNAMIC)].map(({ groups }) => ({ from: file, to: resolve(groups!.target!), typeOnly: false })),
  ];
}
