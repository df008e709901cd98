import { expect, it } from "vitest";
import { type Json, type Sidecar, sleep, startSidecar, temporaryDirectory } from "../support/sidecar.ts";

const SPEC = {
  pipeline: "classification",
  backbone: { type: "cnn", blocks: [{ channels: 4 }], hidden: [16], dropout: 0.2 },
  seed: 7,
};

/** Everything at once that a training remembers from one step to the next. */
const TRAINING = {
  data: { builtin: { type: "digits", shape: "image" } },
  validation: 0.2,
  epochs: 6,
  batchSize: 64,
  optimizer: { type: "adamw", learningRate: 0.01 },
  schedule: { type: "plateau", patience: 0, factor: 0.5, warmupSteps: 10 },
  averaging: { type: "ema", decay: 0.95 },
  accumulate: 3,
  clipNorm: 1,
  clipValue: 0.5,
  groups: [{ match: "head", learningRate: 0.02 }],
  augment: [{ type: "randomCrop", padding: 1 }, "mixUp"],
  loss: { type: "crossEntropy", labelSmoothing: 0.1 },
  keepBest: { monitor: "accuracy" },
  checkpoint: { everySteps: 5 },
  seed: 7,
};

const FIGURES = ["step", "loss", "metrics", "validation", "learningRate", "bestEpoch"];

/** Each epoch's figures but those of time; an epoch that was told again after the crash says the same. */
async function curve(sidecar: Sidecar, jobId: string): Promise<Map<number, Json>> {
  const told = new Map<number, Json>();
  const { events } = await sidecar.call("jobs.events", { jobId, afterSeq: 0 });
  for (const { type, data } of events as Json[]) {
    if (type !== "train.epoch") continue;
    const figures = Object.fromEntries(FIGURES.map((name) => [name, data[name]]));
    expect(told.get(data.epoch) ?? figures).toEqual(figures);
    told.set(data.epoch, figures);
  }
  return told;
}

it("killed with everything in use that remembers, a training goes on to the bits of one left alone", async () => {
  const whole = startSidecar();
  const { model } = await whole.call("models.create", SPEC);
  const { job } = await whole.call("train.start", { model: model.id, ...TRAINING });
  expect((await whole.call("jobs.wait", { jobId: job.id })).job.state).toBe("completed");

  const parameters = ["--data-dir", temporaryDirectory()];
  const first = startSidecar({ parameters });
  await first.call("models.create", SPEC);
  await first.call("train.start", { model: "m_1", ...TRAINING });
  await first.event("checkpoint.saved");
  await sleep(40);
  first.child.kill("SIGKILL");
  await first.exit;
  const second = startSidecar({ parameters });
  await second.call("jobs.resume", { jobId: "j_1" });
  expect((await second.call("jobs.wait", { jobId: "j_1" })).job.state).toBe("completed");

  const expected = await curve(whole, job.id);
  expect(expected.size).toBe(TRAINING.epochs);
  expect(await curve(second, "j_1")).toEqual(expected);
  const inputs = { dtype: "F32", shape: [1, 1, 8, 8], values: Array.from({ length: 64 }, (_, pixel) => pixel % 17) };
  expect(await second.call("predict", { model: "m_1", inputs })).toEqual(
    await whole.call("predict", { model: model.id, inputs }),
  );
});

it("killed while it writes, a text begins anew where the job is resumed, and comes to the same end", async () => {
  const rhyme = "she sells sea shells by the sea shore. ".repeat(6);
  const spec = { name: "tales", pipeline: "language", backbone: { type: "gru", hidden: 16 }, seed: 1 };
  const training = { data: { text: { value: rhyme } }, epochs: 1 };
  const wishes = { model: "tales", prompt: "she ", maxNewTokens: 5000, seed: 4 };
  const parameters = ["--data-dir", temporaryDirectory()];
  const first = startSidecar({ parameters });
  await first.call("models.create", spec);
  const { job: learning } = await first.call("train.start", { model: "tales", ...training });
  await first.call("jobs.wait", { jobId: learning.id });
  const { text } = await first.call("generate", wishes);
  const { job } = await first.call("generate.start", wishes);
  await first.event("generate.text", job.id);
  first.child.kill("SIGKILL");
  await first.exit;

  const second = startSidecar({ parameters });
  expect((await second.call("jobs.get", { jobId: job.id })).job).toMatchObject({
    state: "interrupted",
    resumable: true,
  });
  await second.call("jobs.resume", { jobId: job.id });
  const { job: ended } = await second.call("jobs.wait", { jobId: job.id });
  expect(ended).toMatchObject({ state: "completed", result: { text, finishReason: "length" } });
  const { events } = await second.call("jobs.events", { jobId: job.id });
  const begun = (events as Json[]).findLastIndex(({ type }) => type === "job.started");
  expect(begun).toBeGreaterThan(0);
  const told = (events as Json[]).slice(begun).filter(({ type }) => type === "generate.text");
  expect(told.map(({ data }) => data.text).join("")).toBe(text);
});
