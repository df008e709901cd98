/** @file Patterns of dotted paths: `backbone.layers.0`, `backbone.*.weight`, `**.bias`. */
import { Fault } from "../../engine/index.ts";
import { nearest } from "./nearest.ts";

/** Whether a pattern is the path, or the beginning of it; `*` stands for one part, `**` for any number. */
export function matches(pattern: string, path: string): boolean {
  return begins(pattern.split("."), path.split("."));
}

function begins([part, ...rest]: readonly string[], path: readonly string[]): boolean {
  if (part === undefined) return true;
  if (part === "**") return path.some((_, from) => begins(rest, path.slice(from)));
  return path.length > 0 && (part === "*" || part === path[0]) && begins(rest, path.slice(1));
}

/** Of a pattern that matches none of the paths. @param place the option it stands in @param what each path is of, as a noun */
export function matchesNothing(pattern: string, place: string, what: string, paths: readonly string[]): Fault {
  const near = nearest(pattern, [...new Set(paths.flatMap(beginningsOf))]);
  return new Fault("INVALID_PARAMS", `\`${place}\`: no ${what} matches \`${pattern}\``, {
    violations: [{ path: place, message: "matches nothing", expected: paths.slice(0, 50).join(" | "), got: pattern }],
    hint:
      near === undefined
        ? "`models.summary` lists the layers; a pattern is a path or its beginning, `*` stands for one part, `**` for any"
        : `did you mean \`${near}\`?`,
  });
}

/** `backbone`, `backbone.layers`, and so on to the whole. */
function beginningsOf(path: string): string[] {
  const parts = path.split(".");
  return parts.map((_, end) => parts.slice(0, end + 1).join("."));
}
