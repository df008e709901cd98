/** @file Methods that see inside models: their layers, their numbers, and which inputs an answer comes from. */
import { z } from "zod";
import { dataReference } from "../schemas/data.ts";
import { count, modelId, wireNumber } from "../schemas/primitives.ts";
import { tensorObject, wireTensor } from "../schemas/tensor.ts";
import { type Method, params } from "./define.ts";

const patterns = z.array(z.string().min(1)).min(1);
const symbolicShape = z
  .array(z.union([count, z.string()]))
  .describe('sizes by axis; "batch" for the rows, "4*batch" for what grows four times as fast');

const amounts = {
  parameters: count.describe("numbers that training may change, frozen ones included"),
  frozen: count.describe("those of them that `freeze` leaves as they are"),
  buffers: count.describe("numbers without a gradient, such as running statistics"),
  bytes: count.describe("memory of parameters and buffers"),
  flops: count.describe(
    "floating-point operations of the forward pass for one row, as the ops estimate them; a multiplication with its addition counts two",
  ),
};

const statistics = {
  count: count.describe("how many numbers"),
  nonFinite: count.describe("NaN and infinities; all else is said of the others"),
  mean: wireNumber.describe("their mean"),
  std: wireNumber.describe("their standard deviation, of the population"),
  min: wireNumber.describe("the smallest"),
  max: wireNumber.describe("the largest"),
  norm: wireNumber.describe("the Euclidean norm"),
  zeros: z.number().describe("the share of exact zeros"),
  histogram: z
    .looseObject({
      counts: z.array(count).describe("numbers in each bin"),
      edges: z.array(wireNumber).describe("of the bins; one more than there are bins"),
    })
    .optional()
    .describe("bins of one width from the smallest to the largest"),
};

const parameter = z.looseObject({
  path: z.string().describe("the parameter's dotted path"),
  shape: z.array(count).describe("its sizes by axis"),
  ...statistics,
});

const errors = ["NOT_FOUND", "INVALID_STATE", "SHAPE_MISMATCH"] as const;

