/**
 * @file A policy as one ONNX file: the normaliser inside, masks and memory as inputs, the most likely action and a drawn one as
 * outputs. The file is run in onnxruntime and compared with our own answers before it is called done.
 */
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { basename, dirname, extname } from "node:path";
import {
  type Assembler,
  type DType,
  encodeOnnx,
  exportGraph,
  findOnnxruntime,
  type NdArray,
  runApart,
  type Tensor,
  type Tracer,
  trace,
} from "../../engine/index.ts";
import { replaceFile } from "../files/durable.ts";
import { writing } from "../files/writing.ts";
import { createScope } from "../layers/scope.ts";
import type { CardValue } from "../model/card.ts";
import { type ExportOptions, type ExportResult, refuseOthers, type Verification } from "../model/export.ts";
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
  { opset = DEFAULT_OPSET, verify = true }: ExportOptions = {},
): Promise<ExportResult> {
  const { record, registry } = context;
  const name = basename(path, extname(path));
  const card = cardOf(record, name);
  const bytes = encodeOnnx(fileOf(registry, record, card, opset));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const presence = findOnnxruntime();
  const missing = "missing" in presence ? `${presence.missing}, so the file was not run` : null;
  const note = verify ? missing : "not asked for";
  const verification = note === null ? await compare(context, bytes) : null;
  const cardPath = `${extname(path) === ".onnx" ? path.slice(0, -".onnx".length) : path}.json`;
  const file = { name: basename(path), sha256, bytes: bytes.byteLength, opset };
  await writing(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    await refuseOthers(cardPath);
    replaceFile(path, bytes);
    replaceFile(cardPath, `${JSON.stringify({ ...card, file, verification }, named, 2)}\n`);
  });
  return { path, sha256, bytes: bytes.byteLength, opset, card: cardPath, verification, note };
}

/** JSON has no infinities; spaces have. */
const named = (_key: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;

const observationType = (space: Space): DType => (space.type !== "box" ? "I64" : space.dtype === "U8" ? "U8" : "F32");
const shapeOf = (space: Space): readonly number[] =>
  space.type === "box" ? space.shape : space.type === "discrete" ? [] : [spaceSize(space)];
const actionType = (space: Space): DType => (space.type === "box" ? "F32" : "I64");

/** Everything that a host needs to run the file with a runtime alone. */
function cardOf({ policy, spec, parameters, metrics, provenance }: PolicyModel, name: string) {
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
    pipeline: spec.pipeline,
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
    metadata: { card: JSON.stringify(card, named), spaces: JSON.stringify(card.spaces, named) },
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
        const value = type === "I64" ? assembler.cast(values[name]!, type) : values[name]!;
        assembler.output(name, value, type, sized(assembler, shape));
      }
    },
  });
}

const sized = ({ batch }: Assembler, shape: CardValue["shape"]): number[] =>
  shape.map((size) => (size === "batch" ? batch : size));

const declared = (assembler: Assembler, name: string, dtype: DType, shape: CardValue["shape"]): string =>
  assembler.input(name, dtype, sized(assembler, shape));

/** [batch, ...shape] of whatever type to F32 [batch, size]. */
function observationsOf(assembler: Assembler, space: Space): string {
  const { batch } = assembler;
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
  const rows = assembler.node("Expand", [column, assembler.shape([assembler.batch, width])]);
  return assembler.node(kind === "uniform" ? "RandomUniformLike" : "RandomNormalLike", [rows]);
}

/** Observations made up, through the file and through our engine. */
async function compare(context: PlayContext, bytes: Uint8Array): Promise<Verification> {
  const { spec, moments } = context.record.policy;
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
  const own = play(context, { observations, count: SAMPLES, mask, memory, isGreedy: true, seed: 0, counter: 0 });
  const theirs = await runApart(bytes, feeds(spec, observations, mask, memory));
  let maxAbsDiff = 0;
  const judge = (name: string, ours: Float32Array): void => {
    for (const [index, value] of ours.entries()) {
      const difference = Math.abs(Number(theirs[name]!.data[index]) - value);
      if (!(difference <= maxAbsDiff)) maxAbsDiff = difference;
    }
  };
  judge("values", own.values);
  if (own.actions instanceof Float32Array) judge("actions", own.actions);
  for (const [index, each] of own.memory.entries()) judge(`nextState.${index}`, each);
  return { samples: SAMPLES, maxAbsDiff };
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

function feeds(
  spec: PolicyModel["policy"]["spec"],
  observations: Float32Array,
  mask: Uint8Array | null,
  memory: Played["memory"],
): Record<string, NdArray> {
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
