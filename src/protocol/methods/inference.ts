/** @file Methods that use a model. */
import { z } from "zod";
import { confusion, dataReference } from "../schemas/data.ts";
import { jobView } from "../schemas/job.ts";
import { count, metrics, modelId, seed } from "../schemas/primitives.ts";
import { tensorObject, wireTensor } from "../schemas/tensor.ts";
import { type Method, params } from "./define.ts";

const output = z.union([tensorObject, z.array(z.unknown())]);

const generation = {
  prompt: z
    .union([z.string(), z.array(z.int())])
    .describe("what it goes on from: a text, or token numbers for a model of these"),
  maxNewTokens: z.int().min(1).max(100_000).optional().describe("tokens to write at most (default 100)"),
  temperature: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .describe("below 1 bolder, above 1 more even, 0 always the likeliest token (default 1)"),
  topK: z.int().min(1).optional().describe("only so many of the likeliest tokens may come"),
  topP: z.number().gt(0).max(1).optional().describe("only the likeliest that together have this probability"),
  seed: seed.optional().describe("where the draws come from (default 0): the same again with the same seed"),
  stop: z
    .union([z.string().min(1), z.array(z.string().min(1)).max(64)])
    .optional()
    .describe("texts that end the writing, left out of the answer; of token numbers these, as strings"),
};

export const inferenceMethods = {
  predict: {
    summary: "What the model answers for some inputs. A model in training answers with its last published weights.",
    errors: ["NOT_FOUND", "INVALID_STATE", "SHAPE_MISMATCH", "DTYPE_UNSUPPORTED", "PATH_DENIED", "DATA_INVALID"],
    params: params({
      model: modelId,
      inputs: z
        .union([wireTensor, z.record(z.string(), wireTensor)])
        .describe(
          "a tensor, nested arrays, rows as objects keyed by column, or texts; for an imported file of several inputs an object with a tensor for each",
        ),
      executor: z
        .enum(["engine", "onnxruntime", "auto"])
        .optional()
        .describe(
          "of an imported file: what runs it; auto tries both once for each set of shapes and keeps the faster. Left out, the engine, or onnxruntime where the engine lacks an operator",
        ),
      decoding: z
        .strictObject({
          beams: z.int().min(1).max(64).optional().describe("sequences kept in sight (default 1: greedy)"),
          lengthPenalty: z
            .number()
            .optional()
            .describe("of beams: log probabilities are divided by the length to this power (default 1)"),
          maxNewTokens: z.int().min(1).optional().describe("elements at most; as many as in training when left out"),
        })
        .optional()
        .describe("how a model of pipeline `seq2seq` writes"),
    }),
    result: z.looseObject({
      executor: z.enum(["engine", "onnxruntime"]).optional().describe("of an imported file: what ran it"),
      outputs: z
        .record(z.string(), output)
        .describe(
          "classification, multilabel: labels, probabilities; regression: values, and q0.9 … or variance; tagging: labels, probabilities; seq2seq: labels, score; language: probabilities of what comes next; reconstruction: reconstruction, latent, error; contrastive: embeddings; multitask: those of each task, under its name and a dot",
        ),
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

  generate: {
    summary:
      "Let a model of pipeline `language` write on. Transformers and recurrent networks remember what they read, so that a new token costs one pass of itself.",
    description:
      "A transformer whose context is full goes on from its newer half; what remembers nothing reads its context anew for each token. For a text that comes as it is written, see `generate.start`.",
    errors: ["NOT_FOUND", "INVALID_STATE", "DATA_INVALID"],
    params: params({ model: modelId, ...generation }),
    result: z.looseObject({
      text: z.string().describe("what was written after the prompt"),
      tokens: z.array(z.string()).describe("the same token by token"),
      finishReason: z.enum(["length", "stop"]).describe("`stop`: one of `stop` came"),
    }),
    example: {
      params: { model: "m_1", prompt: "Call me", maxNewTokens: 9, temperature: 0.8, topK: 20, seed: 7 },
      result: { text: " Ishmael.", tokens: [" ", "I", "s", "h", "m", "a", "e", "l", "."], finishReason: "length" },
    },
  },

  "generate.start": {
    summary:
      "The same as a job: answers at once, and `generate.text` events bring the text as it is written, a few times a second.",
    errors: ["NOT_FOUND", "INVALID_STATE", "DATA_INVALID"],
    params: params({ model: modelId, ...generation }),
    result: z.looseObject({ job: jobView }),
    example: {
      params: { model: "m_1", prompt: "Call me", maxNewTokens: 20000, temperature: 0.8, seed: 7 },
      result: { job: { id: "j_2", kind: "generate", state: "running", model: "m_1" } },
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
