/** @file A model's network as those see it who look inside: one output tensor, whatever its head gives. */
import { concat, Fault, type Shape, type Tensor, type Traced, type Tracer, trace } from "../../engine/index.ts";
import { createScope, type Declaration, type Watch } from "../layers/scope.ts";
import { type Described, network, previousInput, refuseImported, refusePolicy } from "../model/network.ts";
import type { ModelRecord } from "../model/record.ts";
import { type Answers, outputsOf, rawOf, tasksOf } from "../model/tasks.ts";
import type { Registry } from "../registry/registry.ts";
import { type Call, createRecorder } from "./recorder.ts";

/** @returns the raw output that a loss judges, F32 [batch, outputs] or [batch, ...]: of several tasks side by side. */
export function build(
  t: Tracer,
  registry: Registry,
  model: Described,
  features: Tensor,
  { watch, outputs }: { readonly watch: Watch | null; readonly outputs?: number | undefined },
): { output: Tensor; answers: Answers; leaves: readonly Declaration[] } {
  const { scope, declarations } = createScope(t, { watch });
  const beside = previousInput(t, registry, model, features.shape[0]!);
  const answers = network(registry, model, scope, features, { ...beside, outputs });
  const each = tasksOf(registry, model.spec).map(({ name }) => rawOf(name, answers).output);
  return { output: each.length === 1 ? each[0]! : concat(each, 1), answers, leaves: [...declarations.leaves.values()] };
}

/** What goes into a network, and how many numbers come out. */
export interface Sizes {
  /** Of one row of features. */
  readonly features: Shape;
  /** Undefined where the model knows by itself. */
  readonly outputs?: number | undefined;
}

/**
 * The sizes of a model that has been trained, or whose spec says enough, or with what the host says.
 * @throws INVALID_STATE for a model that has no head of ours, and where they are not known yet
 */
export function sizesOf(registry: Registry, record: ModelRecord, given: Partial<Sizes>): Sizes {
  refuseImported(record);
  refusePolicy(record);
  const { signature, spec, target } = record;
  if (signature !== null) return { features: signature.features };
  const features = given.features ?? spec.input?.shape;
  const { outputs } = given;
  const isOpen = tasksOf(registry, spec).some((task) => outputsOf(task, target, features ?? []) === null);
  const missing = [
    ...(features === undefined ? ["input"] : []),
    ...(isOpen && outputs === undefined ? ["outputs"] : []),
  ];
  if (features !== undefined && missing.length === 0) return { features, outputs };
  throw new Fault("INVALID_STATE", `the model's ${missing.join(" and ")} will be known when it has seen data`, {
    violations: missing.map((path) => ({ path, message: "not known yet", expected: "given", got: "nothing" })),
    hint: 'say `"input": {"shape": [1, 28, 28]}` and `"outputs": 10` here, or in `models.create` its `input` and the head\'s `classes`; or train the model',
  });
}

export interface Recorded {
  readonly traced: Traced;
  readonly features: Tensor;
  readonly output: Tensor;
  readonly calls: readonly Call[];
  readonly leaves: readonly Declaration[];
}

/** The network for a batch of some size, with the calls of its layers. */
export function recordNetwork(registry: Registry, model: Described, sizes: Sizes, batch: number): Recorded {
  const recorder = createRecorder();
  let built!: Omit<Recorded, "traced" | "calls">;
  const traced = trace((t) => {
    const features = t.input("features", { dtype: "F32", shape: [batch, ...sizes.features] });
    built = { features, ...build(t, registry, model, features, { watch: recorder.watch, outputs: sizes.outputs }) };
    return { outputs: { output: built.output } };
  });
  return { traced, ...built, calls: recorder.calls() };
}
