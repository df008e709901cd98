/** @file Quantised files: what a host may ask, and the report of what it changed. */
import { z } from "zod";
import { count, wireNumber } from "./primitives.ts";

const mode = z.enum(["int8-dynamic", "int8-static"]);

const calibration = z
  .strictObject({
    method: z
      .enum(["minmax", "percentile", "entropy"])
      .optional()
      .describe(
        "minmax: from the smallest to the largest value (the default); percentile: without the outermost; entropy: the range that loses least information",
      ),
    samples: z
      .int()
      .min(1)
      .max(100_000)
      .optional()
      .describe("rows of `data` to measure on, evenly spread over them (default 256)"),
    percentile: z
      .number()
      .gt(0)
      .max(100)
      .optional()
      .describe("of percentile: how much of the values stays inside, in percent (default 99.999)"),
    numBins: z
      .int()
      .min(16)
      .max(65_536)
      .optional()
      .describe(
        "bins of the histogram: of percentile (default 2048); of entropy (default 128, as onnxruntime has it: the whole range; with more it cuts off the outermost, which may cost accuracy)",
      ),
    numQuantizedBins: z
      .int()
      .min(2)
      .max(65_536)
      .optional()
      .describe("of entropy: bins that it is squeezed into to see what is lost (default 128)"),
  })
  .describe("of int8-static: how ranges are measured");

export const quantization = z
  .union([
    mode,
    z.strictObject({
      mode: mode.describe("whether inputs are measured while the file runs, or beforehand on `data`"),
      calibration: calibration.optional(),
      perChannel: z
        .boolean()
        .optional()
        .describe("a scale for each channel of a weight (default true), or one for all"),
      reduceRange: z
        .boolean()
        .optional()
        .describe(
          "weights of 7 bits, for processors that add pairs of products in 16 bits: AVX2 without VNNI (default false)",
        ),
      activations: z
        .enum(["uint8", "int8"])
        .optional()
        .describe("of int8-static: the integers of inputs and outputs (default uint8)"),
      exclude: z
        .array(z.string().min(1))
        .min(1)
        .optional()
        .describe("layers that stay as they are: paths as the report has them, or patterns as in `freeze`"),
    }),
  ])
  .meta({
    id: "Quantization",
    description: "int8-dynamic or int8-static, or an object with the mode and how",
  });

const damage = {
  sqnr: wireNumber
    .nullable()
    .describe(
      "signal to quantisation noise, in decibels: 10 · log10(Σ x² / Σ (x − q)²); null where nothing differs, and of indices",
    ),
  maxAbsDiff: wireNumber.describe("the largest difference of any number"),
};

const sizes = { before: count.describe("as real numbers"), after: count.describe("as integers") };
const metrics = z.record(z.string(), wireNumber);

export const quantizationReport = z
  .looseObject({
    mode: mode.describe("the mode"),
    calibration: z.unknown().describe("how ranges were measured, defaults included; null where they were not"),
    bytes: z
      .looseObject({ ...sizes, ratio: z.number().describe("after / before") })
      .describe("the whole file, graph and card included"),
    samples: count.describe("rows that the damage was measured on"),
    rows: z.enum(["data", "invented"]).describe("rows of `data`, or made up for want of any"),
    layers: z
      .array(
        z.looseObject({
          path: z.string().describe("the layer's dotted path"),
          operator: z.string().describe("its ONNX operator"),
          how: z
            .enum(["integers", "weight"])
            .describe("integers: computed in them; weight: stored as bytes, and made real again where it is read"),
          weight: z
            .unknown()
            .describe("the initialiser's name, its shape, and the axis that has a scale for each place"),
          bytes: z.looseObject(sizes).describe("the weight with its scales"),
          input: z.unknown().optional().describe("scale and zero point of its input, where they were measured"),
          ...damage,
        }),
      )
      .describe(
        "what was quantised, in the order of the graph; damage is that of the layer's output, all before it included",
      ),
    kept: z
      .array(
        z.looseObject({
          path: z.string().describe("the layer's dotted path"),
          operator: z.string().describe("its ONNX operator"),
          reason: z.string().describe("why it stayed as it was"),
        }),
      )
      .describe("what was not"),
    outputs: z
      .array(
        z.looseObject({
          name: z.string().describe("the output's name"),
          ...damage,
          agreement: z.number().optional().describe("of indices: the share that stayed the same"),
        }),
      )
      .describe("the damage of the file's outputs"),
    metrics: z
      .looseObject({
        rows: count.describe("rows that were judged, evenly spread over `data`"),
        before: metrics.describe("of the file as it would have been"),
        after: metrics.describe("of the file as it is"),
      })
      .nullable()
      .describe("the pipeline's metrics; null without data, or without targets in them"),
  })
  .meta({ id: "QuantizationReport", description: "what quantising changed: damage by layer, size, quality" });
