/** @file The pipelines: each binds a head to a loss, to metrics, and to the defaults that most data is well served by. */
import { z } from "zod";
import { classificationMetrics } from "./metrics/classification.ts";
import { multilabelMetrics } from "./metrics/multilabel.ts";
import { regressionMetrics } from "./metrics/regression.ts";
import { definePipeline, type Pipeline } from "./registry/define.ts";

const DEFAULTS = {
  backbone: { type: "mlp" },
  optimizer: "adam",
  schedule: "constant",
  epochs: 20,
  batchSize: 32,
} as const;

const classification = definePipeline({
  type: "classification",
  description: "One class for each row",
  options: z.object({}),
  head: "classification",
  defaults: { ...DEFAULTS, loss: "crossEntropy" },
  metrics: ({ results, targets, weights, outputs }) =>
    classificationMetrics({ labels: targets, probabilities: results.probabilities!, classes: outputs, weights }),
});

const regression = definePipeline({
  type: "regression",
  description: "Numbers for each row",
  options: z.object({}),
  head: "regression",
  defaults: { ...DEFAULTS, loss: "mse" },
  metrics: ({ results, targets, weights, outputs }) =>
    regressionMetrics({ targets, predictions: results.values!, outputs, weights }),
});

const multilabel = definePipeline({
  type: "multilabel",
  description: "Any number of labels for each row",
  options: z.object({}),
  head: "multilabel",
  defaults: { ...DEFAULTS, loss: "binaryCrossEntropy" },
  metrics: ({ results, targets, weights, outputs }) =>
    multilabelMetrics({ targets, probabilities: results.probabilities!, labels: outputs, weights }),
});

export const PIPELINES: readonly Pipeline[] = [classification, regression, multilabel];
