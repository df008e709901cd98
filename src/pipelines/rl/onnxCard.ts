/** @file The card of a policy's file: its inputs, outputs and spaces, all that a host needs to run it with a runtime alone. */
import type { DType } from "../../engine/index.ts";
import { type About, type CardValue, saidOf } from "../model/card.ts";
import { maskWidth, parametersOf } from "./distributions.ts";
import { memoryWidths, type PolicySpec } from "./policy.ts";
import type { PolicyModel } from "./policyRecord.ts";
import { type Space, spaceSize } from "./spaces.ts";

export const observationType = (space: Space): DType =>
  space.type !== "box" ? "I64" : space.dtype === "U8" ? "U8" : "F32";
export const shapeOf = (space: Space): readonly number[] =>
  space.type === "box" ? space.shape : space.type === "discrete" ? [] : [spaceSize(space)];
const actionType = (space: Space): DType => (space.type === "box" ? "F32" : "I64");

export type PolicyCard = ReturnType<typeof cardOf>;

export function cardOf(
  { policy, spec, parameters, metrics, provenance, seed }: PolicyModel,
  name: string,
  about: About,
) {
  const { observation, action, normaliser, distribution } = policy.spec;
  return {
    format: "ml-sidecar model card 1",
    name,
    ...saidOf(about),
    pipeline: spec.pipeline,
    seed,
    backbone: policy.spec.backbone,
    memory: policy.spec.memory,
    parameters,
    inputs: inputsOf(policy.spec),
    outputs: outputsOf(policy.spec),
    spaces: { observation, action },
    distribution,
    normaliser: normaliser === null ? null : { ...normaliser, ...policy.moments },
    algorithm: policy.algorithm,
    environment: policy.environment,
    training: { steps: policy.steps, updates: policy.updates, meanReturn: policy.meanReturn },
    metrics,
    provenance,
  } as const;
}

const rows = (own: readonly number[]): CardValue["shape"] => ["batch", ...own];

function inputsOf(spec: PolicySpec): CardValue[] {
  const { observation, action, masked } = spec;
  const mask: CardValue = {
    name: "mask",
    dtype: "BOOL",
    shape: rows([maskWidth(action)]),
    description: "true where a choice is allowed",
  };
  return [
    {
      name: "observations",
      dtype: observationType(observation),
      shape: rows(shapeOf(observation)),
      description: "as the environment shows them; normalising is inside",
    },
    ...(masked ? [mask] : []),
    ...memoryWidths(spec).map(
      (width, index): CardValue => ({
        name: `state.${index}`,
        dtype: "F32",
        shape: rows([width]),
        description: "what is remembered: zeros where an episode begins, then the last `nextState`",
      }),
    ),
  ];
}

function outputsOf(spec: PolicySpec): CardValue[] {
  const { action, distribution } = spec;
  const actions = { dtype: actionType(action), shape: rows(shapeOf(action)) };
  return [
    { name: "actions", ...actions, description: "the most likely action, as the environment takes it" },
    { name: "sampledActions", ...actions, description: "an action drawn as in training; another one with each run" },
    {
      name: "parameters",
      dtype: "F32",
      shape: rows([parametersOf(action, distribution)]),
      description: PARAMETERS[distribution] ?? "what the distribution of actions is made of",
    },
    { name: "values", dtype: "F32", shape: ["batch"], description: "the discounted return that is expected" },
    ...memoryWidths(spec).map(
      (width, index): CardValue => ({
        name: `nextState.${index}`,
        dtype: "F32",
        shape: rows([width]),
        description: `what is remembered now: the next \`state.${index}\``,
      }),
    ),
  ];
}

const PARAMETERS: Readonly<Record<string, string>> = {
  categorical: "logits, those of masked choices at -1e8; of several choices, side by side",
  gaussian: "means",
  squashedGaussian: "means before tanh",
};
