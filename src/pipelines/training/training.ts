/** @file What goes into a training and what comes out: the nouns that the loop, the sidecar's worker and the store share. */
import type { Executor, NdArray } from "../../engine/index.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Split } from "../data/split.ts";
import type { ModelRecord } from "../model/record.ts";
import type { Scores, Sums } from "../model/score.ts";
import type { Registry } from "../registry/registry.ts";
import type { TrainOptions } from "./options.ts";

/** What word 0 of `control` says; the loop looks between steps. */
export const CONTROL = { run: 0, pause: 1, cancel: 2, checkpointAndStop: 3 } as const;

export interface TrainingContext {
  readonly registry: Registry;
  readonly executor: Executor;
  readonly record: ModelRecord;
  readonly dataset: Dataset;
  /** Rows to judge on: a set of their own, or the share of the dataset to hold out (stratified by class). */
  readonly validation?: Dataset | number | undefined;
  /** The very rows to train on and to judge on, in place of `validation`. */
  readonly split?: Split | undefined;
  readonly options: TrainOptions;
  /** On a SharedArrayBuffer; whoever changes word 0 away from `pause` calls `Atomics.notify`. */
  readonly control: Int32Array;
  emit(event: TrainingEvent): void;
  /** New weights, for predictions while the training goes on: after an epoch and in between, some ten times a second. */
  publish(record: ModelRecord): void;
  /** Called when `options.checkpoint` says so, and for `checkpointAndStop`; returns once it is saved. */
  checkpoint?: ((state: TrainingState) => void) | undefined;
  /** Goes on from there, to the same bits as if it had never stopped. */
  readonly resume?: TrainingState | undefined;
}

export type TrainingEvent =
  | { readonly type: "train.progress"; readonly data: ProgressData }
  | { readonly type: "train.epoch"; readonly data: EpochData }
  | { readonly type: "checkpoint.saved"; readonly data: { readonly epoch: number; readonly step: number } }
  | {
      readonly type: "warning";
      readonly data: { readonly code: string; readonly message: string; readonly hint?: string };
    };

export interface EpochData extends Scores {
  /** Counted from 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Optimizer steps done. */
  readonly step: number;
  readonly validation?: Scores;
  readonly learningRate: number;
  readonly samplesPerSecond: number;
  readonly secondsLeft: number;
  /** The best epoch so far, where one is looked for. */
  readonly bestEpoch?: number;
  /** Of cross-validation: which part is held out, from 1, and of how many; left out in the last training, on all rows. */
  readonly fold?: number;
  readonly folds?: number;
}

export interface ProgressData extends Scores {
  /** Steps of the training, done and in all. */
  readonly done: number;
  readonly total: number;
  /** Steps a second. */
  readonly rate: number;
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly learningRate: number;
  readonly samplesPerSecond: number;
  readonly secondsLeft: number;
}

export interface TrainingResult {
  readonly outcome: "completed" | "cancelled" | "checkpointed";
  /** Why it ended before its last epoch, if it did. */
  readonly stopped?: "earlyStopping" | "budget" | "found" | "control";
  /** Whole epochs done. */
  readonly epochs: number;
  readonly steps: number;
  /** Mean over the last whole epoch (or what there was of the first), measured while training. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** All metrics of the held-out part, with the final weights. */
  readonly validation?: Scores & { readonly confusion?: readonly (readonly number[])[] };
  /** The epoch whose weights were kept, when the best were looked for. */
  readonly bestEpoch?: number;
  /** What a trial of learning rates found. */
  readonly learningRate?: FoundRate;
  /** Of cross-validation: what each part said when held out. `validation` is then their mean, `deviation` their spread. */
  readonly folds?: readonly Scores[];
  readonly deviation?: Scores;
  /** Seconds of training, pauses left out, resumptions added up. */
  readonly seconds: number;
  readonly samplesPerSecond: number;
  /** The trained model; weights included. */
  readonly record: ModelRecord;
}

/** A trial of growing learning rates, one a step. */
export interface FoundRate {
  /** Where the loss fell fastest. */
  readonly suggested: number;
  readonly rates: readonly number[];
  /** Smoothed; shorter than planned where it rose out of bounds. */
  readonly losses: readonly number[];
}

/** Everything needed to go on: `progress` and `record` are JSON, `tensors` the rest. */
export interface TrainingState {
  readonly progress: TrainingProgress;
  /** What was fitted before the first step. */
  readonly record: Pick<ModelRecord, "spec" | "seed" | "signature" | "preprocessing" | "target" | "parameters">;
  /** `state.…` weights, slots and accumulators; `best.…` the best epoch's weights. */
  readonly tensors: Readonly<Record<string, NdArray>>;
}

/** Where a training stands. Plain JSON; the loop moves it forward, a checkpoint holds a copy. */
export interface TrainingProgress {
  readonly dataHash: string;
  /** The epoch that it is in, counted from 0, and the batches of it that are done. */
  epoch: number;
  batch: number;
  /** Optimizer steps done. */
  step: number;
  /** Whether a whole accumulation waits for its optimizer step. */
  owesStep: boolean;
  /** Batches in all: with the seed, what dropout masks are drawn from. */
  batches: number;
  samples: number;
  seconds: number;
  /** Over the current epoch so far. */
  sums: Sums;
  /** Of the last whole epoch. */
  scores: Scores | null;
  watch: WatchState;
  /** What the schedule remembers. */
  schedule?: unknown;
  /** The loss of the first batch, and the lowest of an epoch: what tells a loss out of bounds. */
  bounds: { first: number | null; lowest: number | null };
  /** What a trial of learning rates found before the first epoch. */
  found: FoundRate | null;
  /** Of cross-validation: the parts that are done. */
  folds?: readonly FoldScores[];
  /** When the last checkpoint was taken. */
  checkpoint: { step: number; seconds: number };
  /** Set when something other than the last epoch ended it. */
  stopped: "earlyStopping" | "budget" | "found" | null;
}

/** What a held-out part said. */
export interface FoldScores extends Scores {
  /** The epochs that it took: until the best, where the best was looked for. */
  readonly epochs: number;
}

/** What the watching remembers. */
export interface WatchState {
  readonly best: number | null;
  /** Counted from 1; 0 before any. */
  readonly bestEpoch: number;
  /** Epochs since then without an improvement. */
  readonly waited: number;
}
