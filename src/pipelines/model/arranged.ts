/** @file A dataset in the form that a model learns from: a text as its windows, for one that writes texts. */
import type { Dataset } from "../data/dataset.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { ModelSpec } from "./spec.ts";

/** The same dataset as a rule. */
export function arranged(registry: Registry, { head: chosen }: Pick<ModelSpec, "head">, dataset: Dataset): Dataset {
  const head = find(registry.heads, chosen.type, "head.type");
  return head.arrange?.(dataset, optionsOf(chosen)) ?? dataset;
}
