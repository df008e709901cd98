/** @file The network of a spec as tensors: preprocessing, backbone, head, and the named results that hosts read. */
import {
  Fault,
  type NdArray,
  type Shape,
  sizeOf,
  type Tensor,
  type TensorType,
  type Tracer,
  trace,
} from "../../engine/index.ts";
import { asLayer, createScope, type Declaration, type Scope } from "../layers/scope.ts";
import { applyPreprocessing } from "../preprocess/apply.ts";
import { featureParts, type Preprocessing } from "../preprocess/preprocessing.ts";
import { restoreTarget, standardiseTarget, type TargetEncoding } from "../preprocess/target.ts";
import { createWatchedRandom } from "../random.ts";
import type { FeaturePart, Inside } from "../registry/define.ts";
import { find, optionsOf, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { COMBINATIONS } from "./combine.ts";
import type { ModelRecord, Signature } from "./record.ts";
import type { ModelSpec } from "./spec.ts";

/** The names of what a target encoding predicts: classes, labels, or one for each output. */
export function outputNames(encoding: TargetEncoding): readonly string[] {
  if (encoding.kind === "classes") return encoding.classes;
  if (encoding.kind === "labels") return encoding.labels;
  return encoding.columns.length === encoding.width
    ? encoding.columns
    : Array.from({ length: encoding.width }, (_, output) => `${encoding.columns[0]}[${output}]`);
}

/** What a network is made from; without preprocessing its features are taken as one part. */
export type Described = Pick<ModelRecord, "spec" | "preprocessing">;

/**
 * Features through backbone and head; of an ensemble, raw rows through all its members.
 * @param features F32 [batch, ...features], preprocessed.
 * @returns F32 [batch, outputs]: logits, or values on the scale that is learned.
 */
export function network(
  registry: Registry,
  { spec, preprocessing }: Described,
  scope: Scope,
  features: Tensor,
  outputs: number,
): Tensor {
  const { ensemble } = spec;
  if (ensemble === undefined) return backboneAndHead(registry, { ...spec, preprocessing }, scope, features, outputs);
  const { target: kind } = find(registry.heads, spec.head.type, "head.type");
  const { target: own } = ensemble.members[0]!;
  const raws = ensemble.members.map((member, index) => {
    const within = scope.child(`members.${index}`);
    const seen = asLayer(within.child("preprocessing"), "preprocessing", features, () =>
      applyPreprocessing(scope, features, member.preprocessing),
    );
    const raw = backboneAndHead(registry, member, within, seen, outputs);
    return index === 0 ? raw : standardiseTarget(scope, restoreTarget(scope, raw, member.target), own);
  });
  return COMBINATIONS[kind][ensemble.combine]!(raws, scope);
}

function backboneAndHead(
  registry: Registry,
  spec: Pick<ModelSpec, "backbone" | "head"> & Pick<Described, "preprocessing">,
  scope: Scope,
  features: Tensor,
  outputs: number,
): Tensor {
  const backbone = find(registry.backbones, spec.backbone.type, "backbone.type");
  const head = find(registry.heads, spec.head.type, "head.type");
  const inside = insideOf(registry, partsOf(spec.preprocessing, features.shape.slice(1)));
  const below = scope.child("backbone");
  const hidden = asLayer(below, spec.backbone.type, features, () =>
    backbone.build(below, features, optionsOf(spec.backbone), inside),
  );
  const above = scope.child("head");
  const raw = asLayer(above, spec.head.type, hidden, () => head.build(above, hidden, optionsOf(spec.head), outputs));
  const batch = features.shape[0]!;
  if (raw.shape[0] === batch && raw.shape[1] === outputs && raw.shape.length === 2) return raw;
  throw new Fault("SHAPE_MISMATCH", `backbone \`${spec.backbone.type}\` and head \`${spec.head.type}\` do not fit`, {
    violations: [
      { path: "head", message: "wrong output", expected: `[${batch}, ${outputs}]`, got: `[${raw.shape.join(", ")}]` },
    ],
    hint: "a backbone keeps the first axis, the batch; a head answers [batch, outputs]",
  });
}

function partsOf(preprocessing: Preprocessing | null, shape: Shape): readonly FeaturePart[] {
  return preprocessing === null
    ? [{ name: "inputs", kind: "tensor", shape, offset: 0, width: sizeOf(shape) }]
    : featureParts(preprocessing);
}

/** What a backbone is told of its features, and how it makes others of its kind for parts of them. */
function insideOf(registry: Registry, parts: readonly FeaturePart[]): Inside {
  return {
    parts,
    backbone(raw, path) {
      const chosen = parseConfigured(registry.backbones, raw, path, "mlp");
      const { build } = find(registry.backbones, chosen.type, `${path}.type`);
      return (scope, x, own) =>
        asLayer(scope, chosen.type, x, () => build(scope, x, optionsOf(chosen), insideOf(registry, own)));
    },
  };
}

/** Raw outputs as hosts read them: by name, in the target's own units. */
export function results(t: Tracer, registry: Registry, spec: ModelSpec, encoding: TargetEncoding, raw: Tensor) {
  const head = find(registry.heads, spec.head.type, "head.type");
  return head.results(restoreTarget(t, raw, encoding), optionsOf(spec.head));
}

/**
 * A trained model from raw rows to its results, without anything that only training does. What `predict` runs, and what
 * is exported. Its weights are the states of the trace.
 * @param raw F32 [batch, ...signature.raw], as `encodeRows` makes it.
 */
export function infer(
  t: Tracer,
  registry: Registry,
  record: ModelRecord,
  raw: Tensor,
): Readonly<Record<string, Tensor>> {
  const { spec, signature, preprocessing, target } = fitted(record);
  const features = applyPreprocessing(t, raw, preprocessing);
  return results(
    t,
    registry,
    spec,
    target,
    network(registry, record, createScope(t).scope, features, signature.outputs),
  );
}

/** A record whose first training has at least begun. */
export interface FittedRecord extends ModelRecord {
  readonly signature: Signature;
  readonly preprocessing: Preprocessing;
  readonly target: TargetEncoding;
}

/** @throws INVALID_STATE for a model that has not been trained. */
export function fitted(record: ModelRecord): FittedRecord {
  const { signature, preprocessing, target } = record;
  if (signature !== null && preprocessing !== null && target !== null) return record as FittedRecord;
  throw new Fault("INVALID_STATE", "the model has not been trained", { hint: "call `train.start` first" });
}

/** What a network declares, in order: its parameters and buffers, with their initial values from the spec's seed. */
export function declare(registry: Registry, model: Described, features: Shape, outputs: number): Declaration[] {
  const leaves: Declaration[] = [];
  trace((t) => {
    const { scope, declarations } = createScope(t);
    const raw = network(
      registry,
      model,
      scope,
      t.input("features", { dtype: "F32", shape: [1, ...features] }),
      outputs,
    );
    leaves.push(...declarations.leaves.values());
    return { outputs: { raw } };
  });
  return leaves;
}

/** How many numbers training may change. */
export function countParameters(leaves: readonly Declaration[]): number {
  return leaves.reduce((sum, { trainable, type }) => sum + (trainable ? sizeOf(type.shape) : 0), 0);
}

/**
 * Initial values by path: each leaf draws from a stream of its own, so that adding a layer moves no other's numbers.
 * @param look called every few milliseconds; it may throw to give up, for a large network takes seconds.
 */
export function initialWeights(
  leaves: readonly Declaration[],
  seed: number,
  look: () => void = () => {},
): Record<string, NdArray> {
  return Object.fromEntries(
    leaves.map(({ path, type, initialiser }) => {
      look();
      return [path, { ...type, data: initialiser(type.shape, createWatchedRandom(look, seed, "weights", path)) }];
    }),
  );
}

/** The results' types for one row, the batch left out. */
export function resultTypes(
  registry: Registry,
  spec: ModelSpec,
  encoding: TargetEncoding,
  outputs: number,
): Record<string, TensorType> {
  const types: Record<string, TensorType> = {};
  trace((t) => {
    const named = results(t, registry, spec, encoding, t.input("raw", { dtype: "F32", shape: [1, outputs] }));
    for (const [name, { dtype, shape }] of Object.entries(named)) types[name] = { dtype, shape: shape.slice(1) };
    return { outputs: named };
  });
  return types;
}
