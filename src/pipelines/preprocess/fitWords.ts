/** @file Fitting columns of words: the vocabulary of texts, the categories of names. */
import type { Column } from "../data/dataset.ts";
import { byNumberThenName } from "../targets/names.ts";
import type { Fitted, FittedStep } from "./preprocessing.ts";
import { unsuitable } from "./refuse.ts";
import type { OptionsOf, PreprocessSpec, StepOptions } from "./spec.ts";
import { partsOf, vocabularyOf } from "./tokens.ts";

/** The vocabulary of texts, and how long they are. */
export function fitTokens({ values, categories }: Column, rows: Int32Array, asked: readonly StepOptions[]): Fitted {
  const codes = new Set<number>();
  for (const row of rows) if (values[row]! >= 0) codes.add(values[row]!);
  const texts = Array.from(codes, (code) => categories![code]!);
  const { unit, length: wanted } = asked.find((step) => step.type === "tokens")!;
  const vocabulary = vocabularyOf(texts, unit);
  const length = wanted ?? texts.reduce((most, text) => Math.max(most, partsOf(text, unit).length), 1);
  const parts = { kind: "tokens", shape: [length], width: length, categories: vocabulary, steps: [] } as const;
  return { parts: unit === "words" ? { ...parts, unit } : parts, notes: [] };
}

const OTHER = "other";

/** The categories of a column, the most frequent where a limit cuts. Faults: INVALID_PARAMS for a stand-in that is none. */
export function fitCategories(
  column: Column,
  rows: Int32Array,
  asked: readonly StepOptions[],
  spec: PreprocessSpec,
): Fitted {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const code = column.values[row]!;
    if (code >= 0) counts.set(column.categories![code]!, (counts.get(column.categories![code]!) ?? 0) + 1);
  }
  const frequent = [...counts]
    .sort(([a, often], [b, seldom]) => seldom - often || (a < b ? -1 : 1))
    .map(([name]) => name);
  const oneHot = asked.find((step) => step.type === "oneHot");
  const limit = oneHot?.maxCategories ?? spec.maxCategories;
  const isCapped = frequent.length > limit;
  const kept = frequent.slice(0, limit);
  const categories = kept.sort(byNumberThenName(new Set(kept)));
  if (isCapped) categories.push(uniqueName(OTHER, categories));

  const steps: FittedStep[] = [];
  const impute = asked.find((step) => step.type === "impute") ?? (oneHot === undefined ? MODE : undefined);
  if (impute !== undefined) {
    if (impute.strategy === "mean" || impute.strategy === "median")
      throw unsuitable(column.name, impute.strategy, "strategy `mode` or `constant`");
    const name = impute.strategy === "mode" ? frequent[0]! : String(impute.value ?? "");
    if (!categories.includes(name)) categories.push(name);
    steps.push({ type: "impute", value: [categories.indexOf(name)] });
  }
  if (oneHot !== undefined) steps.push({ type: "oneHot", values: categories.map((_, code) => code) });
  const note = `column \`${column.name}\`: ${limit} of ${frequent.length} categories kept, the others share one bucket`;
  return {
    parts: { kind: "category", categories, unknownCode: isCapped ? limit : -1, steps },
    notes: isCapped ? [note] : [],
  };
}

const MODE: OptionsOf<"impute"> = { type: "impute", strategy: "mode" };

function uniqueName(name: string, taken: readonly string[]): string {
  return taken.includes(name) ? uniqueName(`(${name})`, taken) : name;
}
