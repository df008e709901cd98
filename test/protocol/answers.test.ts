/** @file What the sidecar answers is what the published schema says: every method called once, every event of a training seen. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  createLineReader,
  EVENTS,
  type EventName,
  encodeMessage,
  METHODS,
  type MethodName,
} from "../../src/protocol/index.ts";

const MAIN = new URL("../../dist/main.js", import.meta.url).pathname;

/** The members of results that later calls need. */
interface Fields {
  handle: string;
  job: { id: string; state: string };
  path: string;
}

interface Answer {
  id?: number;
  result?: Fields;
  error?: unknown;
  params?: { type: EventName; data: unknown };
}

let running: ReturnType<typeof start>;
let folder: string;
const answers = new Map<number, (answer: Answer) => void>();
const events: { type: EventName; data: unknown }[] = [];
const seen = new Map<MethodName, unknown>();
let lastId = 0;

const start = () =>
  execa(process.execPath, [MAIN, "--data-dir", join(folder, "data")], { buffer: false, reject: false });

/** The raw answer, as it stood in its line. */
async function call(method: MethodName, params: object = {}): Promise<Fields> {
  const id = ++lastId;
  const answered = new Promise<Answer>((resolve) => answers.set(id, resolve));
  running.stdin!.write(encodeMessage({ jsonrpc: "2.0", id, method, params }));
  const { result, error } = await answered;
  if (result === undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
  seen.set(method, result);
  return result;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "answers-"));
  running = start();
  const reader = createLineReader();
  running.stdout!.on("data", (chunk: Buffer) => {
    for (const line of reader.read(chunk)) {
      const answer = JSON.parse((line as { text: string }).text) as Answer;
      if (answer.params !== undefined) events.push(answer.params);
      else answers.get(answer.id!)?.(answer);
    }
  });
  await useEveryMethod();
}, 60_000);

afterAll(async () => {
  await running;
  rmSync(folder, { recursive: true, force: true });
});

async function useEveryMethod(): Promise<void> {
  await call("runtime.initialize", { client: { name: "answers" }, limits: { maxLineBytes: 10_000_000 } });
  await call("ping");
  await call("runtime.health");
  await call("runtime.catalog");
  await call("rpc.discover");
  const model = { model: "iris" };
  await call("models.create", { name: "iris", pipeline: "classification", backbone: { type: "mlp", hidden: [8] } });
  await call("data.describe", { builtin: "iris" });
  const { handle } = await call("data.put", { builtin: "iris" });
  const training = {
    ...model,
    data: { handle },
    validation: 0.2,
    epochs: 3,
    batchSize: 16,
    checkpoint: { everyEpochs: 1 },
  };
  const { job } = await call("train.start", training);
  await call("jobs.wait", { jobId: job.id });
  await call("jobs.get", { jobId: job.id });
  await call("jobs.list");
  await call("jobs.events", { jobId: job.id });
  const endless = await call("train.start", { ...training, epochs: 1_000_000, checkpoint: undefined });
  const { id: jobId } = endless.job;
  while ((await call("jobs.get", { jobId })).job.state === "queued") await call("ping");
  await call("jobs.pause", { jobId });
  await call("jobs.resume", { jobId });
  await call("jobs.cancel", { jobId });
  await call("jobs.wait", { jobId });
  await call("predict", { ...model, inputs: [[5.1, 3.5, 1.4, 0.2]] });
  await call("evaluate", { ...model, data: { builtin: "iris" } });
  await call("models.summary", model);
  const inputs = [[5.1, 3.5, 1.4, 0.2]];
  const what = ["weights", "gradients", "activations"];
  await call("models.inspect", { ...model, what, inputs, data: { builtin: "iris" }, values: true });
  await call("models.explain", { ...model, inputs, baseline: 0 });
  await call("models.get", model);
  await call("models.list");
  await call("models.save", { ...model, path: join(folder, "iris") });
  await call("models.load", { path: join(folder, "iris"), name: "again" });
  const { path } = await call("models.export", { ...model, format: "onnx" });
  await call("models.import", { format: "onnx", path });
  await call("models.ensemble", { models: [model.model, "again"], name: "both" });
  const tales = {
    name: "tales",
    pipeline: "language",
    backbone: { type: "transformer", width: 8, heads: 2, layers: 1 },
    head: { context: 4 },
  };
  await call("models.create", tales);
  const told = await call("train.start", { model: "tales", data: { text: { value: "abcabcabcabc" } }, epochs: 1 });
  await call("jobs.wait", { jobId: told.job.id });
  await call("models.inspect", { model: "tales", what: ["attention"], inputs: ["abca"], values: true });
  await call("generate", { model: "tales", prompt: "ab", maxNewTokens: 3 });
  const written = await call("generate.start", { model: "tales", prompt: "ab", maxNewTokens: 3 });
  await call("jobs.wait", { jobId: written.job.id });
  await call("models.delete", { model: "again" });
  await useEveryMethodOfRuns();
  await call("data.delete", { handle });
  await call("runtime.shutdown", { mode: "now" });
}

async function useEveryMethodOfRuns(): Promise<void> {
  await call("rl.create", { name: "balance", environment: { type: "CartPole-v1" }, algorithm: { type: "ppo" } });
  const { job } = await call("rl.train", { run: "r_1", totalSteps: 1024 });
  await call("jobs.wait", { jobId: job.id });
  const imitation = await call("rl.imitate", { run: "r_1", data: { x: [[0, 0, 0.1, 0]], y: [1] }, epochs: 1 });
  await call("jobs.wait", { jobId: imitation.job.id });
  await call("rl.get", { run: "r_1" });
  await call("rl.list");
  await call("policy.act", { model: "balance", observations: [[0, 0, 0, 0]] });
  await call("policy.evaluate", { model: "balance", episodes: 2 });
  const space = { type: "box", shape: [2] };
  const environment = { type: "host", observation: space, action: { type: "discrete", n: 3 } };
  await call("rl.create", { environment });
  await call("rl.step", { run: "r_2", observations: [[0, 1]] });
  await call("policy.act", { run: "r_2", episodes: ["a"], observations: [[0, 1]] });
  await call("policy.reward", { run: "r_2", episode: "a", reward: 1 });
  await call("policy.end", { run: "r_2", episode: "a", reward: 0.5 });
  await call("rl.save", { run: "r_2" });
  await call("rl.close", { run: "r_2" });
}

const answered = (Object.keys(METHODS) as MethodName[]).filter((method) => METHODS[method].result !== null);

it.each(answered)("%s answers as its schema says", (method) => {
  expect(seen.has(method), "it was not called").toBe(true);
  expect(METHODS[method].result?.safeParse(seen.get(method)).error?.issues).toBeUndefined();
});

const TOLD = [
  "job.started",
  "train.epoch",
  "rl.update",
  "generate.text",
  "checkpoint.saved",
  "job.completed",
  "job.cancelled",
] as const;

it.each(TOLD)("%s tells what its schema says", (type) => {
  const told = events.filter((event) => event.type === type);
  expect(told).not.toEqual([]);
  expect(told.flatMap(({ data }) => EVENTS[type].data.safeParse(data).error?.issues ?? [])).toEqual([]);
});
