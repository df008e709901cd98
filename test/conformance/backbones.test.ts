/** @file Every backbone over the wire: trained on small real data, then exported to ONNX and run in onnxruntime. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findOnnxruntime } from "../../src/engine/index.ts";
import { type Sidecar, startSidecar, temporaryDirectory } from "../support/sidecar.ts";

const IMAGES = { builtin: { type: "digits", shape: "image" } };

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
