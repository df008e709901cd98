/** @file The networks of a learner off the policy: one state for weights, slower copies of them, and what optimizers remember. */
import type { Executor, NdArray, Program, State, Tensor, TensorType, Traced, Tracer } from "../../../engine/index.ts";
import type { Declaration } from "../../layers/scope.ts";
import { initialWeights } from "../../model/network.ts";
import type { LearnerContext } from "../algorithm.ts";

/** Where the slower copy of a weight lies. */
const TARGET = "target";
export const targetOf = (path: string): string => `${TARGET}.${path}`;
/** The scope root under which a network is its slower copy. */
export const TARGET_ROOT = TARGET;

export interface NetworkPlan {
  /** What the policy acts by. */
  readonly policy: readonly Declaration[];
  /** Critics, and whatever else learns. */
  readonly others: readonly Declaration[];
  /** Of which there are slower copies. */
  readonly followed: readonly Declaration[];
  /** What optimizers remember. */
  readonly slots: Readonly<Record<string, { readonly type: TensorType; readonly initial: number }>>;
}

export interface Networks {
  readonly state: State;
  compile(traced: Traced): Program;
  /** The policy's, by path. */
  weights(): Record<string, NdArray>;
  read(): Record<string, NdArray>;
  write(tensors: Readonly<Record<string, NdArray>>): void;
}

/** All of it with first values: from the context's weights where it has them, else drawn from the seed. */
export function openNetworks(
  { executor, seed, weights }: Pick<LearnerContext, "seed" | "weights"> & { readonly executor: Executor },
  { policy, others, followed, slots }: NetworkPlan,
): Networks {
  const learned = [...policy, ...others];
  const types: Record<string, TensorType> = {};
  for (const { path, type } of learned) types[path] = type;
  for (const { path, type } of followed) types[targetOf(path)] = type;
  for (const [path, { type }] of Object.entries(slots)) types[path] = type;
  const state = executor.createState(types);
  const first: Record<string, NdArray> = { ...initialWeights(learned, seed), ...weights };
  for (const { path } of learned) state.write(path, first[path]!);
  for (const { path } of followed) state.write(targetOf(path), first[path]!);
  for (const [path, { type, initial }] of Object.entries(slots)) {
    const elements = type.shape.reduce((product, length) => product * length, 1);
    state.write(path, { ...type, data: new Float32Array(elements).fill(initial) });
  }
  return {
    state,
    compile: (traced) => executor.compile(traced, state),
    weights: () => Object.fromEntries(policy.map(({ path }) => [path, state.read(path)])),
    read: () => Object.fromEntries(Object.keys(types).map((path) => [path, state.read(path)])),
    write: (tensors) => {
      for (const path of Object.keys(types)) state.write(path, tensors[path]!);
    },
  };
}

/** Slower copies moved by `tau` toward new weights (Lillicrap et al. 2016). @param next by path; those left out stay. */
export function followers(
  t: Tracer,
  followed: readonly Pick<Declaration, "path" | "type">[],
  next: Readonly<Record<string, Tensor>>,
  tau: Tensor,
): Record<string, Tensor> {
  return Object.fromEntries(
    followed.map(({ path, type }) => {
      const slow = t.state(targetOf(path), type);
      return [targetOf(path), slow.add((next[path] ?? t.state(path, type)).sub(slow).mul(tau))];
    }),
  );
}
