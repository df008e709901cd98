/** @file Seeing inside models over the wire: while they train, in files where answers are long, refused where they are none. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";

let sidecar: Sidecar;
const inputs = [[5.1, 3.5, 1.4, 0.2]];
const spec = { pipeline: "classification", backbone: { type: "mlp", hidden: [64, 64] }, seed: 1 };

beforeAll(async () => {
  sidecar = startSidecar({ shared: true });
  await sidecar.call("models.create", { name: "flowers", ...spec });
  const { job } = await sidecar.call("train.start", { model: "flowers", data: { builtin: "iris" }, epochs: 3 });
  await sidecar.call("jobs.wait", { jobId: job.id });
});
afterAll(() => void sidecar.child.kill("SIGKILL"));

describe("a model in training", () => {
  it("shows its last published weights, while it goes on learning", async () => {
    const training = { model: "flowers", data: { builtin: "iris" }, epochs: 1_000_000 };
    const { job } = await sidecar.call("train.start", training);
    await sidecar.event("train.epoch", job.id);
    const norm = async (): Promise<number> => {
      const { weights } = await sidecar.call("models.inspect", { model: "flowers", layers: ["head.weight"] });
      return weights[0].norm;
    };
    const before = await norm();
    let after = before;
    while (after === before) after = await norm();
    const { layers } = await sidecar.call("models.summary", { model: "flowers" });
    expect(layers[0].path).toBe("backbone");
    const { targets } = await sidecar.call("models.explain", { model: "flowers", inputs });
    expect(targets).toEqual(["setosa"]);
    expect((await sidecar.call("jobs.get", { jobId: job.id })).job.state).toBe("running");
    await sidecar.call("jobs.cancel", { jobId: job.id });
    await sidecar.call("jobs.wait", { jobId: job.id });
  });
});

describe("answers", () => {
  it("travel as the host asks, in files that hold the numbers", async () => {
    const params = { model: "flowers", what: ["activations"], layers: ["**.relu"], inputs, values: true };
    const asked = async (tensors: string) =>
      (await sidecar.call("models.inspect", { ...params, _meta: { tensors } })).activations;
    const [[inFile, other], [inline]] = [await asked("file"), await asked("values")];
    const { path, nbytes } = inFile.values.file;
    const bytes = readFileSync(path);
    expect(bytes.length).toBe(nbytes);
    const numbers = Array.from({ length: nbytes / 4 }, (_, index) => bytes.readFloatLE(index * 4));
    expect(numbers).toEqual(inline.values.values.map(Math.fround));
    expect(other.values.file.path).not.toBe(path);
  });

  it("are long and spill where lines must be short", async () => {
    const rows = Array.from({ length: 200 }, () => inputs[0]);
    const params = { model: "flowers", what: ["activations"], inputs: rows, values: true };
    const { $spill } = await sidecar.call("models.inspect", params);
    expect(JSON.parse(readFileSync($spill.path, "utf8")).activations.length).toBeGreaterThan(4);
  });
});

describe("refused", () => {
  it.each(["models.inspect", "models.explain"])("is %s of a model that has not been trained", async (method) => {
    const { model } = await sidecar.call("models.create", spec);
    const { error } = await sidecar.ask(method, { model: model.id, inputs });
    expect(error.data.reason).toBe("INVALID_STATE");
    expect(error.data.hint).toContain("train.start");
  });

  it("is a summary without shapes, with what to say instead", async () => {
    const { model } = await sidecar.call("models.create", spec);
    const { error } = await sidecar.ask("models.summary", { model: model.id });
    expect(error.data.violations.map((violation: { path: string }) => violation.path)).toEqual(["input", "outputs"]);
    const { totals } = await sidecar.call("models.summary", { model: model.id, input: { shape: [4] }, outputs: 3 });
    expect(totals.parameters).toBe(4 * 64 + 64 + 64 * 64 + 64 + 64 * 3 + 3);
  });

  it("is a baseline of several rows", async () => {
    const { error } = await sidecar.ask("models.explain", {
      model: "flowers",
      inputs,
      baseline: [inputs[0], inputs[0]],
    });
    expect(error.data.violations[0].path).toBe("baseline");
  });

  it("are activations without rows", async () => {
    const { error } = await sidecar.ask("models.inspect", { model: "flowers", what: ["activations"] });
    expect(error.data.violations[0].path).toBe("inputs");
  });
});
