/** @file A policy as a model: the same record as any other, so that it is listed, kept, saved and exported with the rest. */

import { Fault } from "../../engine/index.ts";
import { BLANK } from "../model/blank.ts";
import { countParameters } from "../model/network.ts";
import type { ModelRecord, Weights } from "../model/record.ts";
import type { Configured } from "../model/spec.ts";
import { packWeights } from "../model/weights.ts";
import { PreprocessSpec } from "../preprocess/spec.ts";
import type { Registry } from "../registry/registry.ts";
import { VERSIONS } from "../versions.ts";
import type { Learner } from "./algorithm.ts";
import { distributionOf, maskWidth } from "./distributions.ts";
import { refuseTooLarge } from "./forecast.ts";
import type { Moments } from "./normalise.ts";
import { declarePolicy, memoryWidths, type PolicySpec } from "./policy.ts";
import type { RunSpec } from "./runSpec.ts";
import { type Space, spaceSize } from "./spaces.ts";
import type { InsideSpec } from "./worldSpec.ts";

/** What a model knows of itself beside its weights, where it is a policy. Plain JSON. */
export interface PolicyRecord {
  readonly spec: PolicySpec;
  readonly algorithm: Configured;
  /** Where it learned. */
  readonly environment: InsideSpec;
  /** By which observations are standardised; null where they are taken as they are. */
  readonly moments: PlainMoments | null;
  readonly steps: number;
  readonly updates: number;
  /** Of the last 100 episodes of its training. */
  readonly meanReturn: number | null;
}

export interface PlainMoments {
  readonly mean: readonly number[];
  readonly variance: readonly number[];
  readonly count: number;
}

export interface PolicyModel extends ModelRecord {
  readonly policy: PolicyRecord;
}

export const isPolicy = (record: ModelRecord): record is PolicyModel => record.policy !== undefined;

/** @throws INVALID_STATE for a model that is no policy */
export function policyOf(record: ModelRecord): PolicyModel {
  if (isPolicy(record)) return record;
  throw new Fault("INVALID_STATE", "the model is not a policy", {
    hint: "call `predict`; policies come from `rl.create`",
  });
}

/** What a policy's network declares. */
export function policyLeaves(registry: Registry, spec: PolicySpec) {
  return declarePolicy(registry, spec, (scope, { parameters }) =>
    distributionOf(scope.child("actor"), spec.action, spec, parameters, null),
  );
}

const HEAD = { type: "actorCritic" } as const;

export function createPolicyRecord(registry: Registry, run: RunSpec): PolicyModel {
  const { policy, algorithm, environment, seed } = run;
  const parameters = countParameters(policyLeaves(registry, policy));
  // Each with its gradient and two moments.
  refuseTooLarge(`a policy of ${parameters} parameters`, 16 * parameters, {
    path: "backbone",
    hint: "choose a smaller backbone, or see and do less at a time",
  });
  return {
    spec: {
      pipeline: "policy",
      input: {
        shape: policy.observation.type === "box" ? [...policy.observation.shape] : [spaceSize(policy.observation)],
      },
      backbone: policy.backbone ?? { type: policy.memory!.cell, hidden: policy.memory!.hidden },
      head: HEAD,
      preprocess: PreprocessSpec.parse({}),
      seed,
    },
    seed,
    state: "new",
    ...BLANK,
    parameters,
    weights: null,
    policy: { spec: policy, algorithm, environment, moments: null, steps: 0, updates: 0, meanReturn: null },
  };
}

interface Port {
  readonly name: string;
  readonly dtype: "F32" | "I32" | "BOOL";
  readonly shape: readonly (number | "batch")[];
}

/** What `policy.act` takes of a policy, and what it answers. */
export function policyPorts(spec: PolicySpec): { readonly inputs: Port[]; readonly outputs: Port[] } {
  const ownShape = (space: Space): readonly number[] =>
    space.type === "box" ? space.shape : space.type === "discrete" ? [] : [spaceSize(space)];
  const port = (name: string, dtype: Port["dtype"], shape: readonly number[]): Port => ({
    name,
    dtype,
    shape: ["batch", ...shape],
  });
  const ofSpace = (name: string, space: Space): Port =>
    port(name, space.type === "box" ? "F32" : "I32", ownShape(space));
  const memory = memoryWidths(spec).map((width, index) => port(`state[${index}]`, "F32", [width]));
  return {
    inputs: [
      ofSpace("observations", spec.observation),
      ...(spec.masked ? [port("mask", "BOOL", [maskWidth(spec.action)])] : []),
      ...memory,
    ],
    outputs: [ofSpace("actions", spec.action), port("values", "F32", []), port("logProbs", "F32", []), ...memory],
  };
}

const plain = ({ mean, variance, count }: Moments): PlainMoments => ({
  mean: [...mean],
  variance: [...variance],
  count,
});

/** The record with what the learner knows now. @param previous the snapshot before */
export function snapshotPolicy(
  record: PolicyModel,
  learner: Learner,
  previous: Weights | null,
  meanReturn: number | null,
): PolicyModel {
  const { algorithm, environment } = record.policy;
  return {
    ...record,
    state: "trained",
    weights: packWeights(learner.weights(), previous),
    metrics: meanReturn === null ? record.metrics : { training: { meanReturn }, validation: null },
    provenance: {
      dataHash: "",
      dataName: environment.type,
      rows: learner.steps,
      seed: record.seed,
      epochs: 0,
      steps: learner.updates,
      versions: VERSIONS,
      trainedAt: new Date().toISOString(),
    },
    policy: {
      spec: record.policy.spec,
      algorithm,
      environment,
      moments: learner.moments === null ? null : plain(learner.moments),
      steps: learner.steps,
      updates: learner.updates,
      meanReturn,
    },
  };
}

export const momentsOf = ({ mean, variance, count }: PlainMoments): Moments => ({
  mean: Float64Array.from(mean),
  variance: Float64Array.from(variance),
  count,
});
