/** @file What a learning algorithm is to whoever runs it: a learner that acts, sees what came of it, and improves piece by piece. */
import type { Executor, NdArray } from "../../engine/index.ts";
import type { Configured } from "../model/spec.ts";
import type { Definition, Options } from "../registry/define.ts";
import type { Registry } from "../registry/registry.ts";
import type { AutoresetMode } from "./environment.ts";
import type { Moments } from "./normalise.ts";
import type { PolicySpec } from "./policy.ts";

/** What the last actions of a group of copies led to. Nothing of it is kept by reference. */
export interface Outcome {
  /** [count] */
  readonly rewards: ArrayLike<number>;
  /** [count], 0 or 1. */
  readonly terminated: ArrayLike<number>;
  readonly truncated: ArrayLike<number>;
  /** [count, size]: what is seen now, perhaps of a new episode. */
  readonly observations: ArrayLike<number>;
  /** [count, size]: the last observations of episodes that have ended; null with `nextStep`, where `observations` has them. */
  readonly finalObservations: ArrayLike<number> | null;
  /** [count, choices]: what may be chosen next. */
  readonly mask: ArrayLike<number> | null;
}

/** Figures of an update, under CleanRL's names. */
export type Metrics = Readonly<Record<string, number>>;

/** All that a learner needs to go on, to the same bits. */
export interface LearnerState {
  readonly tensors: Readonly<Record<string, NdArray>>;
  /** Plain JSON. */
  readonly progress: unknown;
}

export interface Learner {
  readonly policy: PolicySpec;
  /** Environment steps seen, over all copies and groups. */
  readonly steps: number;
  /** Updates made. */
  readonly updates: number;
  /** Running statistics of observations, where the policy has them. */
  readonly moments: Moments | null;
  /** The steps between which rates fall to zero, where the options say so; null: they stay. */
  horizon: { readonly from: number; readonly to: number } | null;
  /** What a group sees first; all its episodes begin here. */
  begin(group: number, observations: ArrayLike<number>, mask: ArrayLike<number> | null): void;
  /**
   * One action for each copy of the group, from what it saw last; as the environment takes them.
   * @returns [count, size of an action]: a view that holds until the next call.
   */
  act(group: number): Int32Array | Float32Array;
  /** What came of the group's last actions. @throws INVALID_STATE when the group is too far ahead of others. */
  observe(group: number, outcome: Outcome): void;
  /** Whether there is something to learn. Whoever asks for actions first lets it be learned, to be on the newest policy. */
  readonly pending: boolean;
  /** Learns one piece. @returns figures when this ended an update. @throws DIVERGED */
  advance(): Metrics | null;
  /** Left out where it cannot learn so. */
  readonly free?: FreeLearner;
  /** What is learned, by path. */
  weights(): Record<string, NdArray>;
  save(): LearnerState;
  restore(state: LearnerState): void;
  release(): void;
}

/** What some single observations led to, each of an episode of its own. All of it copies. */
export interface FreeChoice {
  /** [rows, size], normalised. */
  readonly seen: Float32Array;
  readonly raw: Int32Array | Float32Array;
  /** As the environment takes them. */
  readonly applied: Int32Array | Float32Array;
  readonly logProbs: Float32Array;
  readonly values: Float32Array;
  /** [rows, width] each: what is remembered now. */
  readonly memory: readonly Float32Array[];
}

/** Steps of one episode in a row, with all their rewards known. */
export interface Segment {
  readonly length: number;
  /** [length, size], as they were seen. */
  readonly observations: ArrayLike<number>;
  /** Raw ones, [length, numbers of an action]. */
  readonly actions: ArrayLike<number>;
  readonly logProbs: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  readonly rewards: ArrayLike<number>;
  /** [length, choices] */
  readonly mask: ArrayLike<number> | null;
  /** Whether an episode begins with its first step. */
  readonly isStart: boolean;
  /** [width] each: what was remembered before its first step. */
  readonly memory: readonly ArrayLike<number>[];
  /** V of what was seen after it; 0 where the episode is over. */
  readonly lastValue: number;
}

/** Learning from episodes that begin and end one by one, as their host says. */
export interface FreeLearner {
  decide(rows: {
    readonly count: number;
    readonly observations: Float32Array;
    readonly mask: Uint8Array | null;
    readonly memory: readonly Float32Array[];
    readonly starts: Uint8Array;
  }): FreeChoice;
  /** Keeps it until there are as many steps as a rollout has; then there is something to learn. */
  take(segment: Segment): void;
}

export interface LearnerContext {
  readonly registry: Registry;
  readonly executor: Executor;
  readonly policy: PolicySpec;
  readonly seed: number;
  /** Copies of the environment in each group, and groups that are stepped in turn. */
  readonly count: number;
  readonly groups: number;
  readonly autoreset: AutoresetMode;
  /** To begin with; left out: drawn from the seed. */
  readonly weights?: Readonly<Record<string, NdArray>> | undefined;
  /** Environment steps and updates that those weights have behind them. */
  readonly behind?: { readonly steps: number; readonly updates: number } | undefined;
}

/** A way to learn by acting, chosen by name. */
export interface Algorithm extends Definition {
  /** What of the options decides the policy's form, and how many copies an environment inside has. */
  plan(options: Options): AlgorithmPlan;
  create(context: LearnerContext, options: Options): Learner;
}

export interface AlgorithmPlan extends Pick<PolicySpec, "orthogonalInit" | "logStdInit" | "normaliser"> {
  readonly numEnvs: number;
  /** Null: as suits the backbone. */
  readonly sharedBackbone: boolean | null;
  readonly squash: boolean;
  /** The backbone where none is chosen; left out, the usual one. */
  readonly backbone?: Configured;
  /**
   * How actions are read off the network; left out, as suits the space and `squash`.
   * @throws INVALID_PARAMS for a space, or a memory, that this way to learn cannot do with
   */
  readonly form?: (policy: Pick<PolicySpec, "action" | "memory">) => Pick<PolicySpec, "distribution" | "critic">;
}
