/** @file Compute workers that die: the job says so, the next one gets a fresh worker, and nothing else notices. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { blobs, SMALL_CLASSIFIER, startSidecar, temporaryDirectory, until } from "../support/sidecar.ts";

const CRASH = resolve(import.meta.dirname, "../support/crash.mjs");
const data = { rows: blobs(40), target: "kind" };

it.each([
  ["exit", "FAILURES 63: a worker that ends"],
  ["memory", "FAILURES 63: a worker out of memory"],
  ["trap", "a worker whose engine meets a trap in WebAssembly"],
])("%s: %s fails its job with ENGINE_CRASHED and is replaced", async (type) => {
  const env = { ...process.env, NODE_OPTIONS: "--max-old-space-size=200" };
  const sidecar = startSidecar({ parameters: ["--plugin", CRASH], env });
  const bad = await sidecar.call("models.create", { pipeline: "classification", backbone: { type } });
  const good = await sidecar.call("models.create", SMALL_CLASSIFIER);
  const { job } = await sidecar.call("train.start", { model: bad.model.id, data });
  const { job: failed } = await sidecar.call("jobs.wait", { jobId: job.id });
  expect(failed).toMatchObject({
    state: "failed",
    error: { code: 1201, data: { reason: "ENGINE_CRASHED", retryable: true } },
  });
  const { job: next } = await sidecar.call("train.start", { model: good.model.id, data, epochs: 2 });
  expect((await sidecar.call("jobs.wait", { jobId: next.id })).job.state).toBe("completed");
});

it.each(["rejection", "later"])(
  "FAILURES 64: an error that nobody waits for (%s) is no end of the sidecar",
  async (type) => {
    const sidecar = startSidecar({ parameters: ["--plugin", CRASH] });
    const { model } = await sidecar.call("models.create", { pipeline: "classification", backbone: { type } });
    const { job } = await sidecar.call("train.start", { model: model.id, data, epochs: 2 });
    const ended = await sidecar.call("jobs.wait", { jobId: job.id });
    expect(["completed", "failed"]).toContain(ended.job.state);
    await until(() => sidecar.errors().includes("a compute worker died")); // or the next job may be what it was doing
    const good = await sidecar.call("models.create", SMALL_CLASSIFIER);
    const { job: next } = await sidecar.call("train.start", { model: good.model.id, data, epochs: 2 });
    expect((await sidecar.call("jobs.wait", { jobId: next.id })).job.state).toBe("completed");
  },
);

it("an error in a plugin's own code is INTERNAL, and the log has its stack", async () => {
  const sidecar = startSidecar({ parameters: ["--plugin", CRASH] });
  const { model } = await sidecar.call("models.create", { pipeline: "classification", backbone: { type: "throw" } });
  const { job } = await sidecar.call("train.start", { model: model.id, data });
  const { job: failed } = await sidecar.call("jobs.wait", { jobId: job.id });
  expect(failed.error).toMatchObject({ code: -32603, message: expect.stringContaining("thrown on purpose") });
  await until(() => sidecar.errors().includes("crash.mjs"));
});

it.each([
  ["loops while it is loaded", "for (;;);", "still loading"],
  ["ends its process", "process.exit(0);", "exit code 0"],
  ["never settles", "await new Promise(() => {});", "never settles"],
  ["prints", 'console.log("hello"); export default 1;', "default export"],
])("a plugin that %s is refused, and the sidecar goes on without it", async (_what, source, problem) => {
  const file = join(temporaryDirectory(), "plugin.mjs");
  writeFileSync(file, source);
  const sidecar = startSidecar({ parameters: ["--plugin", file, "--plugin", CRASH] });
  const { capabilities } = await sidecar.call("runtime.initialize");
  expect(capabilities.plugins).toMatchObject([
    { plugin: file, error: { message: expect.stringContaining(problem) } },
    { name: "crash", error: null },
  ]);
  const { model } = await sidecar.call("models.create", SMALL_CLASSIFIER);
  const { job } = await sidecar.call("train.start", { model: model.id, data, epochs: 2 });
  expect((await sidecar.call("jobs.wait", { jobId: job.id })).job.state).toBe("completed");
});

it("a plugin that cannot be loaded is named by runtime.initialize, and the others work", async () => {
  const sidecar = startSidecar({ parameters: ["--plugin", "./no/such/plugin.mjs", "--plugin", CRASH] });
  const { capabilities } = await sidecar.call("runtime.initialize");
  expect(capabilities.plugins).toMatchObject([
    { plugin: "./no/such/plugin.mjs", name: null, error: { data: { hint: expect.any(String) } } },
    { name: "crash", error: null },
  ]);
});

it("a worker that does not hear a cancel is replaced, and its job is cancelled", async () => {
  const sidecar = startSidecar({ parameters: ["--plugin", CRASH] });
  const { model } = await sidecar.call("models.create", { pipeline: "classification", backbone: { type: "forever" } });
  const { job } = await sidecar.call("train.start", { model: model.id, data });
  await sidecar.event("job.started");
  await sidecar.call("jobs.cancel", { jobId: job.id });
  expect((await sidecar.call("jobs.wait", { jobId: job.id })).job.state).toBe("cancelled");
  const good = await sidecar.call("models.create", SMALL_CLASSIFIER);
  const { job: next } = await sidecar.call("train.start", { model: good.model.id, data, epochs: 2 });
  expect((await sidecar.call("jobs.wait", { jobId: next.id })).job.state).toBe("completed");
});

it("a worker that hears nothing does not keep the process from ending", async () => {
  const sidecar = startSidecar({ parameters: ["--plugin", CRASH] });
  const { model } = await sidecar.call("models.create", { pipeline: "classification", backbone: { type: "forever" } });
  await sidecar.call("train.start", { model: model.id, data });
  await sidecar.event("job.started");
  sidecar.endInput();
  expect(await sidecar.exit).toEqual({ code: 0, signal: null });
});
