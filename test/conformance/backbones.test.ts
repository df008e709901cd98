/** @file Every backbone over the wire: trained on small real data, then exported to ONNX and run in onnxruntime. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findOnnxruntime } from "../../src/engine/index.ts";
import { type Sidecar, startSidecar, temporaryDirectory } from "../support/sidecar.ts";

const IMAGES = { builtin: { type: "digits", shape: "image" } };
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
];

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
