/** @file Methods that use a model. */
import { z } from "zod";
import { confusion, dataReference } from "../schemas/data.ts";
import { count, metrics, modelId } from "../schemas/primitives.ts";
import { tensorObject, wireTensor } from "../schemas/tensor.ts";
import { type Method, params } from "./define.ts";

const output = z.union([tensorObject, z.array(z.unknown())]);

export const inferenceMethods = {
  predict: {
    summary: "What the model answers for some inputs. A model in training answers with its last published weights.",
    errors: ["NOT_FOUND", "INVALID_STATE", "SHAPE_MISMATCH", "DTYPE_UNSUPPORTED", "PATH_DENIED", "DATA_INVALID"],
    params: params({
      model: modelId,
      inputs: wireTensor.describe("a tensor, nested arrays, or rows as objects keyed by column"),
    }),
    result: z.looseObject({
      outputs: z
        .record(z.string(), output)
        .describe("classification: labels, probabilities; multilabel: labels, probabilities; regression: values"),
    }),
    example: {
      params: {
        model: "m_1",
        inputs: [[5.1, 3.5, 1.4, 0.2]],
      },
      result: {
        outputs: { labels: ["setosa"], probabilities: { dtype: "F32", shape: [1, 3], values: [0.98, 0.02, 0] } },
      },
    },
  },

  evaluate: {
    summary: "How well the model does on data whose answers are known.",
    errors: ["NOT_FOUND", "INVALID_STATE", "SHAPE_MISMATCH", "PATH_DENIED", "DATA_INVALID"],
    params: params({ model: modelId, data: dataReference }),
    result: z.looseObject({
      metrics,
      confusion: confusion
        .nullable()
        .optional()
        .describe("of a classifier: how often each class was taken for each other"),
      samples: count.describe("how many rows were used"),
    }),
    example: {
      params: { model: "m_1", data: { csv: { path: "test.csv", target: "digit" } } },
      result: { metrics: { loss: 0.05, accuracy: 0.98, f1: 0.98 }, samples: 360 },
    },
  },
} as const satisfies Record<string, Method>;
