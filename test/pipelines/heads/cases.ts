/** @file A model of each kind that is learned in a second or two, and what it must reach. */
import { createRandom } from "../../../src/pipelines/random.ts";

export interface HeadCase {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly data: unknown;
  readonly train: Readonly<Record<string, unknown>>;
  /** By metric of the whole data: the least, or with a minus before the name the most, that it must be. */
  readonly reaches: Readonly<Record<string, number>>;
  /** What `predict` answers, by name. */
  readonly answers: readonly string[];
  readonly inputs: unknown;
}

const adam = (learningRate: number) => ({ optimizer: { type: "adam", learningRate } });
const random = createRandom(1, "heads");
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
const rows = <Row>(count: number, row: (index: number) => Row): Row[] =>
  Array.from({ length: count }, (_, i) => row(i));

/** y = 3x, with noise that grows with x. */
const noisy = rows(400, () => {
  const x = random.uniform() * 2;
  return { x, y: 3 * x + normal() * (0.1 + x / 2) };
});

/** Whether the ones so far are an odd number; sequences of 4 to 8, filled up with −1. */
const parity = rows(200, () => {
  const length = 4 + random.integer(5);
  const bits = rows(8, (place) => (place < length ? random.integer(2) : 0));
  let ones = 0;
  const tags = bits.map((bit, place) => {
    ones += bit;
    return place < length ? ones % 2 : -1;
  });
  return { bits: bits.map((bit) => [bit]), tags };
});

/** Eight numbers that are made from two. */
const plane = rows(200, () => {
  const [a, b] = [normal(), normal()];
  return [a, b, a + b, a - b, 2 * a, -b, a / 2 + b, b - 2 * a];
});

/** Three clouds in six dimensions. */
const clouds = rows(150, (index) => ({
  x: rows(6, (place) => (place % 3 === index % 3 ? 3 : 0) + normal() / 2),
  y: ["a", "b", "c"][index % 3]!,
}));

/** Words, and the same backwards. */
const words = rows(160, () => {
  const letters = rows(2 + random.integer(3), () => "abcd"[random.integer(4)]!);
  return { word: letters.join(""), back: letters.toReversed().join("") };
});

/** Rows of tokens, and each token's counterpart. */
const copies = rows(120, () => {
  const tokens = rows(4, () => 1 + random.integer(4));
  return { x: tokens, y: tokens.map((token) => 5 - token) };
});

/** Who does what, and where: sentences of two words or more. */
const sentences = rows(80, () => {
  const who = ["ann", "bob", "eve"][random.integer(3)]!;
  const rest = [["sleeps"], ["sees", "rome"], ["lives", "in", "oslo"]][random.integer(3)]!;
  const tags = ["PERSON", ...rest.map((word) => (word === "rome" || word === "oslo" ? "PLACE" : "O"))];
  return { words: [who, ...rest], tags };
});

const RHYME = "she sells sea shells by the sea shore. the shells she sells are sea shells, i am sure. ";

