/** @file Schemas of jobs: their states, what a progress bar needs, and how they end. */
import { z } from "zod";
import { count, metrics, wireNumber } from "./primitives.ts";

export const JOB_STATES = ["queued", "running", "paused", "completed", "failed", "cancelled", "interrupted"] as const;
export const jobState = z
  .enum(JOB_STATES)
  .describe("where the job stands; the last four are final, but `interrupted` may be resumed");
export type JobState = (typeof JOB_STATES)[number];

export const validation = z.looseObject({
  loss: wireNumber.optional().describe("the mean loss on the held-out rows"),
  metrics: metrics.optional(),
});

export const trainingResult = z
  .looseObject({
    epochs: count.optional().describe("passes that were made"),
    steps: count.optional().describe("updates that were made"),
    loss: wireNumber.optional().describe("the last epoch's mean training loss"),
    metrics: metrics.optional(),
    validation: validation
      .nullable()
      .optional()
      .describe("the same on held-out rows; of the best epoch where it was restored"),
    bestEpoch: count.optional().describe("the epoch whose weights were kept"),
    stopped: z.string().optional().describe("why it ended before the last epoch: earlyStopping, budget, found"),
    learningRate: z
      .looseObject({
        suggested: z.number().describe("the rate at which the loss fell fastest"),
        rates: z.array(z.number()).describe("those that were tried"),
        losses: z.array(wireNumber).describe("the smoothed loss at each"),
      })
      .optional()
      .describe("what `findLearningRate` found"),
    folds: z
      .array(validation)
      .optional()
      .describe("in cross-validation: each part's scores; `validation` is their mean"),
    deviation: validation.optional().describe("in cross-validation: the standard deviation of the parts' scores"),
    seconds: z.number().optional().describe("how long it ran"),
    updates: count.optional().describe("of a run: times that its policy was improved; `steps` are environment steps"),
    episodes: count.optional().describe("of a run: episodes that ended"),
    meanReturn: wireNumber.nullable().optional().describe("of a run: mean return of the last 100 episodes"),
    stepsPerSecond: wireNumber.optional().describe("of a run: environment steps a second"),
    text: z.string().optional().describe("of `generate.start`: what was written after the prompt"),
    tokens: count.optional().describe("of `generate.start`: how many tokens that is"),
    finishReason: z
      .string()
      .optional()
      .describe("of `generate.start`: `length`; `stop`: one of `stop` came; `interrupted`: the job was cancelled"),
  })
  .meta({ id: "TrainingResult", description: "what a completed training reports" });

export const progress = z
  .looseObject({
    done: z.number().describe("how much is done, in `unit`"),
    total: z.number().nullable().describe("how much there is; null where nobody knows"),
    unit: z.string().optional().describe("what is counted: steps, epochs, rows"),
    rate: z.number().nullable().optional().describe("`unit` a second"),
    secondsLeft: z.number().nullable().optional().describe("an estimate"),
    fraction: z.number().min(0).max(1).optional().describe("done ÷ total"),
  })
  .meta({ id: "Progress", description: "what a progress bar needs" });

export const wireError = z
  .looseObject({
    code: z.int().describe("the number that stands for the reason"),
    message: z.string().describe("one sentence"),
    data: z
      .looseObject({
        reason: z.string().describe("the reason, from the table of errors"),
        retryable: z.boolean().describe("whether the same call may succeed later"),
        hint: z.string().optional().describe("what to do next"),
      })
      .describe("the same for programs, and what to do"),
  })
  .meta({ id: "ErrorObject", description: "an error as responses carry it" });

export const jobView = z
  .looseObject({
    id: z.string().describe("the id that other methods take"),
    kind: z.string().optional().describe("what it does: train, rl for a run's training, or generate"),
    state: jobState,
    model: z.string().optional().describe("the model it works on"),
    createdAt: z.string().optional().describe("when it was asked for, ISO 8601 in UTC"),
    startedAt: z.string().nullable().optional().describe("when its first step began; null while it waits"),
    endedAt: z.string().nullable().optional().describe("when it ended; null until then"),
    progress: progress.nullable().optional().describe("how far it is, while it runs"),
    lastSeq: count.optional().describe("the number of its newest event"),
    resumable: z.boolean().optional().describe("whether `jobs.resume` can go on from a checkpoint"),
    result: trainingResult.nullable().optional().describe("what it achieved, once it is completed"),
    error: wireError.nullable().optional().describe("why it failed"),
  })
  .meta({ id: "Job", description: "a job as it is now" });
