/** @file What can be said about a training: every option of `train.start` that is not the model or the data. */
import { z } from "zod";
import { Fault } from "../../engine/index.ts";
import type { ModelRecord } from "../model/record.ts";
import type { Configured } from "../model/spec.ts";
import { find, parseBy, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";

const earlyStopping = z.strictObject({
  monitor: z
    .string()
    .default("loss")
    .describe("The quantity to watch: `loss`, or a metric such as `accuracy`; of the held-out part where there is one"),
  mode: z.enum(["min", "max"]).optional().describe("Which way is better; left out, known from the quantity's name"),
  patience: z.int().min(0).default(5).describe("Epochs without an improvement before the training stops"),
  minDelta: z.number().min(0).default(0).describe("The smallest change that counts as an improvement"),
  restoreBest: z
    .boolean()
    .default(true)
    .describe("Whether the weights of the best epoch are kept rather than the last"),
});

const checkpoint = z.strictObject({
  everyEpochs: z.int().min(1).optional().describe("A checkpoint after every so many epochs"),
  everySteps: z.int().min(1).optional().describe("A checkpoint after every so many steps"),
  everySeconds: z.number().positive().optional().describe("A checkpoint after every so many seconds"),
});

/** `true` stands for the defaults, `false` for leaving it out. */
const orBoolean = <Schema extends z.ZodObject>(schema: Schema) =>
  z
    .union([z.boolean(), schema])
    .optional()
    .transform((value): z.output<Schema> | undefined =>
      value === true ? schema.parse({}) : value === false ? undefined : value,
    );

/** The options that are the same for every pipeline; defaults that depend on the pipeline are filled in by `parseTrainOptions`. */
export const trainOptionsSchema = z
  .object({
    epochs: z.int().min(1).max(1_000_000).describe("Passes over the training rows, at most"),
    batchSize: z
      .int()
      .min(1)
      .max(1_048_576)
      .describe("Rows per step; lowered to the number of rows when there are fewer"),
    shuffle: z
      .boolean()
      .default(true)
      .describe("Whether each epoch visits the rows in a new order, drawn from the seed"),
    clipNorm: z
      .number()
      .positive()
      .optional()
      .describe("Largest norm of all gradients together; longer ones are scaled down to it"),
    accumulate: z.int().min(1).max(4096).default(1).describe("Batches whose gradients make one optimizer step"),
    earlyStopping: orBoolean(earlyStopping).describe(
      "Stop when the watched quantity no longer improves; `true` for the defaults",
    ),
    checkpoint: orBoolean(checkpoint).describe(
      "When to save everything needed to go on after a crash; `true`: after every epoch. Needs a data directory",
    ),
    budget: z
      .strictObject({
        seconds: z.number().positive().optional().describe("Wall time after which the training ends, completed"),
        steps: z.int().min(1).optional().describe("Optimizer steps after which the training ends, completed"),
      })
      .optional()
      .describe("Limits that end a training early but well"),
    seed: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .describe("Decides the data order, the split and the dropout masks; left out, the model's seed"),
  })
  .strict();

type CommonTrainOptions = z.output<typeof trainOptionsSchema>;

/** A training's options, complete. Plain data. */
export type TrainOptions = Omit<CommonTrainOptions, "seed"> & {
  readonly seed: number;
  readonly optimizer: Configured;
  readonly schedule: Configured;
  readonly loss: Configured;
};

/**
 * What `train.start` says beside model, data and validation, with every default of the model's pipeline filled in.
 * @throws INVALID_PARAMS naming each wrong field; a loss that cannot judge what the pipeline predicts is one.
 */
export function parseTrainOptions(registry: Registry, record: Pick<ModelRecord, "spec">, raw: unknown): TrainOptions {
  const { spec } = record;
  const { defaults } = find(registry.pipelines, spec.pipeline, "pipeline");
  const head = find(registry.heads, spec.head.type, "head.type");
  const { optimizer, schedule, loss, ...common } = (raw ?? {}) as Record<string, unknown>;
  const { epochs, batchSize } = defaults;
  const parsed = parseBy(trainOptionsSchema, { epochs, batchSize, ...common }, "");
  const chosen = parseConfigured(registry.losses, loss, "loss", defaults.loss);
  const { targets } = find(registry.losses, chosen.type, "loss.type");
  if (!targets.includes(head.target)) {
    const fitting = [...registry.losses.values()].filter((other) => other.targets.includes(head.target));
    const expected = fitting.map(({ type }) => type).join(" | ");
    throw new Fault(
      "INVALID_PARAMS",
      `loss \`${chosen.type}\` judges ${targets.join(" or ")}, but \`${spec.pipeline}\` predicts ${head.target}`,
      {
        violations: [{ path: "loss.type", message: "does not fit the pipeline", expected, got: chosen.type }],
        hint: `use ${expected}`,
      },
    );
  }
  return {
    ...parsed,
    seed: parsed.seed ?? spec.seed,
    optimizer: parseConfigured(registry.optimizers, optimizer, "optimizer", defaults.optimizer),
    schedule: parseConfigured(registry.schedules, schedule, "schedule", defaults.schedule),
    loss: chosen,
  };
}
