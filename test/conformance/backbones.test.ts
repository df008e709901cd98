/** @file Every backbone over the wire: trained on small real data, then exported to ONNX and run in onnxruntime. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { imageOf, splitDigits } from "../../examples/demo/digits.ts";
import { findOnnxruntime } from "../../src/engine/index.ts";
import { type Json, type Sidecar, startSidecar, temporaryDirectory } from "../support/sidecar.ts";

const IMAGES = { builtin: { type: "digits", shape: "image" } };
/** Flowers whose petals were only sorted into sizes, and sepals measured. */
const CATEGORIES = { rows: flowers(), target: "species" };
/** Digits beside the part of them that is ink, measured for each half. */
const MIXED = { rows: drawings(600), target: "digit" };
/** A digit as its eight lines, from top to bottom. */
const SEQUENCES = { builtin: { type: "digits", shape: "sequence" } };
/** A digit as 64 tokens, its grey levels; 0 is the paper. */
const TOKENS = { builtin: "digits" };
const OF_TOKENS = { vocabulary: 17, width: 8, padding: 0 };

interface Case {
  readonly backbone: { readonly type: string; readonly [option: string]: unknown };
  readonly data: object;
  readonly train?: object;
  /** Of the held-out fifth. */
  readonly accuracy: number;
}

const CASES: readonly Case[] = [
  { backbone: { type: "cnn", hidden: [64] }, data: IMAGES, train: { epochs: 3 }, accuracy: 0.97 },
  { backbone: { type: "resnet", depth: 8 }, data: IMAGES, train: { epochs: 2 }, accuracy: 0.96 },
  { backbone: { type: "mobilenet", width: 0.25, stem: "small" }, data: IMAGES, accuracy: 0.25 },
  {
    backbone: { type: "efficientnet", width: 0.25, depth: 0.5, stem: "small" },
    data: IMAGES,
    accuracy: 0.25,
  },
  {
    backbone: { type: "vit", patch: 2, layers: 2, width: 32, heads: 4 },
    data: IMAGES,
    train: { epochs: 3 },
    accuracy: 0.5,
  },
  { backbone: { type: "rnn" }, data: SEQUENCES, train: { epochs: 3 }, accuracy: 0.85 },
  {
    backbone: { type: "lstm", hidden: 32, layers: 2, bidirectional: true, dropout: 0.1 },
    data: SEQUENCES,
    train: { epochs: 3 },
    accuracy: 0.8,
  },
  { backbone: { type: "gru", hidden: 32, ...OF_TOKENS }, data: TOKENS, train: { epochs: 2 }, accuracy: 0.2 },
  { backbone: { type: "tcn" }, data: SEQUENCES, train: { epochs: 3 }, accuracy: 0.9 },
  { backbone: { type: "transformer", width: 32 }, data: SEQUENCES, train: { epochs: 3 }, accuracy: 0.85 },
  {
    backbone: { type: "transformer", kind: "decoder", layers: 1, width: 32, positions: "learned", summary: "last" },
    data: SEQUENCES,
    train: { epochs: 3 },
    accuracy: 0.8,
  },
  {
    backbone: { type: "transformer", layers: 1, heads: 2, positions: "rotary", norm: "rms", ...OF_TOKENS },
    data: TOKENS,
    accuracy: 0.15,
  },
  { backbone: { type: "embedding", width: 3 }, data: CATEGORIES, train: { epochs: 20 }, accuracy: 0.75 },
  { backbone: { type: "embedding", ...OF_TOKENS }, data: TOKENS, train: { epochs: 3 }, accuracy: 0.15 },
  {
    backbone: { type: "multimodal", branches: { image: { type: "cnn", blocks: [{ channels: 16, pool: "max" }] } } },
    data: MIXED,
    train: { epochs: 5 },
    accuracy: 0.85,
  },
];

function flowers(): Json[] {
  const [, ...lines] = readFileSync("data/iris.csv", "utf8").trim().split("\n");
  return lines.map((line) => {
    const [sepalLength, sepalWidth, petalLength, petalWidth, species] = line.split(",");
    const size = (length: string | undefined) => `${Math.round(Number(length))} cm`;
    return { sepalLength, sepalWidth, petalLength: size(petalLength), petalWidth: size(petalWidth), species };
  });
}

function drawings(count: number): Json[] {
  const digits = splitDigits().training;
  return Array.from({ length: count }, (_, row) => {
    const grey = [...imageOf(digits, row)];
    const ink = (from: number) => grey.slice(from, from + 32).reduce((sum, level) => sum + level, 0);
    const lines = Array.from({ length: 8 }, (_, line) => grey.slice(line * 8, line * 8 + 8));
    return { image: [lines], above: ink(0), below: ink(32), digit: `${digits.labels[row]}` };
  });
}

describe("over the wire", () => {
  let sidecar: Sidecar;
  beforeAll(() => {
    sidecar = startSidecar({ shared: true });
  });
  afterAll(() => sidecar.child.kill("SIGKILL"));

  it.each(CASES)("$backbone.type learns, and answers in onnxruntime what it answers here", async (one) => {
    const { backbone, data, train, accuracy } = one;
    const { model } = await sidecar.call("models.create", { pipeline: "classification", backbone, seed: 1 });
    const { job } = await sidecar.call("train.start", {
      model: model.id,
      data,
      epochs: 1,
      validation: 0.2,
      optimizer: { type: "adam", learningRate: 0.003 },
      ...train,
    });
    const { job: ended } = await sidecar.call("jobs.wait", { jobId: job.id });
    expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: "completed" });
    expect(ended.result.validation.metrics.accuracy).toBeGreaterThan(accuracy);

    const path = join(temporaryDirectory(), "model.onnx");
    const { verification } = await sidecar.call("models.export", { model: model.id, format: "onnx", path });
    if (!("missing" in findOnnxruntime())) expect(verification.maxAbsDiff).toBeLessThan(1e-4);
  });
});
