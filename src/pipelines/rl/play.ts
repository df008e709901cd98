/** @file A policy at work without learning: actions for observations that someone sends. */
import { type Executor, Fault } from "../../engine/index.ts";
import type { Weights } from "../model/record.ts";
import { weightArrays } from "../model/weights.ts";
import type { Registry } from "../registry/registry.ts";
import { type Acting, openActing } from "./acting.ts";
import { standardise } from "./normalise.ts";
import { memoryWidths, type PolicySpec } from "./policy.ts";
import { momentsOf, type PolicyModel } from "./policyRecord.ts";

export interface PlayContext {
  readonly registry: Registry;
  readonly executor: Executor;
  readonly record: PolicyModel;
}

/** A policy compiled for some copies, with the snapshot that it plays. */
interface Player {
  readonly acting: Acting;
  readonly version: number;
  release(): void;
}

const MOST_PLAYERS = 16;
const players = new WeakMap<Executor, Map<string, Player>>();

/** Compiled once for all seeds. */
export function playerOf(context: PlayContext, count: number, isGreedy: boolean, seed: number): Acting {
  const acting = compiled(context, count, isGreedy);
  acting.seed(seed);
  return acting;
}

function compiled({ registry, executor, record }: PlayContext, count: number, isGreedy: boolean): Acting {
  const weights = weightsOf(record);
  const kept = players.get(executor) ?? new Map<string, Player>();
  players.set(executor, kept);
  const key = `${weights.lineage} ${count} ${isGreedy}`;
  const known = kept.get(key);
  kept.delete(key);
  if (known !== undefined && known.version === weights.version) {
    kept.set(key, known);
    return known.acting;
  }
  known?.release();
  const arrays = weightArrays(weights);
  const types = Object.fromEntries(Object.entries(arrays).map(([path, { dtype, shape }]) => [path, { dtype, shape }]));
  const state = executor.createState(types);
  for (const [path, value] of Object.entries(arrays)) state.write(path, value);
  const acting = openActing(executor, registry, { spec: record.policy.spec, state, seed: 0, count, isGreedy });
  kept.set(key, {
    acting,
    version: weights.version,
    release() {
      acting.release();
      state.release();
    },
  });
  for (const [oldest, { release }] of kept) {
    if (kept.size <= MOST_PLAYERS) break;
    release();
    kept.delete(oldest);
  }
  return acting;
}

function weightsOf({ weights }: PolicyModel): Weights {
  if (weights !== null) return weights;
  throw new Fault("INVALID_STATE", "the policy has not learned anything yet", {
    hint: "call `rl.train`, or `rl.step` with what its environment shows",
  });
}

export interface PlayRequest {
  /** [count, size] */
  readonly observations: Float32Array;
  readonly count: number;
  /** [count, choices], 0 or 1 */
  readonly mask: ArrayLike<number> | null;
  /** [count, width] each, see `memoryWidths`; null: nothing is remembered. */
  readonly memory: readonly Float32Array[] | null;
  readonly isGreedy: boolean;
  readonly seed: number;
  /** Tells draws of one seed apart. */
  readonly counter: number;
}

export interface Played {
  /** [count, size of an action], as an environment takes them. */
  readonly actions: Int32Array | Float32Array;
  readonly values: Float32Array;
  readonly logProbs: Float32Array;
  readonly memory: readonly Float32Array[];
}

/** Actions for `count` observations. All results are copies. */
export function play(context: PlayContext, request: PlayRequest): Played {
  const { spec, moments } = context.record.policy;
  const { count, observations, mask, memory, isGreedy, seed, counter } = request;
  if (count === 0) return nothing(spec);
  const acting = playerOf(context, count, isGreedy, seed);
  if (spec.normaliser === null || moments === null) acting.observations.set(observations);
  else standardise(momentsOf(moments), observations, acting.observations, spec.normaliser.clip);
  if (acting.mask !== null) {
    if (mask === null) acting.mask.fill(1);
    else acting.mask.set(mask);
  }
  acting.starts?.fill(0);
  for (const [index, view] of acting.memory.entries()) {
    if (memory === null) view.fill(0);
    else view.set(memory[index]!);
  }
  acting.run(counter);
  return {
    actions: acting.applied.slice(),
    values: acting.value.slice(),
    logProbs: acting.logProb.slice(),
    memory: acting.remembered.map((view) => view.slice()),
  };
}

/** Of no rows. */
function nothing(spec: PolicySpec): Played {
  const none = new Float32Array(0);
  const actions = spec.action.type === "box" ? none : new Int32Array(0);
  return { actions, values: none, logProbs: none, memory: memoryWidths(spec).map(() => none) };
}
