/** @file Patterns of dotted paths: `backbone.layers.0`, `backbone.*.weight`, `**.bias`. */

/** Whether a pattern is the path, or the beginning of it; `*` stands for one part, `**` for any number. */
export function matches(pattern: string, path: string): boolean {
  return begins(pattern.split("."), path.split("."));
}

function begins([part, ...rest]: readonly string[], path: readonly string[]): boolean {
  if (part === undefined) return true;
  if (part === "**") return path.some((_, from) => begins(rest, path.slice(from)));
  return path.length > 0 && (part === "*" || part === path[0]) && begins(rest, path.slice(1));
}
