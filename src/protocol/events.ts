/** @file Events: what a job tells while it works, one schema for each type. */
import { z } from "zod";
import { trainingResult, validation, wireError } from "./schemas/job.ts";
import { count, metrics, timestamp, wireNumber } from "./schemas/primitives.ts";

export interface EventType {
  readonly summary: string;
  readonly data: z.ZodType;
  /** Whether it is the last of its job. */
  readonly last?: true;
  /** Whether a newer one may take its place while the client does not read. */
  readonly coalesced?: true;
}

const epochData = z.looseObject({
  epoch: count.describe("the pass that has ended, from 1"),
  epochs: count.describe("how many there will be"),
  step: count.describe("updates so far"),
  loss: wireNumber.describe("the mean training loss of this pass"),
  metrics: metrics.optional(),
  validation: validation.nullable().optional().describe("the same on held-out rows"),
  learningRate: wireNumber.optional().describe("at the end of the pass"),
  samplesPerSecond: wireNumber.optional().describe("training rows a second"),
  secondsLeft: wireNumber.nullable().optional().describe("an estimate"),
  bestEpoch: count.optional().describe("the best pass so far, where one is looked for"),
  fold: count
    .optional()
    .describe("in cross-validation: the part held out, from 1; missing in the last training, on all rows"),
  folds: count.optional().describe("in cross-validation: how many parts"),
});

export const EVENTS = {
  "job.started": {
    summary: "The job has begun; the model's shape and the data are known.",
    data: z.looseObject({ model: z.string().optional().describe("the model it works on") }),
  },
  "train.progress": {
    summary: "What a progress bar needs, at most 10 a second.",
    coalesced: true,
    data: z.looseObject({
      done: z.number().describe("steps made"),
      total: z.number().nullable().describe("steps there will be"),
      rate: wireNumber.nullable().optional().describe("steps a second"),
      secondsLeft: wireNumber.nullable().optional().describe("an estimate"),
      step: count.optional().describe("updates so far"),
      epoch: count.optional().describe("the pass, from 1"),
      epochs: count.optional().describe("how many passes there will be"),
      loss: wireNumber.optional().describe("a running mean of the training loss"),
      metrics: metrics.optional(),
      learningRate: wireNumber.optional().describe("of the last step"),
      samplesPerSecond: wireNumber.optional().describe("training rows a second"),
      dropped: count.optional().describe("progress events left out before this one, while the client did not read"),
    }),
  },
  "train.epoch": {
    summary: "A pass over the data has ended.",
    data: epochData,
  },
  "generate.text": {
    summary:
      "A piece of what a model writes, at most 20 a second; all pieces since the last `job.started` together are the text: one that is resumed begins anew.",
    data: z.looseObject({
      text: z.string().describe("what follows the last piece"),
      tokens: count.describe("tokens written so far"),
      rate: wireNumber.optional().describe("tokens a second"),
    }),
  },
  "rl.update": {
    summary: "A policy was improved; at most 20 a second, figures of the newest.",
    data: z.looseObject({
      global_step: count.optional().describe("environment steps of the run"),
      updates: count.optional().describe("updates of the run"),
      episodes: count.optional().describe("episodes that have ended"),
      "charts/episodic_return": wireNumber
        .optional()
        .describe("mean return of the episodes that ended since the last such event; left out where none did"),
      "charts/episodic_length": wireNumber.optional().describe("their mean length in steps"),
      "charts/mean_return_100": wireNumber.optional().describe("mean return of the last 100 episodes"),
      "charts/SPS": wireNumber.optional().describe("environment steps a second"),
      "charts/learning_rate": wireNumber.optional().describe("of the last update"),
      "losses/value_loss": wireNumber.optional().describe("half the mean squared error of values"),
      "losses/policy_loss": wireNumber.optional().describe("the clipped objective, negated"),
      "losses/entropy": wireNumber.optional().describe("mean entropy of the policy"),
      "losses/old_approx_kl": wireNumber.optional().describe("KL divergence of the update, estimated by −log r"),
      "losses/approx_kl": wireNumber.optional().describe("the same, by (r − 1) − log r"),
      "losses/clipfrac": wireNumber.optional().describe("share of probability ratios that were clipped"),
      "losses/explained_variance": wireNumber
        .optional()
        .describe("what values explain of the returns: 1 all, 0 nothing, below 0 worse than their mean"),
    }),
  },
  "checkpoint.saved": {
    summary: "What is needed to resume is on disk.",
    data: z.looseObject({
      epoch: count.optional().describe("passes made"),
      step: count.optional().describe("updates made"),
      path: z.string().optional().describe("the file or folder"),
    }),
  },
  warning: {
    summary: "Something the host should know that does not stop the job.",
    data: z.looseObject({
      code: z.string().optional().describe("what it is about, for programs"),
      message: z.string().describe("one sentence"),
      hint: z.string().optional().describe("what to do about it"),
    }),
  },
  "job.completed": {
    summary: "The job has reached its end.",
    last: true,
    data: z.looseObject({ result: trainingResult.optional() }),
  },
  "job.failed": {
    summary: "The job has failed; the model keeps its last good weights.",
    last: true,
    data: z.looseObject({ error: wireError.optional() }),
  },
  "job.cancelled": {
    summary: "The job was stopped by `jobs.cancel` or by a shutdown.",
    last: true,
    data: z.looseObject({}),
  },
} as const satisfies Record<string, EventType>;

export type EventName = keyof typeof EVENTS;
export type EventData<E extends EventName> = z.output<(typeof EVENTS)[E]["data"]>;

/** The params of an `event` notification, whatever its type. */
export const event = z
  .looseObject({
    jobId: z.string().describe("the job that tells it"),
    seq: count.describe("counts a job's events from 1, without gaps"),
    t: timestamp,
    type: z.string().describe("one of the event types"),
    data: z.looseObject({}).describe("by type"),
  })
  .meta({ id: "Event", description: "the params of an `event` notification" });

/** The same, type by type. */
export type Event = {
  [E in EventName]: {
    readonly jobId: string;
    readonly seq: number;
    readonly t: string;
    readonly type: E;
    readonly data: EventData<E>;
  };
}[EventName];

/** The types that end a job: each job has exactly one such event, its last. */
export const LAST_EVENTS = ["job.completed", "job.failed", "job.cancelled"] as const satisfies readonly EventName[];

export function isLastEvent(type: string): type is (typeof LAST_EVENTS)[number] {
  return (LAST_EVENTS as readonly string[]).includes(type);
}
