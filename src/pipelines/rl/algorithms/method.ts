/** @file What tells DQN, SAC and TD3 apart: how they choose, and what an update of theirs is, in pieces. */
import type { RandomStream } from "../../random.ts";
import type { Learner, Metrics } from "../algorithm.ts";
import type { Batch } from "../replay.ts";
import type { Networks } from "./networks.ts";

/** What a group sees, and when. */
export interface Sight {
  readonly group: number;
  readonly observations: Float32Array;
  readonly mask: Uint8Array | null;
  /** Environment steps so far, and calls of `act`. */
  readonly steps: number;
  readonly acts: number;
  /** Whether it is too early to ask the policy. */
  readonly isWarmingUp: boolean;
  readonly horizon: Learner["horizon"];
  readonly random: RandomStream;
}

/** Where learning stands. */
export interface LearningMoment {
  /** Updates before this one, and pieces of it that are done. */
  readonly update: number;
  readonly piece: number;
  /** Environment steps so far. */
  readonly steps: number;
  /** Whether no other update is due before the next step. */
  readonly isLast: boolean;
}

/** What tells the methods apart. */
export interface Method {
  readonly networks: Networks;
  readonly batch: Batch;
  /** Whether transitions that surprise are drawn more often: how much, and how that is made up for, from `beta` to 1. */
  readonly priorities: { readonly alpha: number; readonly beta: number } | null;
  /** [count, size of an action]: what is kept of actions, and what the environment takes; written by `choose`. */
  readonly chosen: Float32Array | Int32Array;
  readonly applied: Float32Array | Int32Array;
  choose(sight: Sight): void;
  /** Programs that the update of this number (from 0) takes, on one batch. */
  pieces(update: number): number;
  /** Runs one of them. @returns figures under CleanRL's names; their means are told. */
  learn(moment: LearningMoment): Readonly<Record<string, number>>;
  /** Lengths of optimizers' steps, by their options: what to lower where learning diverges. */
  readonly rates: Readonly<Record<string, number>>;
  /** [batch]: how wrong each row was, after the first piece. */
  readonly errors: Float32Array | null;
  /** Figures that have no mean. */
  tell?(sight: Pick<Sight, "steps" | "horizon">): Metrics;
  release(): void;
}
