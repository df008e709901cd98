/** @file Every pipeline over the wire: created, trained, asked, judged, saved, loaded and exported by the same calls. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HEAD_CASES } from "../pipelines/heads/cases.ts";
import { type Json, type Sidecar, startSidecar } from "../support/sidecar.ts";

let sidecar: Sidecar;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pipelines-"));
  sidecar = startSidecar({ shared: true });
});
afterAll(() => {
  sidecar.child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const trained = async (spec: object, params: object): Promise<string> => {
  const { model } = await sidecar.call("models.create", spec);
  const { job } = await sidecar.call("train.start", { model: model.id, ...params });
  const { job: ended } = await sidecar.call("jobs.wait", { jobId: job.id, timeoutMs: 60_000 });
  expect(ended).toMatchObject({ state: "completed" });
  return model.id as string;
};

describe.each(Object.entries(HEAD_CASES))("a model of %s", (_name, { spec, data, train, answers, inputs }) => {
  it("goes the way that all models go", async () => {
    const model = await trained(spec, { data, ...train, epochs: 2, validation: 0.2 });
    const { outputs } = await sidecar.call("predict", { model, inputs });
    expect(Object.keys(outputs)).toEqual(expect.arrayContaining([...answers]));
    const { model: card } = await sidecar.call("models.get", { model });
    expect(card.outputs.map(({ name }: Json) => name).sort()).toEqual(Object.keys(outputs).sort());
    const { metrics } = await sidecar.call("evaluate", { model, data });
    expect(metrics.loss).toEqual(expect.any(Number));
    const path = join(folder, model);
    await sidecar.call("models.save", { model, path });
    const { model: loaded } = await sidecar.call("models.load", { path });
    expect((await sidecar.call("predict", { model: loaded.id, inputs })).outputs).toEqual(outputs);
    const { verification } = await sidecar.call("models.export", { model, format: "onnx" });
    if (verification !== null) expect(verification.maxAbsDiff).toBeLessThan(1e-3);
  });
});

describe("a language model", () => {
  let model: string;
  beforeAll(async () => {
    const { spec, data, train } = HEAD_CASES["what comes next in a text"]!;
    model = await trained(spec, { data, ...train });
  });
  const generate = (params: object) => sidecar.ask("generate", { model, prompt: "she ", ...params });

  it("writes the same with the same seed", async () => {
    const [first, second] = await Promise.all([1, 2].map(() => generate({ maxNewTokens: 20, seed: 4 })));
    expect(first!.result).toMatchObject({ finishReason: "length", tokens: { length: 20 } });
    expect(first!.result).toEqual(second!.result);
  });

  it("ends where it is told to", async () => {
    const { result } = await generate({ temperature: 0, maxNewTokens: 200, stop: "sure." });
    expect(result.finishReason).toBe("stop");
    expect(result.text).not.toContain("sure.");
  });

  it("writes beyond its context", async () => {
    const { result } = await generate({ temperature: 0, maxNewTokens: 100 });
    expect(result).toMatchObject({ finishReason: "length", tokens: { length: 100 } });
    expect(result.text).toContain("by the sea shore. the shells she sells are sea shells");
  });

  it("tells as a job what it writes, in pieces that are the same text together", async () => {
    const wishes = { model, prompt: "she ", maxNewTokens: 2000, seed: 4, temperature: 0.7 };
    const { text } = await sidecar.call("generate", wishes);
    const { job } = await sidecar.call("generate.start", wishes);
    expect(job).toMatchObject({ kind: "generate", model });
    const { job: ended } = await sidecar.call("jobs.wait", { jobId: job.id });
    expect(ended).toMatchObject({ state: "completed", result: { text, tokens: 2000, finishReason: "length" } });
    const { events } = await sidecar.call("jobs.events", { jobId: job.id });
    expect(events.at(0).type).toBe("job.started");
    const pieces = events.filter(({ type }: Json) => type === "generate.text");
    expect(pieces.map(({ data }: Json) => data.text).join("")).toBe(text);
  });

  it("never tells what may still turn out to be a stop", async () => {
    const stop = "shells are sea shells";
    const { job } = await sidecar.call("generate.start", {
      model,
      prompt: "she ",
      maxNewTokens: 5000,
      temperature: 0,
      stop,
    });
    const { job: ended } = await sidecar.call("jobs.wait", { jobId: job.id });
    const { events } = await sidecar.call("jobs.events", { jobId: job.id });
    const told = events.map(({ type, data }: Json) => (type === "generate.text" ? data.text : "")).join("");
    expect(told).toBe(ended.result.text);
    expect(told).not.toContain(stop);
  });

  it("goes on writing after a pause, and keeps what it has when the job is cancelled", async () => {
    const { job } = await sidecar.call("generate.start", { model, prompt: "she ", maxNewTokens: 100_000 });
    await sidecar.event("generate.text", job.id);
    expect((await sidecar.call("jobs.pause", { jobId: job.id })).job.state).toBe("paused");
    expect((await sidecar.call("jobs.resume", { jobId: job.id })).job.state).toBe("running");
    await sidecar.call("jobs.cancel", { jobId: job.id });
    const { job: ended } = await sidecar.call("jobs.wait", { jobId: job.id });
    expect(ended).toMatchObject({ state: "cancelled", result: { finishReason: "interrupted" } });
    expect(ended.result.tokens).toBeLessThan(100_000);
  });

  it("fails as a job for a prompt that it cannot read", async () => {
    const { job } = await sidecar.call("generate.start", { model, prompt: "she §" });
    const { job: ended } = await sidecar.call("jobs.wait", { jobId: job.id });
    expect(ended).toMatchObject({ state: "failed", error: { data: { reason: "DATA_INVALID" } } });
  });

  it("refuses a prompt with a character that it never saw, and names it", async () => {
    const { error } = await generate({ prompt: "she §" });
    expect(error.data).toMatchObject({ reason: "DATA_INVALID", violations: [{ path: "prompt", got: "§" }] });
  });

  it("refuses to read more at once than its context", async () => {
    const { error } = await sidecar.ask("predict", { model, inputs: ["she sells sea shells by the sea"] });
    expect(error.data).toMatchObject({
      reason: "SHAPE_MISMATCH",
      violations: [{ path: "inputs[0].text", expected: "at most 24 characters", got: "31 characters" }],
    });
  });

  it("is the only one that writes", async () => {
    const { spec, data } = HEAD_CASES["several tasks"]!;
    const other = await trained(spec, { data, epochs: 1 });
    const { error } = await sidecar.ask("generate", { model: other, prompt: "a" });
    expect(error.data).toMatchObject({ reason: "INVALID_PARAMS", violations: [{ expected: "language" }] });
  });
});

it("a sequence from another is written by several beams, too, and no other model takes them", async () => {
  const { spec, data, inputs } = HEAD_CASES["a text backwards, by attention"]!;
  const model = await trained(spec, { data, epochs: 2 });
  const { outputs } = await sidecar.call("predict", { model, inputs, decoding: { beams: 3, maxNewTokens: 2 } });
  for (const label of outputs.labels) expect(label.length).toBeLessThanOrEqual(2);
  const plain = HEAD_CASES["several quantiles"]!;
  const other = await trained(plain.spec, { data: plain.data, epochs: 1 });
  const { error } = await sidecar.ask("predict", { model: other, inputs: plain.inputs, decoding: { beams: 2 } });
  expect(error.data).toMatchObject({ reason: "INVALID_PARAMS", violations: [{ path: "decoding" }] });
});
