/** @file A run, opened: its learner made from what was asked, or from where it stood. */
import type { Executor } from "../../engine/index.ts";
import { weightArrays } from "../model/weights.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { Learner } from "./algorithm.ts";
import type { PolicyModel } from "./policyRecord.ts";
import type { RunSpec } from "./runSpec.ts";

/** @throws OUT_OF_MEMORY with numbers, before anything is computed */
export function openLearner(
  registry: Registry,
  executor: Executor,
  spec: RunSpec,
  record: PolicyModel | null,
): Learner {
  const { create } = find(registry.algorithms, spec.algorithm.type, "algorithm.type");
  const { policy, seed, count, groups, autoreset, totalSteps } = spec;
  const weights = record?.weights ? weightArrays(record.weights) : undefined;
  const context = { registry, executor, policy, seed, count, groups, autoreset, ...(weights && { weights }) };
  const learner = create(context, optionsOf(spec.algorithm));
  if (totalSteps !== null) learner.horizon = { from: 0, to: totalSteps };
  return learner;
}
