/** @file What can be said about a training: every option of `train.start` that is not the model or the data. */
import { z } from "zod";
import { Fault } from "../../engine/index.ts";
import { usualLosses } from "../model/losses.ts";
import { refuseImported } from "../model/network.ts";
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

const keepBest = earlyStopping.pick({ monitor: true, mode: true, minDelta: true });

const swaStart = z.number().min(0).lt(1).default(0.75).describe("Share of the epochs before the averaging begins");

const ema = z
  .strictObject({
    type: z.literal("ema"),
    decay: z.number().gt(0).lt(1).default(0.999).describe("Share of the average that is kept at each step"),
    warmup: z
      .boolean()
      .default(true)
      .describe(
        "Whether the share begins small, (1 + step) / (10 + step), so that the first weights are soon forgotten",
      ),
  })
  .describe("Exponential moving average (Polyak and Juditsky 1992)");

const swa = z
  .strictObject({ type: z.literal("swa"), start: swaStart })
  .describe("Stochastic weight averaging: the mean over the last epochs' ends (Izmailov et al. 2018)");

const averaging = z.union([
  z.enum(["ema", "swa"]).transform((type) => (type === "ema" ? ema.parse({ type }) : swa.parse({ type }))),
  z.discriminatedUnion("type", [ema, swa]),
]);

/** One path pattern or several, `least` of them or more. */
const patternsOf = (least: number) =>
  z
    .union([
      z
        .string()
        .min(1)
        .transform((pattern) => [pattern]),
      z.array(z.string().min(1)).min(least),
    ])
    .describe(
      "Dotted paths of parameters, or the beginnings of some: `head`, `backbone.layers.0`; `*` is any one part, `**` any number of them: `**.bias`",
    );

const group = z.strictObject({
  match: patternsOf(1),
  learningRate: z.number().positive().max(1e6).optional().describe("Their learning rate; schedules act on it too"),
  weightDecay: z.number().min(0).optional().describe("Their weight decay"),
});

const findLearningRate = z.strictObject({
  lowest: z.number().positive().default(1e-6).describe("The rate that the trial begins with"),
  highest: z.number().positive().default(1).describe("The rate that it ends with, unless the loss rises out of bounds"),
  steps: z
    .int()
    .min(10)
    .max(10_000)
    .default(100)
    .describe("Steps of the trial, each with a rate so many times the last"),
  only: z.boolean().default(false).describe("Whether to end after the trial, and leave the model as it is"),
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
    clipValue: z
      .number()
      .positive()
      .optional()
      .describe("Largest absolute value of each gradient's elements; limited before `clipNorm` measures"),
    accumulate: z.int().min(1).max(4096).default(1).describe("Batches whose gradients make one optimizer step"),
    earlyStopping: orBoolean(earlyStopping).describe(
      "Stop when the watched quantity no longer improves; `true` for the defaults",
    ),
    keepBest: orBoolean(keepBest).describe(
      "Keep the weights of the best epoch rather than the last, without stopping early; `true`: by the loss",
    ),
    averaging: averaging
      .optional()
      .describe(
        "Keep an average of the weights: what is judged, published and kept; `ema`, `swa` or one with its options",
      ),
    freeze: patternsOf(0)
      .optional()
      .describe(
        "Parameters that stay as they are, and statistics: paths as in `groups`. `[]` freezes nothing where a model would by itself",
      ),
    groups: z
      .array(group)
      .default([])
      .describe("Parameters with a learning rate or weight decay of their own; the first group that matches counts"),
    folds: z
      .int()
      .min(2)
      .max(100)
      .optional()
      .describe(
        "Cross-validation: train on all but one of so many parts in turn and judge on that one, then train on all rows; instead of `validation`",
      ),
    findLearningRate: orBoolean(findLearningRate).describe(
      "Try growing learning rates first, and train with the one at which the loss fell fastest (Smith 2017); `true` for the defaults",
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
  /** In the order in which rows go through them. */
  readonly augment: readonly Configured[];
};

/** What to watch after each epoch, and when to give up: early stopping, or only the keeping of the best. */
export interface Watching {
  readonly monitor: string;
  readonly mode?: "min" | "max" | undefined;
  readonly minDelta: number;
  /** Infinite where nothing stops. */
  readonly patience: number;
  readonly restoreBest: boolean;
}

export function watchingOf({ earlyStopping, keepBest }: Pick<TrainOptions, "earlyStopping" | "keepBest">) {
  if (earlyStopping !== undefined)
    return { ...earlyStopping, restoreBest: earlyStopping.restoreBest || keepBest !== undefined } satisfies Watching;
  if (keepBest === undefined) return undefined;
  return { ...keepBest, patience: Number.POSITIVE_INFINITY, restoreBest: true } satisfies Watching;
}

/**
 * What `train.start` says beside model, data and validation, with every default of the model's pipeline filled in.
 * @throws INVALID_PARAMS naming each wrong field; a loss that cannot judge what the pipeline predicts is one.
 */
export function parseTrainOptions(
  registry: Registry,
  record: Pick<ModelRecord, "spec" | "imported">,
  raw: unknown,
): TrainOptions {
  refuseImported(record);
  const { spec } = record;
  const { defaults } = find(registry.pipelines, spec.pipeline, "pipeline");
  const { optimizer, schedule, loss, augment, ...common } = (raw ?? {}) as Record<string, unknown>;
  const { epochs, batchSize } = defaults;
  const parsed = parseBy(trainOptionsSchema, { epochs, batchSize, ...common }, "");
  return {
    ...parsed,
    seed: parsed.seed ?? spec.seed,
    freeze: parsed.freeze ?? (spec.ensemble?.combine === "stack" ? ["members"] : undefined),
    optimizer: parseConfigured(registry.optimizers, optimizer, "optimizer", defaults.optimizer),
    schedule: parseConfigured(registry.schedules, schedule, "schedule", defaults.schedule),
    loss: usualLosses(registry, spec, loss),
    augment: parseAugmentations(registry, augment),
  };
}

/** A list of augmentations, names or objects; one alone will do. */
function parseAugmentations(registry: Registry, raw: unknown): Configured[] {
  const list = raw === undefined ? [] : Array.isArray(raw) ? (raw as unknown[]) : [raw];
  return list.map((each, index) => {
    const path = `augment[${index}]`;
    if (each !== undefined && typeof each !== "string" && (each as { type?: unknown } | null)?.type === undefined) {
      throw new Fault("INVALID_PARAMS", `\`${path}\` names no augmentation`, {
        violations: [{ path: `${path}.type`, message: "missing", expected: "a name", got: "nothing" }],
        hint: `one of ${[...registry.augmentations.keys()].map((name) => `\`${name}\``).join(", ")}`,
      });
    }
    return parseConfigured(registry.augmentations, each, path, "randomCrop");
  });
}
