/**
 * @file A policy as one ONNX file: the normaliser inside, masks and memory as inputs, the most likely action and a drawn one as
 * outputs. The file is run in onnxruntime and compared with our own answers before it is called done.
 */
import { basename, extname } from "node:path";
import {
  type Assembler,
  type DType,
  exportGraph,
  type NdArray,
  type StringArray,
  type Tensor,
  type Tracer,
  trace,
} from "../../engine/index.ts";
import { createScope } from "../layers/scope.ts";
import { type About, type CardValue, metadataOf, saidOf } from "../model/card.ts";
import type { ExportOptions } from "../model/export.ts";
import { type Difference, differenceOf, type ExportResult, writeOnnx } from "../model/onnxFile.ts";
import { weightArrays } from "../model/weights.ts";
import { createRandom } from "../random.ts";
import type { Registry } from "../registry/registry.ts";
import { distributionOf, maskWidth, noiseOf } from "./distributions.ts";
import { affine } from "./normalise.ts";
import { type PlayContext, type Played, play } from "./play.ts";
import { memoryWidths, policyNetwork } from "./policy.ts";
import { momentsOf, type PolicyModel } from "./policyRecord.ts";
import { bool, f32 } from "./programs.ts";
import { type Space, spaceSize } from "./spaces.ts";

const SAMPLES = 64;
const DEFAULT_OPSET = 17;

/** Writes `path`, and the policy's card beside it as `<name>.json`. Faults: those of `exportOnnx`. */
export async function exportPolicy(
  context: PlayContext,
  path: string,
  { opset = DEFAULT_OPSET, about = {}, ...options }: ExportOptions = {},
): Promise<ExportResult> {
  const { record, registry } = context;
  const card = cardOf(record, basename(path, extname(path)), about);
  const model = fileOf(registry, record, card, opset);
  const made = inventPlay(record.policy);
  const own = play(context, { ...made, isGreedy: true, seed: 0, counter: 0 });
  const feeds = feedsOf(record.policy.spec, made);
  return writeOnnx(path, { model, opset, card, feeds, compare: (theirs) => compare(theirs, own) }, options);
}

const observationType = (space: Space): DType => (space.type !== "box" ? "I64" : space.dtype === "U8" ? "U8" : "F32");
const shapeOf = (space: Space): readonly number[] =>
  space.type === "box" ? space.shape : space.type === "discrete" ? [] : [spaceSize(space)];
const actionType = (space: Space): DType => (space.type === "box" ? "F32" : "I64");

