/** @file What the main thread may ask of a run's thread, and what passes between; a run has a thread of its own. */
import type { CloningOptions, Dataset, Metrics, PolicyModel, RunResult, TrainWishes } from "../pipelines/index.ts";
import type { PlainFault, WorkerSettings } from "./calls.ts";
import type { SharedOutput } from "./shortcut.ts";

type Data = Readonly<Record<string, unknown>>;

export interface RunCalls {
  /** Makes the learner; the first call, and the last if it fails. */
  open: {
    request: {
      readonly id: string;
      /** As the host wrote it; checked before on the main thread. */
      readonly raw: unknown;
      readonly record: PolicyModel;
      /** Where checkpoints go, and where one may already be; null without a data directory. */
      readonly checkpointPath: string | null;
    };
    reply: { readonly steps: number };
  };
  /** Learns in the environment inside, until it is done or directed otherwise. */
  train: {
    request: { readonly wishes: TrainWishes; readonly resume: boolean };
    reply: RunResult & { readonly record: PolicyModel };
  };
  /** Learns to do what was done in recorded steps. */
  imitate: {
    request: { readonly dataset: Dataset; readonly options: CloningOptions };
    reply: Pick<RunResult, "outcome"> & {
      readonly epochs: number;
      readonly rows: number;
      readonly metrics: Metrics;
      readonly record: PolicyModel;
    };
  };
  step: { request: Data; reply: Data };
  /** A step as the host wrote it; the reply is the line that answers it, that the thread has, or null for one that is to go the usual way. */
  line: { request: { readonly id: number | string; readonly text: string }; reply: string | null | typeof ANSWERED };
  /** Actions for episodes that the host names, what they brought, and their ends. */
  act: { request: Data; reply: Data };
  reward: { request: Data; reply: Data };
  end: { request: Data; reply: Data };
  /** Saves everything that the run goes on from. */
  save: { request: Record<string, never>; reply: { readonly steps: number; readonly updates: number } };
  /** Publishes what a host's run knows now. */
  show: { request: Record<string, never>; reply: Record<string, never> };
  /** The policy as it is now, and everything saved where there is a place for it. */
  settle: { request: Record<string, never>; reply: { readonly record: PolicyModel } };
}

export type RunCallName = keyof RunCalls;

/** What a run says unasked. */
export type RunNotice =
  | { readonly kind: "started" }
  | { readonly kind: "event"; readonly type: string; readonly data: Data }
  | { readonly kind: "published"; readonly record: PolicyModel };

export const ANSWERED = true;

export interface ToRun {
  readonly id: number;
  readonly call: RunCallName;
  readonly request: unknown;
}

export type FromRun =
  | { readonly notice: RunNotice }
  | { readonly id: number; readonly reply: unknown }
  | { readonly id: number; readonly fault: PlainFault; readonly stack: string | undefined };

export type RunSettings = Pick<
  WorkerSettings,
  "plugins" | "roots" | "memoryLimitBytes" | "simd" | "relaxedSimd" | "wideSimd" | "control"
> & {
  /** See `shortcut.ts`; null where threads must not write. */
  readonly output: SharedOutput | null;
  readonly answers: Int32Array;
};
