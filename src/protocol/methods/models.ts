/** @file Methods that make, keep, move and export models. */
import { z } from "zod";
import { dataReference } from "../schemas/data.ts";
import { modelCard, modelSpec, modelView } from "../schemas/model.ts";
import { count, modelId, name, path, wireNumber } from "../schemas/primitives.ts";
import { quantization, quantizationReport } from "../schemas/quantization.ts";
import { type Method, noParams, params } from "./define.ts";

export const modelMethods = {
  "models.create": {
    summary: "Define a model. What the spec leaves out is taken from the data of its first training.",
    errors: ["ALREADY_EXISTS", "OUT_OF_MEMORY"],
    params: params(modelSpec),
    result: z.looseObject({ model: modelView }),
    example: {
      params: {
        name: "digits",
        pipeline: "classification",
        backbone: { type: "mlp", hidden: [128, 64], activation: "relu", dropout: 0.1 },
        seed: 7,
      },
      result: { model: { id: "m_1", name: "digits", pipeline: "classification", state: "new", parameters: null } },
    },
  },

  "models.ensemble": {
    summary:
      "Join trained models into one, which predicts, is saved and exported as any other. Its members' weights are copied.",
    errors: ["NOT_FOUND", "ALREADY_EXISTS", "INVALID_STATE"],
    params: params({
      models: z
        .array(modelId)
        .min(2)
        .max(64)
        .describe("trained models of one pipeline, input columns and classes alike"),
      combine: z
        .enum(["average", "vote", "stack"])
        .optional()
        .describe(
          "average: the mean of their answers (the default); vote: what most of them say; stack: a layer on top, the average until `train.start` teaches it, best on rows that the members have not seen; they stay frozen then",
        ),
      name: name.optional().describe("a name to give it"),
    }),
    result: z.looseObject({ model: modelView }),
    example: {
      params: { models: ["m_1", "m_2", "m_3"], combine: "average", name: "digits together" },
      result: {
        model: { id: "m_4", name: "digits together", pipeline: "classification", state: "trained", parameters: 52122 },
      },
    },
  },

  "models.get": {
    summary: "A model's card: spec, inputs, outputs, metrics, where it comes from.",
    errors: ["NOT_FOUND"],
    params: params({ model: modelId }),
    result: z.looseObject({ model: modelCard }),
  },

  "models.list": {
    summary: "All models, the oldest first.",
    params: noParams,
    result: z.looseObject({ models: z.array(modelView).describe("in short") }),
  },

  "models.delete": {
    summary: "Forget a model. Files that it was saved to stay.",
    errors: ["NOT_FOUND", "INVALID_STATE"],
    params: params({ model: modelId }),
    result: z.looseObject({ deleted: z.string().describe("the id of the model that was") }),
  },

  "models.save": {
    summary: "Write a model to a folder: `model.json` and `weights.safetensors`, whole or not at all.",
    errors: ["NOT_FOUND", "INVALID_STATE", "PATH_DENIED"],
    params: params({
      model: modelId,
      path: path.describe("the folder; made when missing, replaced when it holds a model"),
    }),
    result: z.looseObject({
      path: z.string().describe("the folder, absolute"),
      bytes: count.optional().describe("the size of its files together"),
    }),
    example: { params: { model: "m_1", path: "models/digits" }, result: { path: "/srv/models/digits", bytes: 72104 } },
  },

  "models.load": {
    summary: "Read a model from a folder that `models.save` wrote.",
    errors: ["NOT_FOUND", "ALREADY_EXISTS", "PATH_DENIED", "CHECKPOINT_CORRUPT"],
    params: params({ path: path.describe("the folder"), name: name.optional().describe("a name to give it here") }),
    result: z.looseObject({ model: modelView }),
  },

  "models.import": {
    summary:
      "Take in an ONNX file as a model: to run, to train a new head on (`models.create` with backbone `onnx`), to write back. The report says what its tensors are and what the engine lacks. The engine makes a program for each set of input shapes, and keeps the six used last.",
    errors: ["ALREADY_EXISTS", "NOT_FOUND", "PATH_DENIED", "DATA_INVALID", "DTYPE_UNSUPPORTED", "LIMIT_EXCEEDED"],
    params: params({
      format: z.literal("onnx").describe("what the file is"),
      path: path.optional().describe("the file; data that stand beside it are read from its folder"),
      b64: z.string().optional().describe("the file's bytes in standard base64, instead of a path"),
      name: name.optional().describe("a name to give it here"),
    }),
    result: z.looseObject({
      model: modelView,
      report: z
        .looseObject({
          opset: count.describe("the ONNX operator set that it was written for"),
          irVersion: count.describe("the version of the file format"),
          producer: z.string().describe("what wrote it"),
          nodes: count.describe("operators in its graph"),
          operators: z.record(z.string(), count).describe("how often each operator stands in it"),
          parameters: count.describe("real numbers that training may change"),
          initialisers: z
            .array(
              z.looseObject({
                name: z.string().describe("its name in the file"),
                role: z.enum(["parameter", "buffer", "constant"]).describe("what it became"),
                shape: z.array(count).describe("its sizes"),
                why: z.string().describe("why it became that"),
              }),
            )
            .describe("the file's own tensors"),
          features: z
            .string()
            .nullable()
            .describe(
              "the value that a new head takes unless `output` names another; null where there is no last layer",
            ),
          folded: z.array(z.string()).describe("what an export for inference has made disappear"),
          decidedBy: z
            .array(z.string())
            .describe(
              "integer inputs whose values choose shapes or branches: the engine makes a program for each set of them",
            ),
          unsupported: z
            .array(
              z.looseObject({
                node: z.string().describe("its name"),
                operator: z.string().describe("what it does"),
                reason: z.string().describe("why the engine cannot run it"),
              }),
            )
            .describe("why the engine can't run the file; empty where it can"),
        })
        .describe("what was found in the file"),
    }),
    example: {
      params: { format: "onnx", path: "resnet18.onnx", name: "resnet" },
      result: {
        model: { id: "m_5", name: "resnet", pipeline: "onnx", state: "trained", parameters: 11689512 },
        report: {
          opset: 17,
          irVersion: 8,
          producer: "pytorch 2.13.0",
          nodes: 49,
          operators: { Conv: 20, Gemm: 1 },
          parameters: 11689512,
          initialisers: [
            {
              name: "fc.weight",
              role: "parameter",
              shape: [1000, 512],
              why: "real numbers that an operator computes with",
            },
          ],
          features: "/avgpool/Flatten_output_0",
          folded: [],
          decidedBy: [],
          unsupported: [],
        },
      },
    },
  },

  "models.export": {
    summary:
      "Write a trained model as ONNX, preprocessing included, and check the file; or its weights as safetensors; or its training step as ONNX that any runtime can carry on. Where `predict` names a classifier's `labels`, the ONNX file has `label`, an int64 index into its classes.",
    errors: ["NOT_FOUND", "INVALID_STATE", "PATH_DENIED", "ONNX_OPERATOR_UNSUPPORTED"],
    params: params({
      model: modelId,
      format: z
        .enum(["onnx", "safetensors", "onnx-training"])
        .describe(
          "onnx: to run elsewhere; safetensors: the weights alone; onnx-training: forward, loss, backward, clipping and optimizer as plain ONNX, weights and slots in and out",
        ),
      path: path.optional().describe("the file to write (default: a temporary file that lives as long as the sidecar)"),
      opset: z
        .int()
        .min(13)
        .max(26)
        .optional()
        .describe("of onnx and onnx-training: the operator set (default 17; of onnx-training 18)"),
      verify: z
        .boolean()
        .optional()
        .describe("run the file in onnxruntime and compare with the sidecar's own answers (default true)"),
      weights: z
        .enum(["F32", "F16"])
        .optional()
        .describe(
          "of onnx: how matrices and kernels are stored (default F32); F16 halves the file, and is cast back where it is read, so that inputs, outputs and arithmetic stay F32",
        ),
      externalData: z
        .boolean()
        .optional()
        .describe(
          "of onnx: large tensors in a second file, `<path>.data` (default: where one file cannot hold them, from 2 GiB); an export without one removes that of an export before",
        ),
      quantize: quantization
        .optional()
        .describe(
          'of onnx: 8-bit integers in place of real numbers, between QuantizeLinear and DequantizeLinear. "int8-dynamic" measures a layer\'s input while the file runs, and takes weights alone as bytes where that has no form in integers, as of convolutions; "int8-static" measures it beforehand on `data`, and is the faster',
        ),
      data: dataReference
        .optional()
        .describe("of `quantize`: rows to measure ranges and damage on; targets in them are judged before and after"),
      license: z
        .string()
        .max(1000)
        .optional()
        .describe("of onnx: SPDX, such as CC-BY-4.0, or words; kept with the file"),
      author: z.string().max(1000).optional().describe("of onnx: who made the model; kept with the file"),
      description: z.string().max(10_000).optional().describe("of onnx: what the model is for; kept with the file"),
      training: z
        .record(z.string(), z.unknown())
        .optional()
        .describe("of onnx-training: optimizer, loss, batchSize, clipNorm and others as `train.start` takes them"),
      steps: z
        .int()
        .min(1)
        .max(100_000)
        .optional()
        .describe("of onnx-training: steps that one run of the second file makes (default 50)"),
    }),
    result: z.looseObject({
      path: z.string().describe("the file, absolute"),
      sha256: z.string().describe("its SHA-256, hexadecimal"),
      bytes: count.describe("its size"),
      opset: count.nullable().optional().describe("the ONNX operator set; null for safetensors"),
      verification: z
        .looseObject({
          samples: count.describe("rows that were compared"),
          maxAbsDiff: wireNumber.describe("the largest difference of any output"),
          tolerance: wireNumber.describe(
            "what it is expected to stay below, by how weights are stored and how large the outputs are",
          ),
        })
        .nullable()
        .optional()
        .describe("null where the file was not run; `note` says why"),
      note: z
        .string()
        .nullable()
        .optional()
        .describe("why there is no verification, such as: onnxruntime is not installed"),
      data: z
        .looseObject({
          path: z.string().describe("where it lies"),
          sha256: z.string().describe("its SHA-256, hexadecimal"),
          bytes: count.describe("its size"),
        })
        .optional()
        .describe("the file beside it that holds its tensors, if there is one"),
      quantization: quantizationReport.optional().describe("of `quantize`: what it changed"),
      loop: z.string().optional().describe("of onnx-training: the file that makes many steps in one run"),
      states: z.string().optional().describe("of onnx-training: safetensors that the first run starts from"),
      card: z.string().optional().describe("JSON beside the file: what goes in and out, and what it means"),
    }),
    example: {
      params: { model: "m_1", format: "onnx", path: "digits.onnx" },
      result: {
        path: "/srv/digits.onnx",
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        bytes: 73411,
        opset: 17,
        verification: { samples: 64, maxAbsDiff: 2.4e-7, tolerance: 1e-5 },
      },
    },
  },
} as const satisfies Record<string, Method>;
