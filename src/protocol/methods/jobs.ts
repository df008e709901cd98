/** @file Methods that start long work, and follow it. */
import { z } from "zod";
import { event } from "../events.ts";
import { dataReference } from "../schemas/data.ts";
import { jobState, jobView } from "../schemas/job.ts";
import { trainingOptions } from "../schemas/model.ts";
import { count, jobId, modelId } from "../schemas/primitives.ts";
import { type Method, params } from "./define.ts";

const job = z.looseObject({ job: jobView });

export const jobMethods = {
  "train.start": {
    summary: "Train a model. Answers at once with a job; its events follow.",
    errors: ["NOT_FOUND", "INVALID_STATE", "PATH_DENIED", "DATA_INVALID", "SHAPE_MISMATCH", "OUT_OF_MEMORY"],
    params: params({
      model: modelId,
      data: dataReference,
      validation: z
        .union([z.number().min(0).lt(1), dataReference])
        .optional()
        .describe("what to hold out: a fraction of the data, or other data"),
      ...trainingOptions,
    }),
    result: job,
    example: {
      params: {
        model: "m_1",
        data: { builtin: "digits" },
        validation: 0.2,
        epochs: 20,
        batchSize: 64,
        optimizer: { type: "adamw", learningRate: 0.002 },
        seed: 7,
      },
      result: { job: { id: "j_1", state: "running", model: "m_1" } },
    },
  },

  "jobs.get": {
    summary: "A job as it is now.",
    immediate: true,
    errors: ["NOT_FOUND"],
    params: params({ jobId }),
    result: job,
  },

  "jobs.list": {
    summary: "All jobs, the oldest first; interrupted ones of an earlier process too, where there is a data directory.",
    immediate: true,
    params: params({ state: jobState.optional().describe("only jobs in this state") }),
    result: z.looseObject({ jobs: z.array(jobView).describe("as they are now") }),
  },

  "jobs.wait": {
    summary: "Answers when the job has ended or the time is up, with the job as it then is.",
    immediate: true,
    errors: ["NOT_FOUND"],
    params: params({
      jobId,
      timeoutMs: z
        .number()
        .nonnegative()
        .optional()
        .describe("how long to wait at most, in milliseconds (default: until it ends)"),
    }),
    result: job,
    example: {
      params: { jobId: "j_1", timeoutMs: 60000 },
      result: {
        job: {
          id: "j_1",
          state: "completed",
          model: "m_1",
          result: {
            epochs: 20,
            loss: 0.03,
            metrics: { accuracy: 0.99 },
            validation: { metrics: { accuracy: 0.98 } },
            seconds: 0.5,
          },
        },
      },
    },
  },

  "jobs.cancel": {
    summary: "Stop a job at its next step. The model keeps its last published weights.",
    immediate: true,
    errors: ["NOT_FOUND"],
    params: params({ jobId }),
    result: job,
  },

  "jobs.pause": {
    summary: "Hold a running job before its next step.",
    immediate: true,
    errors: ["NOT_FOUND", "INVALID_STATE"],
    params: params({ jobId }),
    result: job,
  },

  "jobs.resume": {
    summary: "Go on with a paused job, or with an interrupted one from its last checkpoint.",
    immediate: true,
    errors: ["NOT_FOUND", "INVALID_STATE", "CHECKPOINT_CORRUPT"],
    params: params({ jobId }),
    result: job,
  },

  "jobs.events": {
    summary: "A job's events again, from any point.",
    immediate: true,
    errors: ["NOT_FOUND"],
    params: params({
      jobId,
      afterSeq: count.optional().describe("only events with a larger `seq` (default 0: all)"),
      limit: z.int().positive().optional().describe("at most so many"),
    }),
    result: z.looseObject({
      events: z.array(event).describe("in the order of `seq`; those that were coalesced away are missing"),
      lastSeq: count.optional().describe("the number of the newest event there is"),
    }),
  },
} as const satisfies Record<string, Method>;
