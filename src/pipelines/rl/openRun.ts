/** @file A run, opened: its learner made from what was asked, or from where it stood. */
import type { Executor } from "../../engine/index.ts";
import { weightArrays } from "../model/weights.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { Learner } from "./algorithm.ts";
import { setMoments } from "./normalise.ts";
import { momentsOf, type PolicyModel } from "./policyRecord.ts";
import type { RunSpec } from "./runSpec.ts";

/**
 * @param record whose weights, where it has any, are learned further, with what they have behind them
 * @throws OUT_OF_MEMORY with numbers, before anything is computed
 */
export function openLearner(
  registry: Registry,
  executor: Executor,
  spec: RunSpec,
  record: PolicyModel | null,
): Learner {
  const { create } = find(registry.algorithms, spec.algorithm.type, "algorithm.type");
  const { policy, seed, count, groups, autoreset, totalSteps } = spec;
  const learned = record?.weights
    ? { weights: weightArrays(record.weights), behind: { steps: record.policy.steps, updates: record.policy.updates } }
    : {};
  const context = { registry, executor, policy, seed, count, groups, autoreset, ...learned };
  const learner = create(context, optionsOf(spec.algorithm));
  if (learner.moments !== null && record?.policy.moments) setMoments(learner.moments, momentsOf(record.policy.moments));
  if (totalSteps !== null) learner.horizon = { from: 0, to: totalSteps };
  return learner;
}
