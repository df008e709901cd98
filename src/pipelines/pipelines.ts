/** @file The pipelines: each binds a head to a loss, to metrics, and to the defaults that most data is well served by. */
import { z } from "zod";
import { classificationMetrics } from "./metrics/classification.ts";
import { distributionMetrics } from "./metrics/distributions.ts";
import { embeddingMetrics } from "./metrics/embeddings.ts";
import { multilabelMetrics } from "./metrics/multilabel.ts";
import { sequenceMetrics } from "./metrics/sequences.ts";
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
  metrics: ({ results, targets, weights, outputs, options }) =>
    distributionMetrics({ results, targets, weights, outputs, quantiles: options.quantiles as number[] | undefined }),
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

const tagging = definePipeline({
  type: "tagging",
  description: "One class for each element of a sequence",
  options: z.object({}),
  head: "tagging",
  defaults: { ...DEFAULTS, backbone: { type: "lstm" }, loss: "crossEntropy" },
  judges: ["label"],
  metrics: ({ results, targets, weights, outputs, rows }) =>
    sequenceMetrics({ targets, predicted: results.label!, classes: outputs, samples: rows, weights }),
});

const seq2seq = definePipeline({
  type: "seq2seq",
  description: "A sequence from another: texts, or rows of tokens, of any two lengths",
  options: z.object({}),
  head: "seq2seq",
  defaults: { ...DEFAULTS, backbone: { type: "transformer" }, loss: "crossEntropy" },
  judges: ["label"],
  metrics: ({ results, targets, weights, outputs, rows }) => ({
    metrics: sequenceMetrics({ targets, predicted: results.label!, classes: outputs, samples: rows, weights }).metrics,
  }),
});

const language = definePipeline({
  type: "language",
  description: "What comes next in a text, character by character: a model that `generate` lets write",
  options: z.object({}),
  head: "language",
  defaults: { ...DEFAULTS, backbone: { type: "transformer" }, loss: "crossEntropy" },
  judges: [],
  metrics: ({ loss }) => ({ metrics: { perplexity: Math.exp(loss), bitsPerToken: loss / Math.LN2 } }),
});

const reconstruction = definePipeline({
  type: "reconstruction",
  description: "The inputs again, through a bottleneck: an autoencoder",
  options: z.object({}),
  head: "reconstruction",
  defaults: { ...DEFAULTS, loss: "mse" },
  judges: [],
  metrics: ({ running }) => ({ metrics: { rmse: Math.sqrt(running.mse!) } }),
});

const contrastive = definePipeline({
  type: "contrastive",
  description: "Embeddings in which what belongs together lies close, learned from views, pairs or classes",
  options: z.object({}),
  head: "contrastive",
  defaults: { ...DEFAULTS, loss: "ntXent", batchSize: 128 },
  metrics({ results, targets, rows, outputs: _, options }) {
    const embeddings = results.embeddings!;
    const samples = embeddings.length / Number(options.dimensions);
    return embeddingMetrics({ embeddings, samples, labels: targets.length === rows ? targets : undefined });
  },
});

const multitask = definePipeline({
  type: "multitask",
  description: "Several targets from one backbone, each by a pipeline of its own",
  options: z.object({}),
  head: "multitask",
  defaults: { ...DEFAULTS, loss: "weightedSum" },
  metrics: () => ({ metrics: {} }),
});

export const PIPELINES: readonly Pipeline[] = [
  classification,
  regression,
  multilabel,
  tagging,
  seq2seq,
  language,
  reconstruction,
  contrastive,
  multitask,
];
