/** @file The small schemas that all methods share: names, paths, numbers as they travel, what rides in `_meta`. */
import { z } from "zod";
import { NON_FINITE_NAMES } from "../numbers.ts";

/** A number, or the name of a non-finite one; parsed, always a number. */
export const wireNumber = z
  .union([z.number(), z.enum(NON_FINITE_NAMES)])
  .transform(Number)
  .meta({ id: "Number", description: "a number; NaN and infinities as strings" });

export const count = z.int().nonnegative();

/** Where randomness starts: the same seed gives the same bits, on any number of threads. */
export const seed = z.int().nonnegative();

export const name = z.string().min(1).max(200);
export const path = z.string().min(1);
export const timestamp = z.string().describe("when, as ISO 8601 in UTC with milliseconds");

export const modelId = z.string().min(1).describe("the model's id (`m_1`) or name");
export const jobId = z.string().min(1).describe("the job's id (`j_1`)");
export const handle = z.string().min(1).describe("the handle that `data.put` gave (`d_1`)");

/** A choice with options: `type` is a registered name, the rest is checked against that entry's own schema in the catalog. */
export const choice = z
  .looseObject({
    type: z
      .string()
      .min(1)
      .describe("a name from the catalog; the other members are its options, see `runtime.catalog`"),
  })
  .meta({ id: "Choice", description: "one of the catalog's entries, with its options" });

/** The same, where a bare name means "with default options". */
export const choiceOrName = z.union([z.string().min(1), choice]);

export const metrics = z
  .record(z.string(), wireNumber)
  .meta({ id: "Metrics", description: "metrics by name; non-finite values as strings" });

export const TENSOR_FORMS = ["values", "b64", "file"] as const;

export const meta = z
  .strictObject({
    timeoutMs: z
      .number()
      .nonnegative()
      .optional()
      .describe("the deadline in milliseconds from arrival; afterwards DEADLINE_EXCEEDED"),
    idempotencyKey: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe("a call repeated with the same key and params gets the first one's answer and does nothing again"),
    traceparent: z
      .string()
      .max(200)
      .optional()
      .describe("W3C trace context, repeated in the log and in the job's events"),
    tensors: z.enum(TENSOR_FORMS).optional().describe("how tensors in the answer travel, whatever their size"),
  })
  .meta({ id: "Meta", description: "what is about the call and not about its subject" });

export type Meta = z.output<typeof meta>;
