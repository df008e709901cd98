/** @file Schemas of models: the specification that makes one, its short view, and its card. */
import { z } from "zod";
import { choiceOrName, count, metrics, name, seed, timestamp } from "./primitives.ts";

/** A name, or options; `type` may be left out where there is a usual one. */
const anyChoice = z.union([
  z.string().min(1),
  z.looseObject({ type: z.string().min(1).optional().describe("its name in the catalog") }),
]);

/** What `models.create` takes. The registry checks each choice's own options. */
export const modelSpec = {
  name: name.optional().describe("a name of your own, unique in this sidecar; may stand wherever the id does"),
  pipeline: z
    .string()
    .min(1)
    .describe(
      "what is learned: classification, regression, multilabel, tagging, seq2seq, language, reconstruction, contrastive, multitask, or a plugin's",
    ),
  input: z
    .looseObject({})
    .optional()
    .describe("the inputs' shape or columns; taken from the data at `train.start` when left out"),
  backbone: anyChoice
    .optional()
    .describe(
      'the network from inputs to features: {"type":"mlp","hidden":[128,64]}, or a name; the pipeline\'s usual one when left out',
    ),
  head: anyChoice
    .optional()
    .describe("the network from features to outputs; the pipeline's own when `type` or all of it is left out"),
  preprocess: z
    .union([z.looseObject({}), z.array(z.unknown()), z.string()])
    .optional()
    .describe("what is done to raw columns first; fitted on the training part only, saved and exported with the model"),
  seed: seed.optional().describe("where the initial weights come from (default 0)"),
};

export const port = z.looseObject({
  name: z.string().describe("the input's or output's name"),
  dtype: z.string().describe("its element type; STRING for text"),
  shape: z
    .array(z.union([count, z.string()]))
    .describe('sizes by axis; the batch axis is "batch", and one that rows do not share "any"'),
});

export const modelView = z
  .looseObject({
    id: z.string().describe("the id that other methods take"),
    name: z.string().nullable().describe("the name it was given"),
    pipeline: z.string().describe("what it learns"),
    state: z.enum(["new", "training", "trained"]).describe("whether it has learned"),
    parameters: count.nullable().describe("how many numbers it learns; null until the inputs are known"),
    bytes: count.nullable().optional().describe("memory of its weights in bytes"),
    inputs: z
      .array(port)
      .nullable()
      .optional()
      .describe("what `predict`, or of a policy `policy.act`, takes; null until known"),
    outputs: z.array(port).nullable().optional().describe("what it answers, by name; null until known"),
  })
  .meta({ id: "Model", description: "a model in short" });

export const modelCard = modelView
  .extend({
    spec: z.looseObject({}).describe("what it was created with, defaults filled in"),
    seed: seed.optional().describe("where its initial weights came from"),
    createdAt: timestamp.optional(),
    classes: z
      .array(z.string())
      .nullable()
      .optional()
      .describe("a classifier's classes, or those of a sequence's elements, in the order of its outputs"),
    metrics: metrics.nullable().optional().describe("the last training's metrics"),
    preprocessing: z.unknown().optional().describe("what was fitted to the training data"),
    provenance: z.looseObject({}).nullable().optional().describe("hash of the data, seed, versions, time of training"),
  })
  .meta({ id: "ModelCard", description: "a model with all that is known of it" });

const pathPatterns = z
  .union([z.string().min(1), z.array(z.string().min(1))])
  .describe("paths of parameters or their beginnings: `backbone.layers.0`; `*` is any one part, `**` any number");

/** What `train.start` takes besides model and data. The registry checks each choice's own options. */
export const trainingOptions = {
  epochs: z.int().positive().optional().describe("passes over the training data"),
  batchSize: z.int().positive().optional().describe("rows in one step"),
  optimizer: choiceOrName.optional().describe('{"type":"adamw","learningRate":0.002}, or a name'),
  schedule: choiceOrName.optional().describe("how the learning rate changes with the steps"),
  loss: choiceOrName.optional().describe("what is made small; the pipeline's own when left out"),
  clipNorm: z.number().positive().optional().describe("gradients longer than this (all together) are shortened to it"),
  clipValue: z
    .number()
    .positive()
    .optional()
    .describe("each gradient's elements are limited to this, before `clipNorm`"),
  shuffle: z
    .boolean()
    .optional()
    .describe("whether each epoch visits the rows in a new order (default true), or always in that of the data"),
  accumulate: z.int().positive().optional().describe("batches whose gradients are added up before one update"),
  earlyStopping: z
    .union([z.boolean(), z.looseObject({})])
    .optional()
    .describe("stop when validation has not improved for `patience` epochs, and restore the best weights"),
  keepBest: z
    .union([z.boolean(), z.looseObject({})])
    .optional()
    .describe("keep the best epoch's weights rather than the last, without stopping early"),
  averaging: choiceOrName
    .optional()
    .describe('average the weights: "ema", "swa", or {"type":"ema","decay":0.999}; the average is what is kept'),
  freeze: pathPatterns.optional().describe("parameters that stay as they are; [] freezes none"),
  groups: z
    .array(
      z.strictObject({
        match: pathPatterns,
        learningRate: z.number().positive().optional().describe("their learning rate"),
        weightDecay: z.number().nonnegative().optional().describe("their weight decay"),
      }),
    )
    .optional()
    .describe("parameters with a learning rate or weight decay of their own; the first group that matches counts"),
  folds: z
    .int()
    .min(2)
    .max(100)
    .optional()
    .describe("cross-validation in so many parts, then a training on all rows; instead of `validation`"),
  findLearningRate: z
    .union([z.boolean(), z.looseObject({})])
    .optional()
    .describe('try growing learning rates first and take the best; {"only":true} ends after that'),
  checkpoint: z
    .union([z.boolean(), z.looseObject({})])
    .optional()
    .describe("how often to save what is needed to resume; needs --data-dir"),
  augment: z
    .union([z.array(choiceOrName), choiceOrName])
    .optional()
    .describe(
      'random changes to training inputs, in this order: [{"type":"randomCrop","padding":4},"randomHorizontalFlip"]; values are raw, preprocessing follows',
    ),
  budget: z
    .strictObject({
      seconds: z.number().positive().optional().describe("stop after this much time"),
      steps: z.int().positive().optional().describe("stop after this many updates"),
    })
    .optional()
    .describe("limits that end the training early, as completed"),
  seed: seed.optional().describe("where data order, dropout and augmentation come from (default: the model's)"),
};
