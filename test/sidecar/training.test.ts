/** @file Training habits over the wire: what `train.start` and `models.ensemble` take, what jobs tell and answer. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type Json, type Sidecar, startSidecar } from "../support/sidecar.ts";

const DATA = { builtin: "iris" };

async function create(sidecar: Sidecar, seed = 0): Promise<string> {
  const { model } = await sidecar.call("models.create", {
    pipeline: "classification",
    backbone: { type: "mlp" },
    seed,
  });
  return model.id;
}

async function train(sidecar: Sidecar, model: string, options: object): Promise<Json> {
  const { job } = await sidecar.call("train.start", { model, data: DATA, epochs: 5, ...options });
  return (await sidecar.call("jobs.wait", { jobId: job.id })).job;
}

it("joins trained models into one that outlives its process, predicts and is exported", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ml-sidecar-ensemble-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const parameters = ["--data-dir", folder];
  const first = startSidecar({ parameters });
  const models = [await create(first, 1), await create(first, 2)];
  for (const model of models) expect((await train(first, model, {})).state).toBe("completed");
  const { model } = await first.call("models.ensemble", { models, combine: "vote", name: "both" });
  expect(model).toMatchObject({ name: "both", state: "trained", pipeline: "classification" });
  first.endInput();
  await first.exit;

  const second = startSidecar({ parameters });
  const inputs = [
    { "sepal length (cm)": 5, "sepal width (cm)": 3.4, "petal length (cm)": 1.5, "petal width (cm)": 0.2 },
  ];
  const card = (await second.call("models.get", { model: "both" })).model;
  const row = Object.fromEntries(
    card.inputs.map(({ name }: Json, index: number) => [name, Object.values(inputs[0]!)[index]]),
  );
  expect((await second.call("predict", { model: "both", inputs: [row] })).outputs.labels).toHaveLength(1);
  const path = join(folder, "both.onnx");
  const exported = await second.call("models.export", { model: "both", format: "onnx", path });
  expect(exported.verification?.maxAbsDiff ?? 0).toBeLessThan(1e-5);
});

it("refuses to join what has not been trained, and what is not there", async () => {
  const sidecar = startSidecar();
  const models = [await create(sidecar), await create(sidecar)];
  expect((await sidecar.ask("models.ensemble", { models })).error.data.reason).toBe("INVALID_STATE");
  expect((await sidecar.ask("models.ensemble", { models: ["m_1", "m_9"] })).error.data.reason).toBe("NOT_FOUND");
  expect((await sidecar.ask("models.ensemble", { models: ["m_1"] })).error.data.reason).toBe("INVALID_PARAMS");
});

it("cross-validates, and answers each part's scores", async () => {
  const sidecar = startSidecar();
  const { result } = await train(sidecar, await create(sidecar), { folds: 3 });
  expect(result.folds).toHaveLength(3);
  expect(result.validation.metrics.accuracy).toBeGreaterThan(0);
  expect(result.deviation.loss).toBeGreaterThanOrEqual(0);
});

it("tries learning rates without touching the model", async () => {
  const sidecar = startSidecar();
  const model = await create(sidecar);
  const { result } = await train(sidecar, model, { findLearningRate: { only: true } });
  expect(result).toMatchObject({ stopped: "found", steps: 0 });
  expect(result.learningRate.rates).toHaveLength(result.learningRate.losses.length);
  expect((await sidecar.call("models.get", { model })).model.state).toBe("new");
});

it.each([
  { averaging: "ema", keepBest: { monitor: "accuracy" }, validation: 0.2 },
  { averaging: { type: "swa", start: 0.5 }, clipValue: 0.5, clipNorm: 1 },
  { freeze: ["backbone.layers.0"], groups: [{ match: "head", learningRate: 0.01 }] },
  { schedule: { type: "plateau", patience: 0 }, optimizer: "sgd" },
  { schedule: { type: "oneCycle", warmupSteps: 2 }, earlyStopping: false, keepBest: false },
])("trains with %j", async (options) => {
  const sidecar = startSidecar();
  expect((await train(sidecar, await create(sidecar), options)).state).toBe("completed");
});

it("takes sample weights beside tensors and by a column's name", async () => {
  const sidecar = startSidecar();
  const x = { dtype: "F32", shape: [4, 1], values: [1, 2, 3, 4] };
  const sampleWeight = { dtype: "F32", shape: [4], values: [1, 0, 2, 1] };
  const tensors = { x, y: ["a", "b", "a", "b"], sampleWeight };
  const rows = [1, 2, 3, 4].map((a) => ({ a, label: a % 2, worth: a }));
  for (const data of [tensors, { rows, target: "label", sampleWeight: "worth" }])
    expect((await train(sidecar, await create(sidecar), { data })).state).toBe("completed");
});

it("names a quantity that it cannot watch, and a pattern that matches nothing, before the first epoch", async () => {
  const sidecar = startSidecar();
  const watched = await train(sidecar, await create(sidecar), { earlyStopping: { monitor: "acuracy" } });
  expect(watched.error.data).toMatchObject({ reason: "INVALID_PARAMS", hint: expect.stringContaining("accuracy") });
  const frozen = await train(sidecar, await create(sidecar), { freeze: "backbon" });
  expect(frozen.error.data.violations[0].path).toBe("freeze");
  expect(sidecar.messages.filter(({ params }) => params?.type === "train.epoch")).toEqual([]);
});

it("tells every epoch, however short, in numbers without gaps", async () => {
  const sidecar = startSidecar();
  await train(sidecar, await create(sidecar), { epochs: 500, batchSize: 150 });
  await sidecar.event("job.completed");
  const events = sidecar.messages.filter(({ method }) => method === "event").map(({ params }) => params);
  expect(events.map(({ seq }) => seq)).toEqual(Array.from(events, (_, index) => index + 1));
  const epochs = events.filter(({ type }) => type === "train.epoch").map(({ data }) => data.epoch);
  expect(epochs).toEqual(Array.from({ length: 500 }, (_, index) => index + 1));
});

it("says when checkpoints that were asked for have nowhere to go", async () => {
  const sidecar = startSidecar();
  expect((await train(sidecar, await create(sidecar), { checkpoint: true })).state).toBe("completed");
  expect((await sidecar.event("warning")).params.data).toMatchObject({
    code: "CHECKPOINT_NOT_SAVED",
    hint: expect.stringContaining("--data-dir"),
  });
});
