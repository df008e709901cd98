/** @file The part that a host asks for: parameters or layers by path patterns. */
import { Fault } from "../../engine/index.ts";
import { translates } from "../model/network.ts";
import type { ModelRecord } from "../model/record.ts";
import { matches, matchesNothing } from "../registry/paths.ts";
import type { Registry } from "../registry/registry.ts";

/** What the patterns match, in its own order; all where none are given. @throws INVALID_PARAMS for one that matches nothing. */
export function select<Item extends { readonly path: string }>(
  items: readonly Item[],
  patterns: readonly string[] | undefined,
  what: string,
): Item[] {
  if (patterns === undefined) return [...items];
  const paths = items.map(({ path }) => path);
  for (const pattern of patterns) {
    if (!paths.some((path) => matches(pattern, path))) throw matchesNothing(pattern, "layers", what, paths);
  }
  return items.filter(({ path }) => patterns.some((pattern) => matches(pattern, path)));
}

/** @throws INVALID_STATE for a model that writes its answer element by element: what its layers give depends on what it wrote. */
export function refuseWriting(registry: Registry, { spec }: Pick<ModelRecord, "spec">): void {
  if (!translates(registry, spec)) return;
  throw new Fault(
    "INVALID_STATE",
    "the model writes its answer element by element: its layers give something for each",
    {
      violations: [
        { path: "model", message: "not one answer", expected: "a model that answers at once", got: spec.head.type },
      ],
      hint: "`models.summary`, and `weights` and `gradients` of `models.inspect`, work for such models too",
    },
  );
}

/** Numbers that one answer may hold. */
const MOST_VALUES = 1 << 24;

/** @throws LIMIT_EXCEEDED when an answer would be too large to make. */
export function refuseTooMany(values: number, hint: string): void {
  if (values <= MOST_VALUES) return;
  throw new Fault("LIMIT_EXCEEDED", `the answer would hold ${values.toLocaleString("en-US")} numbers`, {
    violations: [
      { path: "inputs", message: "too much at once", expected: `at most ${MOST_VALUES} numbers`, got: `${values}` },
    ],
    hint,
  });
}
