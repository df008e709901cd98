/** @file A policy at work without learning: actions for observations that someone sends, and episodes of an environment inside. */
import { type Executor, Fault } from "../../engine/index.ts";
import type { Weights } from "../model/record.ts";
import { weightArrays } from "../model/weights.ts";
import { parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { type Acting, openActing } from "./acting.ts";
import { standardise } from "./normalise.ts";
import { memoryWidths, type PolicySpec } from "./policy.ts";
import { momentsOf, type PolicyModel } from "./policyRecord.ts";
import { type InsideSpec, makeEnvironment } from "./worldSpec.ts";

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
function playerOf(context: PlayContext, count: number, isGreedy: boolean, seed: number): Acting {
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

export interface PlayWishes {
  readonly environment: InsideSpec;
  readonly episodes: number;
  readonly isGreedy: boolean;
  readonly seed: number;
  /** Called between steps; throws to give up. */
  look(): void;
}

/** The same as a host asks for it. @param environment a name, or an object with options; null: where it learned */
export function playEpisodes(
  context: PlayContext,
  {
    environment,
    episodes,
    deterministic,
    seed,
    look,
  }: {
    readonly environment: unknown;
    readonly episodes: number;
    readonly deterministic: boolean;
    readonly seed: number;
    look(): void;
  },
): PlayScores {
  const { registry, record } = context;
  const own = record.policy.environment;
  if (environment === null && own.type === "host") {
    throw new Fault("INVALID_PARAMS", "the policy learned in its host's environment, which is not here", {
      violations: [
        { path: "environment", message: "is missing", expected: "an environment of the catalog", got: "nothing" },
      ],
      hint: "name one inside with the same spaces, or play episodes with `policy.act`",
    });
  }
  const { maxEpisodeSteps, ...given } = (
    typeof environment === "string" ? { type: environment } : (environment ?? own)
  ) as InsideSpec;
  const configured = parseConfigured(registry.environments, given, "environment", given.type);
  const chosen = maxEpisodeSteps === undefined ? configured : { ...configured, maxEpisodeSteps };
  return evaluatePolicy(context, { environment: chosen, episodes, isGreedy: deterministic, seed, look });
}

export interface PlayScores {
  readonly episodes: number;
  readonly meanReturn: number;
  readonly standardDeviation: number;
  readonly minReturn: number;
  readonly maxReturn: number;
  readonly meanLength: number;
  readonly returns: readonly number[];
}

const MOST_COPIES = 100;

/** Plays whole episodes: copy i plays the same number of them as the others, so that short ones do not count more. */
function evaluatePolicy(context: PlayContext, wishes: PlayWishes): PlayScores {
  const { registry, record } = context;
  const { spec, moments } = record.policy;
  const count = Math.min(wishes.episodes, MOST_COPIES);
  const world = makeEnvironment(registry, wishes.environment, count, "sameStep");
  refuseOtherSpaces(record, world);
  const acting = playerOf(context, count, wishes.isGreedy, wishes.seed);
  const memory = memoryWidths(spec).map((width) => new Float32Array(count * width));
  const own = moments === null ? null : momentsOf(moments);
  const starts = new Uint8Array(count).fill(1);
  const played = new Int32Array(count);
  const wanted = Int32Array.from({ length: count }, (_, copy) => Math.ceil((wishes.episodes - copy) / count));
  const [returns, lengths]: [number[], number[]] = [[], []];
  world.reset(wishes.seed);
  for (let step = 0; returns.length < wishes.episodes; step++) {
    wishes.look();
    if (own === null || spec.normaliser === null) acting.observations.set(world.observations);
    else standardise(own, world.observations, acting.observations, spec.normaliser.clip);
    acting.mask?.set(world.mask!);
    acting.starts?.set(starts);
    for (const [index, each] of memory.entries()) acting.memory[index]!.set(each);
    acting.run(step);
    for (const [index, each] of memory.entries()) each.set(acting.remembered[index]!);
    world.step(acting.applied);
    for (let copy = 0; copy < count; copy++) {
      starts[copy] = world.terminated[copy]! | world.truncated[copy]!;
      if (starts[copy] === 0 || played[copy]! >= wanted[copy]!) continue;
      played[copy]!++;
      returns.push(world.episodeReturns[copy]!);
      lengths.push(world.episodeLengths[copy]!);
    }
  }
  return scoresOf(returns, lengths);
}

function scoresOf(returns: readonly number[], lengths: readonly number[]): PlayScores {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanReturn = mean(returns);
  return {
    episodes: returns.length,
    meanReturn,
    standardDeviation: Math.sqrt(mean(returns.map((value) => (value - meanReturn) ** 2))),
    minReturn: Math.min(...returns),
    maxReturn: Math.max(...returns),
    meanLength: mean(lengths),
    returns,
  };
}

function refuseOtherSpaces(
  { policy: { spec } }: PolicyModel,
  world: { readonly observationSpace: unknown; readonly actionSpace: unknown; readonly mask?: Uint8Array },
): void {
  for (const [name, own, theirs] of [
    ["observation", spec.observation, world.observationSpace],
    ["action", spec.action, world.actionSpace],
  ] as const) {
    const [expected, got] = [own, theirs].map((space) => JSON.stringify(space));
    if (expected === got) continue;
    throw new Fault("SHAPE_MISMATCH", `the policy's ${name} space is not this environment's`, {
      violations: [{ path: "environment", message: `another ${name} space`, expected: expected!, got: got! }],
      hint: "evaluate it in the environment that it learned, or in one with the same spaces",
    });
  }
}