/** Everything that a host needs to run the file with a runtime alone. */
function cardOf({ policy, spec, parameters, metrics, provenance, seed }: PolicyModel, name: string, about: About) {
  const { observation, action, masked, normaliser, distribution } = policy.spec;
  const memories = memoryWidths(policy.spec);
  const rows = (own: readonly number[]): CardValue["shape"] => ["batch", ...own];
  const inputs: CardValue[] = [
    {
      name: "observations",
      dtype: observationType(observation),
      shape: rows(shapeOf(observation)),
      description: "as the environment shows them; normalising is inside",
    },
    ...(masked
      ? [
          {
            name: "mask",
            dtype: "BOOL" as const,
            shape: rows([maskWidth(action)]),
            description: "true where a choice is allowed",
          },
        ]
      : []),
    ...memories.map(
      (width, index): CardValue => ({
        name: `state.${index}`,
        dtype: "F32",
        shape: rows([width]),
        description: "what is remembered: zeros where an episode begins, then the last `nextState`",
      }),
    ),
  ];
  const outputs: CardValue[] = [
    {
      name: "actions",
      dtype: actionType(action),
      shape: rows(shapeOf(action)),
      description: "the most likely action, as the environment takes it",
    },
    {
      name: "sampledActions",
      dtype: actionType(action),
      shape: rows(shapeOf(action)),
      description: "an action drawn as in training; another one with each run",
    },
    {
      name: "parameters",
      dtype: "F32",
      shape: rows([parametersWidth(policy.spec)]),
      description: PARAMETERS[distribution] ?? "what the distribution of actions is made of",
    },
    { name: "values", dtype: "F32", shape: ["batch"], description: "the discounted return that is expected" },
    ...memories.map(
      (width, index): CardValue => ({
        name: `nextState.${index}`,
        dtype: "F32",
        shape: rows([width]),
        description: `what is remembered now: the next \`state.${index}\``,
      }),
    ),
  ];
  return {
    format: "ml-sidecar model card 1",
    name,
    ...saidOf(about),
    pipeline: spec.pipeline,
    seed,
    backbone: policy.spec.backbone,
    memory: policy.spec.memory,
    parameters,
    inputs,
    outputs,
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

const PARAMETERS: Readonly<Record<string, string>> = {
  categorical: "logits, those of masked choices at -1e8; of several choices, side by side",
  gaussian: "means",
  squashedGaussian: "means before tanh",
};

function parametersWidth({ action, distribution }: PolicyModel["policy"]["spec"]): number {
  if (distribution === "squashedGaussianByState") return 2 * spaceSize(action);
  return action.type === "box" || action.type === "multiBinary" ? spaceSize(action) : maskWidth(action);
}

/** Observations as they come to everything that a file answers. */
function answers(t: Tracer, registry: Registry, { policy }: PolicyModel, batch: number): Record<string, Tensor> {
  const { spec, moments } = policy;
  const seen = t.input("observations", f32(batch, spaceSize(spec.observation)));
  const mask = spec.masked ? t.input("mask", bool(batch, maskWidth(spec.action))) : null;
  const memory = memoryWidths(spec).map((width, index) => t.input(`state.${index}`, f32(batch, width)));
  const { scope } = createScope(t);
  const {
    parameters,
    value,
    memory: next,
  } = policyNetwork(registry, spec, scope, {
    observations: normalised(t, seen, spec.normaliser?.clip ?? null, moments),
    memory,
    starts: null,
  });
  const distribution = distributionOf(scope.child("actor"), spec.action, spec, parameters, mask);
  const { width } = noiseOf(spec.action);
  const drawn = distribution.drawn(t.input("noise", f32(batch, width)));
  const shape = [batch, ...shapeOf(spec.action)];
  const shown = mask === null || spec.action.type === "multiBinary" ? parameters : mask.where(parameters, -1e8);
  return {
    actions: distribution.applied(distribution.mode()).reshape(shape),
    sampledActions: distribution.applied(drawn).reshape(shape),
    parameters: shown,
    values: value,
    ...Object.fromEntries(next.map((tensor, index) => [`nextState.${index}`, tensor])),
  };
}

function normalised(t: Tracer, x: Tensor, clip: number | null, moments: PolicyModel["policy"]["moments"]): Tensor {
  if (clip === null || moments === null) return x;
  const { scale } = affine(momentsOf(moments));
  const row = (data: Float32Array): Tensor => t.constant({ dtype: "F32", shape: [data.length], data });
  return x
    .sub(row(Float32Array.from(moments.mean)))
    .mul(row(scale))
    .clamp(-clip, clip);
}

function fileOf(registry: Registry, record: PolicyModel, card: ReturnType<typeof cardOf>, opset: number) {
  const weights = weightArrays(record.weights!);
  const { spec } = record.policy;
  return exportGraph({
    name: card.name,
    opset,
    weights: (path) => weights[path]!,
    metadata: metadataOf(card),
    trace: (batch) => trace((t) => ({ outputs: answers(t, registry, record, batch) })),
    before(assembler) {
      const observations = observationsOf(assembler, spec.observation);
      const others = card.inputs
        .slice(1)
        .map(({ name, dtype, shape }) => [name, declared(assembler, name, dtype as DType, shape)]);
      return { observations, ...Object.fromEntries(others), noise: noise(assembler, observations, spec) };
    },
    after(assembler, values) {
      for (const { name, dtype, shape } of card.outputs) {
        const type = dtype as DType;
        const { value } = values[name]!;
        const cast = type === "I64" ? assembler.cast(value, type) : value;
        assembler.output(name, cast, type, assembler.sized(shape));
      }
    },
  });
}

const declared = (assembler: Assembler, name: string, dtype: DType, shape: CardValue["shape"]): string =>
  assembler.input(name, dtype, assembler.sized(shape));

/** [batch, ...shape] of whatever type to F32 [batch, size]. */
function observationsOf(assembler: Assembler, space: Space): string {
  const { batch } = assembler.sizes;
  const type = observationType(space);
  const given = assembler.input("observations", type, [batch, ...shapeOf(space)]);
  const floats = type === "F32" ? given : assembler.cast(given, "F32");
  const wanted = [batch, spaceSize(space)];
  return shapeOf(space).length === 1 ? floats : assembler.node("Reshape", [floats, assembler.shape(wanted)]);
}

/** Noise of the runtime's own, [batch, width]: another one with each run. */
function noise(assembler: Assembler, observations: string, { action }: PolicyModel["policy"]["spec"]): string {
  const { width, kind } = noiseOf(action);
  const zeros = assembler.node("Mul", [observations, assembler.scalar(0, "F32")]);
  const column = assembler.node("Gather", [zeros, assembler.int64([0])], { axis: { int: 1 } });
  const rows = assembler.node("Expand", [column, assembler.shape([assembler.sizes.batch, width])]);
  return assembler.node(kind === "uniform" ? "RandomUniformLike" : "RandomNormalLike", [rows]);
}

interface Made {
  readonly observations: Float32Array;
  readonly count: number;
  readonly mask: Uint8Array | null;
  readonly memory: Played["memory"];
}

/** Observations, masks and memories made up. */
function inventPlay({ spec, moments }: PolicyModel["policy"]): Made {
  const random = createRandom(1, "verification");
  const size = spaceSize(spec.observation);
  const observations = new Float32Array(SAMPLES * size);
  for (let at = 0; at < observations.length; at++)
    observations[at] = invented(spec.observation, at % size, random, moments);
  const memory = memoryWidths(spec).map((width) =>
    Float32Array.from({ length: SAMPLES * width }, () => random.normal() / 2),
  );
  const choices = maskWidth(spec.action);
  const mask = spec.masked
    ? Uint8Array.from({ length: SAMPLES * choices }, () => Number(random.uniform() < 0.7))
    : null;
  return { observations, count: SAMPLES, mask, memory };
}

function compare(theirs: Readonly<Record<string, NdArray | StringArray>>, own: Played): Difference {
  const ours: Record<string, ArrayLike<number>> = {
    values: own.values,
    ...(own.actions instanceof Float32Array && { actions: own.actions }),
    ...Object.fromEntries(own.memory.map((each, index) => [`nextState.${index}`, each])),
  };
  const none: Difference = { samples: SAMPLES, maxAbsDiff: 0, largest: 0 };
  return Object.keys(ours).reduce((found, name) => differenceOf(theirs[name]!.data, ours[name]!, found), none);
}

function invented(
  space: Space,
  element: number,
  random: ReturnType<typeof createRandom>,
  moments: PolicyModel["policy"]["moments"],
): number {
  switch (space.type) {
    case "discrete":
      return (space.start ?? 0) + random.integer(space.n);
    case "multiDiscrete":
      return random.integer(space.nvec[element]!);
    case "multiBinary":
      return random.integer(2);
    case "box":
      if (space.dtype === "U8") return random.integer(256);
      if (moments === null) return random.normal();
      return moments.mean[element]! + random.normal() * Math.sqrt(moments.variance[element]!);
  }
}

function feedsOf(spec: PolicyModel["policy"]["spec"], { observations, mask, memory }: Made): Record<string, NdArray> {
  const type = observationType(spec.observation);
  const data =
    type === "F32"
      ? observations
      : type === "U8"
        ? Uint8Array.from(observations)
        : BigInt64Array.from(observations, (value) => BigInt(value));
  const widths = memoryWidths(spec);
  return {
    observations: { dtype: type, shape: [SAMPLES, ...shapeOf(spec.observation)], data },
    ...(mask === null ? {} : { mask: { dtype: "BOOL", shape: [SAMPLES, maskWidth(spec.action)], data: mask } }),
    ...Object.fromEntries(
      memory.map((each, index) => [`state.${index}`, { dtype: "F32", shape: [SAMPLES, widths[index]!], data: each }]),
    ),
  };
}
