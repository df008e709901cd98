/** @file The network of a spec as tensors: preprocessing, backbone, heads, and the named results that hosts read. */
import {
  Fault,
  type NdArray,
  type Shape,
  showShape,
  sizeOf,
  type Tensor,
  type TensorType,
  type Tracer,
  trace,
} from "../../engine/index.ts";
import { asLayer, createScope, type Declaration, type Scope, withPresent } from "../layers/scope.ts";
import { applyPreprocessing } from "../preprocess/apply.ts";
import { featureParts, type Preprocessing } from "../preprocess/preprocessing.ts";
import { createWatchedRandom } from "../random.ts";
import type { FeaturePart, Inside, Previous, Raw } from "../registry/define.ts";
import { find, optionsOf, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { standardiseTarget, targetType, unitsOf } from "../targets/index.ts";
import { COMBINATIONS, type Combinable } from "./combine.ts";
import type { ModelRecord, Signature } from "./record.ts";
import type { ModelSpec } from "./spec.ts";
import { type Answers, encodingOf, outputsOf, rawOf, type Task, tasksOf, withName } from "./tasks.ts";

/** What a network is made from; without preprocessing its features are taken as one part. */
export type Described = Pick<ModelRecord, "spec" | "preprocessing" | "target" | "imported">;

/** What goes into a network beside the features. */
export interface Beside {
  /** I32 [batch, time], of a head that translates: the tokens before each place. */
  readonly previous?: Tensor | undefined;
  /** The rows' other view, [batch, ...features], of a training that augments what a head sees twice. */
  readonly second?: Tensor | undefined;
  /** Numbers to answer, of a model that has seen no data yet. */
  readonly outputs?: number | undefined;
}

/**
 * Features through backbone and heads; of an ensemble, raw rows through all its members.
 * @param features F32 [batch, ...features], preprocessed.
 * @returns what the heads answer, by name: `output`, F32 [batch, outputs], and what else there is.
 */
export function network(
  registry: Registry,
  described: Described,
  scope: Scope,
  features: Tensor,
  beside: Beside = {},
): Answers {
  const { ensemble, ...spec } = described.spec;
  if (ensemble === undefined) return backboneAndHeads(registry, described, scope, features, beside);
  const { target: own } = ensemble.members[0]!;
  const outputs = ensemble.members.map((member, index) => {
    const within = scope.child(`members.${index}`);
    const seen = asLayer(within.child("preprocessing"), "preprocessing", features, () =>
      applyPreprocessing(scope, features, member.preprocessing),
    );
    const inner = { ...member, spec: { ...spec, backbone: member.backbone, head: member.head } };
    const { output } = backboneAndHeads(registry, inner, within, seen, beside) as Raw;
    return index === 0 ? output : standardiseTarget(scope, unitsOf(scope, member.target).value(output), own);
  });
  return { output: COMBINATIONS[own.kind as Combinable][ensemble.combine]!(outputs, scope) };
}

function backboneAndHeads(
  registry: Registry,
  { spec, preprocessing, target, imported }: Described,
  root: Scope,
  given: Tensor,
  { previous, second, outputs }: Beside,
): Answers {
  const tasks = tasksOf(registry, spec);
  const [first] = tasks as [Task];
  const counts = tasks.map((task) => outputsOf(task, target, given.shape.slice(1)) ?? outputs!);
  const views = first.head.views?.(root.child("head"), given, first.options, second);
  const { scope, features } = views === undefined ? { scope: root, features: given } : sideBySide(root, views);
  const backbone = find(registry.backbones, spec.backbone.type, "backbone.type");
  const told = previous === undefined ? undefined : { tokens: previous, vocabulary: counts[0]! + 1 };
  const inside = { ...insideOf(registry, partsOf(preprocessing, features.shape.slice(1)), told), imported };
  const below = scope.child("backbone");
  const hidden = asLayer(below, spec.backbone.type, features, () =>
    backbone.build(below, features, optionsOf(spec.backbone), inside),
  );
  const all = tasks.map((task, index) => {
    const place = scope.child(task.name === "" ? "head" : `head.${task.name}`);
    const built = asLayer(place, task.head.type, hidden, () =>
      task.head.build(place, hidden, task.options, { outputs: counts[index]! }),
    );
    const raw: Raw = "node" in built ? { output: built as Tensor } : (built as Raw);
    refuseOther(spec, task, raw.output, features.shape[0]!, counts[index]!);
    return withName(task.name, views === undefined ? raw : apart(raw, views.shape.slice(0, 2)));
  });
  return Object.assign({}, ...all) as Answers;
}

/** Views as rows of their own. */
function sideBySide(root: Scope, views: Tensor): { scope: Scope; features: Tensor } {
  const [batch, count, ...shape] = views.shape as [number, number, ...number[]];
  const present =
    root.present
      ?.reshape([batch, 1])
      .broadcastTo([batch, count])
      .reshape([batch * count, 1]) ?? null;
  return { scope: withPresent(root, present), features: views.reshape([batch * count, ...shape]) };
}

function apart(raw: Raw, [batch, count]: Shape): Raw {
  const entries = Object.entries(raw).map(([name, tensor]) => [
    name,
    tensor.reshape([batch!, count!, ...tensor.shape.slice(1)]),
  ]);
  return Object.fromEntries(entries) as Raw;
}

function refuseOther(spec: ModelSpec, { name, head, options }: Task, output: Tensor, batch: number, outputs: number) {
  const isSequence = head.target === "sequence";
  const isFree = head.judged?.(options) !== undefined && head.target !== "inputs";
  const [rows, ...rest] = output.shape;
  const fits = isFree || (rest.length === (isSequence ? 2 : 1) && rest.at(-1) === outputs);
  if (rows === batch && fits) return;
  const expected = showShape([batch, ...(isSequence ? ["time" as never] : []), outputs]);
  throw new Fault("SHAPE_MISMATCH", `backbone \`${spec.backbone.type}\` and head \`${head.type}\` do not fit`, {
    violations: [
      { path: name === "" ? "head" : `head.${name}`, message: "wrong output", expected, got: showShape(output.shape) },
    ],
    hint: isSequence
      ? "the backbone must answer each element of a sequence, [batch, time, features]"
      : 'a backbone keeps the first axis, the batch, and answers one vector a row: `summary` other than "each"',
  });
}

export function partsOf(preprocessing: Preprocessing | null, shape: Shape): readonly FeaturePart[] {
  const parts = preprocessing === null ? [] : featureParts(preprocessing);
  const isWhole = parts.length === 1 && parts[0]!.kind === "tensor";
  if (preprocessing !== null && !isWhole) return parts;
  return [{ name: parts[0]?.name ?? "inputs", kind: "tensor", shape, offset: 0, width: sizeOf(shape) }];
}

/** What a backbone is told of its features, and how it makes others of its kind for parts of them. */
function insideOf(registry: Registry, parts: readonly FeaturePart[], previous: Previous | undefined): Inside {
  return {
    parts,
    previous,
    backbone(raw, path) {
      const chosen = parseConfigured(registry.backbones, raw, path, "mlp");
      const { build } = find(registry.backbones, chosen.type, `${path}.type`);
      return (scope, x, own) =>
        asLayer(scope, chosen.type, x, () => build(scope, x, optionsOf(chosen), insideOf(registry, own, previous)));
    },
  };
}

/** Raw outputs as hosts read them: by name, in the target's own units. @param features what the backbone saw */
export function results(
  t: Tracer,
  registry: Registry,
  { spec, target, preprocessing }: Pick<FittedRecord, "spec" | "target"> & Described,
  answers: Answers,
  features: Tensor,
): Record<string, Tensor> {
  const parts = partsOf(preprocessing, features.shape.slice(1));
  const all = tasksOf(registry, spec).map(({ name, head, options }) => {
    const raw = rawOf(name, answers);
    const units = unitsOf(t, encodingOf(name, target));
    return withName(name, head.results(raw.output, options, { units, raw, features, parts }));
  });
  return Object.assign({}, ...all) as Record<string, Tensor>;
}

/**
 * A trained model from raw rows to its results, without anything that only training does. What `predict` runs, and what
 * is exported. Its weights are the states of the trace.
 * @param raw F32 [batch, ...signature.raw], as `encodeInputs` makes it.
 */
export function infer(
  t: Tracer,
  registry: Registry,
  record: ModelRecord,
  raw: Tensor,
  beside: Beside = {},
): Readonly<Record<string, Tensor>> {
  const known = fitted(record);
  const features = applyPreprocessing(t, raw, known.preprocessing);
  return results(t, registry, known, network(registry, known, createScope(t).scope, features, beside), features);
}

/** A record whose first training has at least begun. */
export interface FittedRecord extends ModelRecord {
  readonly signature: Signature;
  readonly preprocessing: Preprocessing;
  readonly target: NonNullable<ModelRecord["target"]>;
}

/** @throws INVALID_STATE for a model that only runs what its file says. */
export function refuseImported({ spec, imported }: Pick<ModelRecord, "spec" | "imported">): void {
  if (imported === undefined || spec.backbone.type !== spec.pipeline) return;
  throw new Fault("INVALID_STATE", "an imported file has no head of ours: it predicts, and is exported", {
    hint: 'give it one: models.create {"pipeline":"classification","backbone":{"type":"onnx","model":"…"}}, then train that',
  });
}

/** @throws INVALID_STATE for a model that learned by acting: it knows no columns, and its network is another. */
export function refusePolicy({ policy }: Pick<ModelRecord, "policy">): void {
  if (policy === undefined) return;
  throw new Fault("INVALID_STATE", "a policy acts: it takes observations, not rows of data", {
    hint: "`policy.act` asks it, `policy.evaluate` judges it, `models.export` writes it",
  });
}

/** @throws INVALID_STATE for a model that has not been trained, or not on data. */
export function fitted(record: ModelRecord): FittedRecord {
  const { signature, preprocessing, target } = record;
  if (signature !== null && preprocessing !== null && target !== null) return record as FittedRecord;
  refuseImported(record);
  refusePolicy(record);
  throw new Fault("INVALID_STATE", "the model has not been trained", { hint: "call `train.start` first" });
}

/** Whether a model writes its answer element by element, and so needs to be told what it has written. */
export function translates(registry: Registry, { head }: Pick<ModelSpec, "head">): boolean {
  return find(registry.heads, head.type, "head.type").needs === "translated";
}

/** The tokens before each place, as an input of the program; none where the model does not ask for them. */
export function previousInput(t: Tracer, registry: Registry, { spec, target }: Described, batch: number): Beside {
  if (!translates(registry, spec)) return {};
  const { shape } = target === null ? { shape: [batch, 1] } : targetType(target, batch);
  return { previous: t.input("previous", { dtype: "I32", shape }) };
}

/** What a network declares, in order: its parameters and buffers, with their initial values from the spec's seed. */
export function declare(registry: Registry, model: Described, features: Shape): Declaration[] {
  const leaves: Declaration[] = [];
  trace((t) => {
    const { scope, declarations } = createScope(t);
    const input = t.input("features", { dtype: "F32", shape: [1, ...features] });
    const answers = network(registry, model, scope, input, previousInput(t, registry, model, 1));
    leaves.push(...declarations.leaves.values());
    return { outputs: answers };
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
export function resultTypes(registry: Registry, model: Described & Pick<FittedRecord, "target">, features: Shape) {
  const types: Record<string, TensorType> = {};
  trace((t) => {
    const input = t.input("features", { dtype: "F32", shape: [1, ...features] });
    const answers = network(registry, model, createScope(t).scope, input, previousInput(t, registry, model, 1));
    const all = results(t, registry, model, answers, input);
    for (const [name, { dtype, shape }] of Object.entries(all)) types[name] = { dtype, shape: shape.slice(1) };
    return { outputs: all };
  });
  return types;
}
