/** @file A policy as an ONNX graph: the normaliser inside, masks and memory as inputs, the most likely action and a drawn one as outputs. */
import { type Assembler, type DType, exportGraph, type Tensor, type Tracer, trace } from "../../engine/index.ts";
import { createScope } from "../layers/scope.ts";
import { type CardValue, metadataOf } from "../model/card.ts";
import { weightArrays } from "../model/weights.ts";
import type { Registry } from "../registry/registry.ts";
import { distributionOf, maskWidth, noiseOf } from "./distributions.ts";
import { affine } from "./normalise.ts";
import { observationType, type PolicyCard, shapeOf } from "./onnxCard.ts";
import { memoryWidths, policyNetwork } from "./policy.ts";
import { momentsOf, type PolicyModel } from "./policyRecord.ts";
import { bool, f32 } from "./programs.ts";
import { type Space, spaceSize } from "./spaces.ts";

/** @param card whose inputs and outputs the file has */
export function fileOf(registry: Registry, record: PolicyModel, card: PolicyCard, opset: number) {
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
