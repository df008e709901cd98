/** @file FAILURES.md, Training, against the running program. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  blobs,
  type Json,
  type Sidecar,
  SMALL_CLASSIFIER,
  startSidecar,
  temporaryDirectory,
} from "../support/sidecar.ts";

const DATA = { rows: blobs(200), target: "kind" };
const REGRESSOR = { pipeline: "regression", backbone: { type: "mlp", hidden: [8] }, seed: 1 };

describe("training", () => {
  let sidecar: Sidecar;
  beforeAll(() => {
    sidecar = startSidecar({ shared: true, parameters: ["--memory-limit", "512MiB"] });
  });
  afterAll(() => sidecar.child.kill("SIGKILL"));

  async function start(spec: object, params: object, on = sidecar): Promise<{ model: string; job: string }> {
    const { model } = await on.call("models.create", spec);
    const { job } = await on.call("train.start", { model: model.id, ...params });
    return { model: model.id, job: job.id };
  }
  async function outcome(spec: object, params: object, on = sidecar): Promise<Json> {
    const { job, model } = await start(spec, params, on);
    return { ...(await on.call("jobs.wait", { jobId: job })).job, model };
  }
  const x = Array.from({ length: 64 }, (_, row) => [row, row % 3]);

  it("FAILURES 81: a loss that turns NaN is 1007 with the step, and the last good checkpoint and weights stay", async () => {
    const kept = startSidecar({ parameters: ["--data-dir", temporaryDirectory()] });
    const y = x.map(([a]) => a! * 3);
    const job = await outcome(
      REGRESSOR,
      { data: { x, y }, epochs: 500, optimizer: { type: "sgd", learningRate: 3 }, checkpoint: { everySteps: 1 } },
      kept,
    );
    expect(job).toMatchObject({
      state: "failed",
      error: { code: 1007, data: { reason: "DIVERGED", context: { step: expect.any(Number) } } },
    });
    expect((await kept.event("job.failed")).params.data.error.code).toBe(1007);
    const { result, error } = await kept.ask("predict", { model: job.model, inputs: [[1, 1]] });
    if (error === undefined) expect(result.outputs.values.values[0]).toEqual(expect.any(Number));
    else expect(error.data.reason).toBe("INVALID_STATE");
  });

  it("FAILURES 82: labels outside the classes are named with their row", async () => {
    const { model } = await outcome(SMALL_CLASSIFIER, { data: DATA, epochs: 1 });
    const strange = [...DATA.rows.slice(0, 3), { a: 1, b: 1, kind: "up" }];
    const { error } = await sidecar.ask("evaluate", { model, data: { rows: strange, target: "kind" } });
    expect(error).toMatchObject({
      code: 1601,
      data: { violations: [{ path: expect.stringContaining("[3]"), got: "up" }] },
    });
  });

  it("FAILURES 83: one class only", async () => {
    const rows = DATA.rows.map((row) => ({ ...row, kind: "same" }));
    expect(await outcome(SMALL_CLASSIFIER, { data: { rows, target: "kind" } })).toMatchObject({
      state: "failed",
      error: { code: 1601, data: { hint: expect.any(String) } },
    });
  });

  it("FAILURES 84: a constant feature", async () => {
    const rows = DATA.rows.map((row) => ({ ...row, constant: 5 }));
    const job = await outcome(SMALL_CLASSIFIER, { data: { rows, target: "kind" }, epochs: 5 });
    expect(job.state).toBe("completed");
    expect(job.result.loss).toEqual(expect.any(Number));
  });

  it("FAILURES 85: one row", async () => {
    const job = await outcome(REGRESSOR, { data: { x: [[1, 2]], y: [3] }, epochs: 2 });
    expect(["completed", "failed"]).toContain(job.state);
    if (job.state === "failed") expect(job.error.code).toBe(1601);
    const held = await outcome(REGRESSOR, { data: { x: [[1, 2]], y: [3] }, epochs: 2, validation: 0.5 });
    if (held.state === "failed") expect(held.error.code).toBe(1601);
  });

  it("FAILURES 86: missing values", async () => {
    const rows = DATA.rows.map((row, index) => (index % 5 === 0 ? { ...row, a: null } : row));
    const job = await outcome(SMALL_CLASSIFIER, { data: { rows, target: "kind" }, epochs: 5 });
    expect(job.state).toBe("completed");
    const { outputs } = await sidecar.call("predict", { model: job.model, inputs: [{ a: null, b: 1 }] });
    expect(outputs.labels).toHaveLength(1);
  });

  it("FAILURES 87: a batch larger than the data", async () => {
    expect((await outcome(SMALL_CLASSIFIER, { data: DATA, epochs: 2, batchSize: 100_000 })).state).toBe("completed");
  });

  it("FAILURES 88: a learning rate that explodes", async () => {
    const y = x.map(([a]) => a! * 3);
    const job = await outcome(REGRESSOR, {
      data: { x, y },
      epochs: 200,
      optimizer: { type: "sgd", learningRate: 1e6 },
    });
    expect(job).toMatchObject({
      state: "failed",
      error: { data: { reason: "DIVERGED", hint: expect.stringMatching(/learning ?rate/i) } },
    });
  });

  it("FAILURES 89: a model too large for memory is refused with numbers", async () => {
    const job = await outcome(
      { ...SMALL_CLASSIFIER, backbone: { type: "mlp", hidden: [16384, 16384] } },
      { data: DATA, epochs: 1 },
    );
    expect(job).toMatchObject({ state: "failed", error: { code: 1103 } });
    expect(`${job.error.message} ${job.error.data.hint}`).toMatch(/GiB|MiB/);
  });

  it("FAILURES 90: a second training on one model is refused, and two models train side by side", async () => {
    const endless = { data: DATA, epochs: 1_000_000 };
    const first = await start(SMALL_CLASSIFIER, endless);
    const { error } = await sidecar.ask("train.start", { model: first.model, ...endless });
    expect(error).toMatchObject({ code: 1001, data: { hint: expect.stringContaining(first.job) } });
    const second = await start(SMALL_CLASSIFIER, endless);
    await sidecar.event("train.epoch", second.job);
    expect((await sidecar.call("jobs.get", { jobId: first.job })).job.state).toBe("running");
    for (const jobId of [first.job, second.job]) await sidecar.call("jobs.cancel", { jobId });
    for (const jobId of [first.job, second.job]) await sidecar.call("jobs.wait", { jobId });
  });

  it("FAILURES 91: a model in training is not deleted, and can be used meanwhile", async () => {
    const { model, job } = await start(SMALL_CLASSIFIER, { data: DATA, epochs: 1_000_000 });
    await sidecar.event("train.epoch", job);
    expect((await sidecar.ask("models.delete", { model })).error.code).toBe(1001);
    expect((await sidecar.call("models.get", { model })).model.state).toBe("training");
    expect((await sidecar.call("predict", { model, inputs: [{ a: 1, b: 1 }] })).outputs.labels).toHaveLength(1);
    await sidecar.call("jobs.cancel", { jobId: job });
    await sidecar.call("jobs.wait", { jobId: job });
    expect((await sidecar.call("models.delete", { model })).deleted).toBe(model);
  });

  it("FAILURES 92: predict with the wrong shape says what was expected and what came", async () => {
    const { model } = await outcome(REGRESSOR, { data: { x, y: x.map(([a]) => a) }, epochs: 1 });
    const { error } = await sidecar.ask("predict", { model, inputs: [[1, 2, 3]] });
    expect(error).toMatchObject({
      code: 1004,
      data: { violations: [{ expected: expect.stringMatching(/2/), got: expect.stringMatching(/3/) }] },
    });
  });

  it("takes rows as arrays of cells of any kind, and answers what the model's card lists", async () => {
    const rows = Array.from({ length: 60 }, (_, row) => ({
      age: row,
      city: row % 2 ? "Paris" : "Rome",
      y: row % 3 ? "a" : "b",
    }));
    const { model } = await outcome(SMALL_CLASSIFIER, { data: { rows, target: "y" }, epochs: 1 });
    const asObjects = await sidecar.call("predict", {
      model,
      inputs: [
        { age: 30, city: "Paris" },
        { age: null, city: null },
      ],
    });
    const asArrays = await sidecar.call("predict", {
      model,
      inputs: [
        [30, "Paris"],
        [null, null],
      ],
    });
    expect(asArrays).toEqual(asObjects);
    const { outputs } = (await sidecar.call("models.get", { model })).model;
    expect(outputs.map(({ name }: Json) => name)).toEqual(Object.keys(asArrays.outputs));
    expect((await sidecar.ask("predict", { model, inputs: [[30]] })).error).toMatchObject({
      code: 1004,
      data: { violations: [{ path: "inputs[0]", expected: "2 values: age, city", got: "1 values" }] },
    });
  });

  it("takes numbers as strings where JSON has none, and null where one is missing", async () => {
    const { model } = await outcome(REGRESSOR, { data: { x, y: x.map(([a]) => a) }, epochs: 1 });
    const plain = await sidecar.call("predict", { model, inputs: [[9, 1]] });
    expect(await sidecar.call("predict", { model, inputs: [["9", 1]] })).toEqual(plain);
    const table = await outcome(REGRESSOR, {
      data: { rows: x.map(([a, b]) => ({ a, b, y: a })), target: "y" },
      epochs: 1,
    });
    const gap = await sidecar.call("predict", { model: table.model, inputs: [["9", "NaN"]] });
    expect(await sidecar.call("predict", { model: table.model, inputs: [[9, null]] })).toEqual(gap);
  });

  it("pauses and goes on", async () => {
    const { job } = await start(SMALL_CLASSIFIER, { data: DATA, epochs: 1_000_000 });
    await sidecar.event("train.epoch", job);
    expect((await sidecar.call("jobs.pause", { jobId: job })).job.state).toBe("paused");
    const { job: still } = await sidecar.call("jobs.wait", { jobId: job, timeoutMs: 300 });
    const { job: later } = await sidecar.call("jobs.wait", { jobId: job, timeoutMs: 300 });
    expect([still.state, later.lastSeq]).toEqual(["paused", still.lastSeq]);
    expect((await sidecar.call("jobs.resume", { jobId: job })).job.state).toBe("running");
    await sidecar.next(({ params }) => params?.jobId === job && params.seq > later.lastSeq);
    await sidecar.call("jobs.cancel", { jobId: job });
    expect((await sidecar.call("jobs.wait", { jobId: job })).job.state).toBe("cancelled");
  });
});