export const HEAD_CASES: Readonly<Record<string, HeadCase>> = {
  "several quantiles": {
    spec: {
      pipeline: "regression",
      backbone: { type: "mlp", hidden: [16] },
      head: { type: "regression", quantiles: [0.1, 0.5, 0.9] },
    },
    data: { rows: noisy, target: "y" },
    train: { epochs: 60, ...adam(0.02) },
    reaches: { "coverageQ0.9": 0.84, "-coverageQ0.1": 0.16, r2: 0.8 },
    answers: ["values", "q0.1", "q0.5", "q0.9"],
    inputs: [{ x: 1 }, { x: 2 }],
  },
  "a mean and a variance": {
    spec: {
      pipeline: "regression",
      backbone: { type: "mlp", hidden: [16] },
      head: { type: "regression", distribution: "gaussian" },
    },
    data: { rows: noisy, target: "y" },
    train: { epochs: 60, ...adam(0.02) },
    reaches: { r2: 0.8, "-nll": 1.05 },
    answers: ["values", "variance"],
    inputs: [{ x: 1 }, { x: 2 }],
  },
  "a class for each element": {
    spec: { pipeline: "tagging", backbone: { type: "lstm", hidden: 16 }, preprocess: "none" },
    data: { x: parity.map(({ bits }) => bits), y: parity.map(({ tags }) => tags) },
    train: { epochs: 40, ...adam(0.03) },
    reaches: { accuracy: 0.98, f1: 0.98, sequenceAccuracy: 0.9 },
    answers: ["labels", "probabilities"],
    inputs: parity.slice(0, 2).map(({ bits }) => bits),
  },
  "a text backwards, by attention": {
    spec: {
      pipeline: "seq2seq",
      backbone: { type: "transformer", width: 32, heads: 2, layers: 1, positions: "learned" },
    },
    data: { rows: words, target: "back" },
    train: { epochs: 60, ...adam(0.005) },
    reaches: { accuracy: 0.97, sequenceAccuracy: 0.9 },
    answers: ["labels", "score"],
    inputs: [{ word: "abc" }, { word: "dd" }],
  },
  "other tokens, by a recurrent network": {
    spec: { pipeline: "seq2seq", backbone: { type: "gru", vocabulary: 5, hidden: 32, width: 16 } },
    data: { x: copies.map(({ x }) => x), y: copies.map(({ y }) => y) },
    train: { epochs: 60, ...adam(0.02) },
    reaches: { accuracy: 0.95 },
    answers: ["labels", "score"],
    inputs: [[1, 2, 3, 4]],
  },
  "what comes next in a text": {
    spec: {
      pipeline: "language",
      backbone: { type: "transformer", width: 32, heads: 2, layers: 1, positions: "rotary" },
      head: { type: "language", context: 24 },
    },
    data: { text: { value: RHYME.repeat(12) } },
    train: { epochs: 40, batchSize: 8, ...adam(0.01) },
    reaches: { accuracy: 0.85, "-perplexity": 1.6 },
    answers: ["probabilities"],
    inputs: ["she sells sea", "by"],
  },
  "what comes next among tokens": {
    spec: { pipeline: "language", backbone: { type: "lstm", vocabulary: 4, hidden: 16, width: 8 } },
    data: { x: rows(60, (index) => rows(9, (place) => (index + place) % 4)) },
    train: { epochs: 20, ...adam(0.03) },
    reaches: { accuracy: 0.97 },
    answers: ["probabilities"],
    inputs: [[0, 1, 2, 3, 0, 1, 2, 3]],
  },
  "a tag for each word": {
    spec: { pipeline: "tagging", backbone: { type: "gru", hidden: 16, width: 8, bidirectional: true } },
    data: { rows: sentences, target: "tags" },
    train: { epochs: 20, ...adam(0.02) },
    reaches: { accuracy: 0.98, f1: 0.97 },
    answers: ["labels", "probabilities"],
    inputs: [{ words: ["ann", "sees", "rome"] }, { words: "bob sleeps" }],
  },
  "the inputs, through a bottleneck": {
    spec: {
      pipeline: "reconstruction",
      backbone: { type: "mlp", hidden: [] },
      head: { type: "reconstruction", latent: 2, hidden: [] },
    },
    data: { x: plane },
    train: { epochs: 60, ...adam(0.02) },
    reaches: { "-mse": 0.01 },
    answers: ["reconstruction", "latent", "error"],
    inputs: plane.slice(0, 2),
  },
  "inputs from 0 to 1": {
    spec: {
      pipeline: "reconstruction",
      backbone: { type: "mlp", hidden: [16] },
      head: { type: "reconstruction", latent: 4, output: "sigmoid" },
      preprocess: "minMax",
    },
    data: { x: plane },
    train: { epochs: 40, ...adam(0.02) },
    reaches: { "-mse": 0.02 },
    answers: ["reconstruction", "latent", "error"],
    inputs: plane.slice(0, 2),
  },
  "embeddings from two views": {
    spec: {
      pipeline: "contrastive",
      backbone: { type: "mlp", hidden: [16] },
      head: { type: "contrastive", dimensions: 4 },
    },
    data: { x: clouds.map(({ x }) => x) },
    train: { epochs: 20, batchSize: 50, ...adam(0.01) },
    reaches: { accuracy: 0.5, "-uniformity": -1 },
    answers: ["embeddings"],
    inputs: clouds.slice(0, 2).map(({ x }) => x),
  },
  "embeddings of pairs": {
    spec: {
      pipeline: "contrastive",
      backbone: { type: "mlp", hidden: [32] },
      head: { type: "contrastive", dimensions: 8, pairs: true },
    },
    data: { x: plane.map((row) => [row, row.map((value) => value + normal() / 20)]) },
    train: { epochs: 20, batchSize: 50, ...adam(0.01) },
    reaches: { accuracy: 0.5 },
    answers: ["embeddings"],
    inputs: plane.slice(0, 2).map((row) => [row, row]),
  },
  "embeddings by class": {
    spec: {
      pipeline: "contrastive",
      backbone: { type: "mlp", hidden: [16] },
      head: { type: "supervisedContrastive", dimensions: 4 },
    },
    data: { x: clouds.map(({ x }) => x), y: clouds.map(({ y }) => y) },
    train: { epochs: 20, batchSize: 50, ...adam(0.01) },
    reaches: { nearestAccuracy: 0.97 },
    answers: ["embeddings"],
    inputs: clouds.slice(0, 2).map(({ x }) => x),
  },
  "several tasks": {
    spec: {
      pipeline: "multitask",
      backbone: { type: "mlp", hidden: [16] },
      head: {
        type: "multitask",
        tasks: {
          cloud: "classification",
          sum: { pipeline: "regression", head: { quantiles: [0.1, 0.9] } },
          high: { pipeline: "multilabel", target: "isHigh" },
        },
      },
    },
    data: {
      rows: clouds.map(({ x, y }) => {
        const sum = x.reduce((total, value) => total + value, 0);
        const named = Object.fromEntries(x.map((value, place) => [`x${place}`, value]));
        return { ...named, cloud: y, sum, isHigh: sum > 6 ? 1 : 0 };
      }),
      target: ["cloud", "sum", "isHigh"],
    },
    train: {
      epochs: 40,
      ...adam(0.02),
      loss: { type: "weightedSum", weights: { sum: 0.5 }, losses: { cloud: "crossEntropy" } },
    },
    reaches: { "cloud.accuracy": 0.97, "sum.r2": 0.7, "high.accuracy": 0.9 },
    answers: ["cloud.labels", "cloud.probabilities", "sum.values", "sum.q0.1", "high.labels"],
    inputs: [{ x0: 3, x1: 0, x2: 0, x3: 3, x4: 0, x5: 0 }],
  },
};
