/** @file What an environment is: many copies of one world behind typed arrays, and the definition that makes them. */
import type { Definition, Options } from "../registry/define.ts";
import type { Space } from "./spaces.ts";

/** When an episode that has ended begins anew, as `gymnasium.vector.AutoresetMode` has it. */
export const AUTORESET_MODES = ["nextStep", "sameStep", "disabled"] as const;
/**
 * - `nextStep`, Gymnasium's usual one: the step after the end ignores the action, gives reward 0 and the first observation.
 *   It is no transition: leave it out of returns and losses.
 * - `sameStep`: the step that ends an episode gives the next one's first observation; the last is in `finalObservations`.
 * - `disabled`: whoever steps resets, with a mask.
 */
export type AutoresetMode = (typeof AUTORESET_MODES)[number];

/** Many copies of one environment, on typed arrays that it owns and rewrites in place at each reset and step. */
export interface VectorEnvironment {
  /** Copies. */
  readonly count: number;
  /** Of one copy. */
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  readonly autoreset: AutoresetMode;
  /** [count, size of an observation] after the last reset or step; of a discrete space one number each. */
  readonly observations: Float32Array;
  /** [count], of the last step. Of a game for two: of the player who moved. */
  readonly rewards: Float64Array;
  /** [count], 1 where the world itself ended the episode: nothing comes after, so nothing is to be bootstrapped. */
  readonly terminated: Uint8Array;
  /** [count], 1 where a limit cut the episode short: bootstrap from the last observation. */
  readonly truncated: Uint8Array;
  /** [count, size of an observation]: with `sameStep` the last observation of each episode that ended at this step; else not written. */
  readonly finalObservations: Float32Array;
  /** [count]: sum of rewards and steps of the episode that is going on, or that ended at this step. */
  readonly episodeReturns: Float64Array;
  readonly episodeLengths: Int32Array;
  /** [count, sum of choices]: 1 where the next action may be chosen. Absent where all may, always. */
  readonly mask?: Uint8Array;
  /** [count], 0 or 1: whose move it is, in games for two players. What is observed is seen from that player's side. */
  readonly turn?: Uint8Array;
  /**
   * Begins new episodes, in all copies or in those that `which` marks with 1. Seed s gives copy i seed s + i; a list gives
   * each its own; without one the generators run on (from fresh entropy, if they never had a seed).
   */
  reset(seed?: number | readonly number[], which?: Uint8Array): void;
  /**
   * One step in every copy.
   * @param actions [count, size of an action]: Float32Array for a box, Int32Array otherwise.
   * @throws INVALID_PARAMS naming copy and value for an action outside the space; nothing has moved then.
   */
  step(actions: Float32Array | Int32Array): void;
  /** All that the next steps depend on, random generators included: plain JSON and typed arrays, nothing shared with the environment. */
  snapshot(): unknown;
  /** @throws CHECKPOINT_CORRUPT when the snapshot is of another environment or another number of copies. */
  restore(snapshot: unknown): void;
}

/** How many copies are wanted, and how they end. */
export interface EnvironmentSetup {
  readonly count: number;
  readonly autoreset: AutoresetMode;
  /** Steps after which an episode is truncated; left out, the definition's own; null never. */
  readonly maxEpisodeSteps?: number | null;
}

/** A world that can be chosen by name. */
export interface Environment extends Definition {
  /** Steps after which an episode is truncated unless the setup says otherwise; null for worlds that end by themselves. */
  readonly maxEpisodeSteps: number | null;
  /** Mean return from which it counts as solved. */
  readonly rewardThreshold?: number;
  make(options: Options, setup: EnvironmentSetup): VectorEnvironment;
}
