/** @file Every head through its life: it learns, answers, is saved and loaded, exported, and goes on where it was stopped. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { createMachine } from "../../../src/engine/index.ts";
import {
  CONTROL,
  evaluate,
  loadModel,
  type ModelRecord,
  predict,
  saveModel,
  type TrainingState,
} from "../../../src/pipelines/index.ts";
import { exportOnnx } from "../../../src/pipelines/model/export.ts";
import { needsOnnxruntime } from "../../engine/onnx/needs-onnxruntime.ts";
import { temporaryFolder } from "../data/load.support.ts";
import { bitsOf, learn, load, newControl, registry } from "../training/rig.ts";
import { HEAD_CASES } from "./cases.ts";

const executor = createMachine();

describe.each(Object.entries(HEAD_CASES))("a model of %s", (name, { spec, data, train, reaches, answers, inputs }) => {
  const plain = (record: ModelRecord) => JSON.stringify(predict({ registry, executor, record }, inputs as never));
  const seeded = { seed: 5, ...spec };
  let dataset: Awaited<ReturnType<typeof load>>;
  let record: ModelRecord;
  let folder: string;

  beforeAll(async () => {
    folder = temporaryFolder();
    dataset = await load(data as never);
    record = learn({ dataset, executor, spec: seeded, train }).result.record;
  });

  it("learns", () => {
    const { metrics } = evaluate({ registry, executor, record }, dataset);
    for (const [wanted, bound] of Object.entries(reaches)) {
      const metric = wanted.replace(/^-/, "");
      if (metric === wanted) expect(metrics[metric], `${name}: ${metric}`).toBeGreaterThanOrEqual(bound);
      else expect(metrics[metric], `${name}: ${metric}`).toBeLessThanOrEqual(bound);
    }
  });

  it("answers by name", () => {
    expect(Object.keys(predict({ registry, executor, record }, inputs as never))).toEqual(
      expect.arrayContaining([...answers]),
    );
  });

  it("answers the same when it was saved and loaded", async () => {
    await saveModel(record, join(folder, "model"));
    const loaded = await loadModel(registry, join(folder, "model"));
    expect(plain(loaded)).toBe(plain(record));
    expect(evaluate({ registry, executor, record: loaded }, dataset)).toEqual(
      evaluate({ registry, executor, record }, dataset),
    );
  });

  it("answers the same in onnxruntime", async (context) => {
    needsOnnxruntime(context);
    const path = join(folder, "model.onnx");
    const { verification } = await exportOnnx({ registry, executor, record }, path);
    expect(verification!.maxAbsDiff).toBeLessThan(1e-3);
    expect((await readFile(path)).byteLength).toBeGreaterThan(0);
  });

  it("learns the same bits when it is stopped and resumed", () => {
    const short = { ...train, epochs: 3 };
    const whole = learn({ dataset, executor, spec: seeded, train: short, validation: 0.2 });
    const control = newControl();
    let state: TrainingState | undefined;
    learn({
      dataset,
      executor,
      spec: seeded,
      validation: 0.2,
      train: { ...short, checkpoint: { everySteps: 2 } },
      control,
      checkpoint: (saved) => {
        state = saved;
      },
      emit: ({ type }) => {
        if (type === "checkpoint.saved") Atomics.store(control, 0, CONTROL.checkpointAndStop);
      },
    });
    const { tensors, ...json } = state!;
    const resume = { ...(JSON.parse(JSON.stringify(json)) as Omit<TrainingState, "tensors">), tensors };
    const resumed = learn({ dataset, executor, spec: seeded, train: short, validation: 0.2, resume });
    expect(bitsOf(resumed.result.record)).toBe(bitsOf(whole.result.record));
    expect(resumed.result.validation).toEqual(whole.result.validation);
  });
});

describe("a training that augments what is seen twice", async () => {
  const dataset = await load({
    x: Array.from({ length: 40 }, (_, row) => Array.from({ length: 6 }, (_, place) => Math.sin(row * 6 + place))),
  });
  const head = { type: "contrastive", dimensions: 4, noise: 0, mask: 0 };
  const spec = { pipeline: "contrastive", backbone: { type: "mlp", hidden: [8] }, head };
  const loss = (augment: unknown[]) =>
    learn({ dataset, executor, spec, train: { epochs: 1, batchSize: 40, augment } }).result.loss;

  it("shows two different views of each row", () => {
    expect(loss([{ type: "gaussianNoise", sigma: 0.5 }])).toBeGreaterThan(loss([]) * 1.2);
  });

  it("shows the same views to the same seed", () => {
    const augment = [{ type: "gaussianNoise", sigma: 0.5 }];
    expect(loss(augment)).toBe(loss(augment));
  });
});