export const inspectMethods = {
  "models.summary": {
    summary:
      "A model's layers in order: what comes out of each, how many numbers it learns, what a row costs. Before training too, where the shapes are known.",
    errors: [...errors],
    params: params({
      model: modelId,
      input: z
        .strictObject({ shape: z.array(z.int().positive()).min(1).max(8).describe("of one row, the batch left out") })
        .optional()
        .describe("what goes in, for a model that has seen no data and does not say"),
      outputs: z
        .int()
        .positive()
        .optional()
        .describe("how many classes, labels or values come out, for a model that has seen no data and does not say"),
      freeze: patterns
        .optional()
        .describe("path patterns of parameters that a training would leave as they are, as in `train.start`"),
    }),
    result: z.looseObject({
      input: symbolicShape.describe("of the features that the first layer takes"),
      output: symbolicShape.describe("of the raw output"),
      layers: z
        .array(
          z.looseObject({
            path: z.string().describe("the layer's dotted path"),
            kind: z.string().describe("what layer it is: dense, conv, relu"),
            depth: count.describe("how many layers it is inside of"),
            output: symbolicShape,
            ...amounts,
          }),
        )
        .describe("each before those inside it, and counted with them"),
      totals: z
        .looseObject({ ...amounts, trainable: count.describe("parameters that are not frozen") })
        .describe("of the whole network"),
      table: z.string().describe("all of it as lines for people"),
    }),
    example: {
      params: { model: "m_1" },
      result: {
        input: ["batch", 4],
        output: ["batch", 3],
        layers: [
          {
            path: "head",
            kind: "classification",
            depth: 0,
            output: ["batch", 3],
            parameters: 15,
            frozen: 0,
            buffers: 0,
            bytes: 60,
            flops: 27,
          },
        ],
        totals: { parameters: 15, frozen: 0, buffers: 0, bytes: 60, flops: 27, trainable: 15 },
        table: "layer  kind  output  parameters  FLOPs  bytes",
      },
    },
  },

  "models.inspect": {
    summary:
      "What a trained model's numbers are like: weights, gradients on some data, activations of layers for some inputs, attention maps.",
    errors: [...errors, "DTYPE_UNSUPPORTED", "DATA_INVALID", "PATH_DENIED", "LIMIT_EXCEEDED"],
    params: params({
      model: modelId,
      what: z
        .array(z.enum(["weights", "gradients", "activations", "attention"]))
        .min(1)
        .default(["weights"])
        .describe("the parts wanted"),
      layers: patterns
        .optional()
        .describe(
          "path patterns of the parameters or layers wanted: `backbone.blocks.*`, `**.relu`; all when left out. `models.summary` lists the layers",
        ),
      inputs: wireTensor.optional().describe("rows for activations and attention, as `predict` takes them"),
      data: dataReference.optional().describe("labelled rows for gradients, as `evaluate` takes them"),
      bins: z.int().min(0).max(1000).default(20).describe("of each histogram; 0 for none"),
      values: z.boolean().default(false).describe("whether activations come with their values, not statistics alone"),
    }),
    result: z.looseObject({
      weights: z.array(parameter).optional().describe("of each parameter and buffer"),
      gradients: z
        .looseObject({
          loss: wireNumber.describe("the mean over the rows, of which these are the gradients"),
          norm: wireNumber.describe("of all gradients together"),
          parameters: z.array(parameter).describe("of each parameter"),
          samples: count.describe("rows that were used"),
        })
        .optional()
        .describe("dropout keeps all, batch norm uses its running statistics"),
      activations: z
        .array(
          z.looseObject({
            path: z.string().describe("the layer's path"),
            kind: z.string().describe("what layer it is"),
            shape: z.array(count).describe("of one row"),
            ...statistics,
            dead: z
              .number()
              .describe(
                "the share of units (channels of images, features otherwise) that are 0 in every row and place",
              ),
            values: tensorObject.optional().describe("[rows, ...shape]"),
          }),
        )
        .optional()
        .describe("in the order in which layers are called"),
      attention: z
        .array(
          z.looseObject({
            path: z.string().describe("the layer's path"),
            weights: tensorObject.describe("[rows, heads, query, key]; each query's weights sum to 1"),
          }),
        )
        .optional()
        .describe("of each layer that attends"),
    }),
    example: {
      params: { model: "m_1", what: ["weights"], layers: ["head.bias"], bins: 0 },
      result: {
        weights: [
          {
            path: "head.bias",
            shape: [2],
            count: 2,
            nonFinite: 0,
            mean: 0,
            std: 0.1,
            min: -0.1,
            max: 0.1,
            norm: 0.1414,
            zeros: 0,
          },
        ],
      },
    },
  },

  "models.explain": {
    summary:
      "Which inputs an answer comes from: attributions by column, by the methods that Captum has under the same names.",
    errors: [...errors, "DTYPE_UNSUPPORTED", "DATA_INVALID", "PATH_DENIED", "LIMIT_EXCEEDED"],
    params: params({
      model: modelId,
      inputs: wireTensor.describe("rows, as `predict` takes them"),
      method: z
        .enum(["saliency", "inputXGradient", "integratedGradients", "smoothGrad"])
        .default("integratedGradients")
        .describe(
          "saliency: the output's slope in each input; inputXGradient: times the input; integratedGradients: slopes along the way from a baseline, which add up to the output's difference; smoothGrad: the mean saliency of noisy copies",
        ),
      target: z
        .union([z.string(), z.int().nonnegative(), z.array(z.union([z.string(), z.int().nonnegative()])).min(1)])
        .optional()
        .describe(
          "what is explained: a class, label or target column by name, or its index; of answers with more axes one for each, `[place, class]`. Left out: each row's own class or highest label",
        ),
      output: z
        .enum(["logits", "probabilities"])
        .default("logits")
        .describe("of classes and labels: what stands for them; values are in their own units"),
      abs: z.boolean().default(true).describe("saliency and smoothGrad: magnitudes rather than signed slopes"),
      steps: z.int().min(1).max(10_000).default(50).describe("integratedGradients: points of the Gauss–Legendre rule"),
      baseline: z
        .union([wireNumber, wireTensor])
        .optional()
        .describe(
          "integratedGradients: where the way begins, a number for all inputs or one row of them. Left out: zeros where the network begins, which are the training mean of what was standardised, no category at all, and vectors of zeros for tokens. Lengths of sequences stay each row's own",
        ),
      samples: z.int().min(1).max(1000).default(25).describe("smoothGrad: noisy copies of each row"),
      noise: z
        .number()
        .positive()
        .default(0.1)
        .describe("smoothGrad: the noise's standard deviation, as a share of a row's range or of a column's spread"),
      seed: z.int().nonnegative().default(0).describe("smoothGrad: where the noise comes from"),
    }),
    result: z.looseObject({
      method: z.string().describe("what was used"),
      attributions: z
        .record(z.string(), tensorObject)
        .describe("by column, [rows, ...shape of a row's value]; one number for a category or a token"),
      targets: z
        .array(z.union([z.string(), z.array(z.union([z.string(), count]))]))
        .describe("what was explained, by row"),
      outputs: z.array(wireNumber).describe("what the model answers for it, by row"),
      baselineOutputs: z.array(wireNumber).optional().describe("what it answers for the baseline, by row"),
      completenessError: z
        .array(wireNumber)
        .optional()
        .describe(
          "|sum of the attributions − (output − output for the baseline)|, by row; more steps make it smaller, except where an answer moves in jumps, as votes do",
        ),
    }),
    example: {
      params: { model: "m_1", inputs: [{ age: 40, income: 2100 }], target: "yes" },
      result: {
        method: "integratedGradients",
        attributions: {
          age: { dtype: "F32", shape: [1], values: [0.5] },
          income: { dtype: "F32", shape: [1], values: [-0.25] },
        },
        targets: ["yes"],
        outputs: [0.35],
        baselineOutputs: [0.1],
        completenessError: [0],
      },
    },
  },
} as const satisfies Record<string, Method>;
