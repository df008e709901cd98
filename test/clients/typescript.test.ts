/** @file The TypeScript client against the real sidecar: answers, errors, events, cancelling, and both sides' ends. */
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toEvent } from "../../clients/typescript/events.ts";
import {
  type Event,
  findSidecar,
  type Sidecar,
  SidecarError,
  SidecarGoneError,
  startSidecar,
} from "../../clients/typescript/index.ts";

const MAIN = new URL("../../dist/main.js", import.meta.url).pathname;
const CLIENT = new URL("../../dist/client.js", import.meta.url).href;

const TWO_CLUSTERS = {
  rows: Array.from({ length: 64 }, (_, index) => ({
    x: index % 2 === 0 ? index / 64 : -index / 64,
    y: index % 2 === 0 ? "up" : "down",
  })),
  target: "y",
};

async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it was fulfilled");
    },
    (reason: unknown) => reason,
  );
}

async function collect(events: AsyncIterable<Event>): Promise<Event[]> {
  const all: Event[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe("a sidecar", () => {
  let sidecar: Sidecar;
  beforeAll(async () => {
    sidecar = await startSidecar({ command: MAIN, options: ["--log-level", "trace"] });
  });
  afterAll(() => sidecar.close());

  const createModel = async () =>
    (await sidecar.models.create({ pipeline: "classification", backbone: { type: "mlp", hidden: [8] } })).model.id;
  const train = async (epochs: number) => sidecar.train({ model: await createModel(), data: TWO_CLUSTERS, epochs });

  it("has every method as a function, by its group", async () => {
    expect(await sidecar.ping()).toEqual({ pong: true });
    expect((await sidecar.runtime.health()).live).toBe(true);
    expect((await sidecar.call("models.list", {})).models).toBeInstanceOf(Array);
  });

  it("answers many calls at once, each its own", async () => {
    const names = Array.from({ length: 50 }, (_, index) => `many-${index}`);
    const backbone = { type: "mlp" };
    const created = await Promise.all(
      names.map((name) => sidecar.models.create({ name, pipeline: "regression", backbone })),
    );
    expect(created.map(({ model }) => model.name)).toEqual(names);
  });

  it("refuses with the reason, the place and what to do", async () => {
    const error = await rejectionOf(sidecar.models.create({ pipeline: "clasification", backbone: { type: "mlp" } }));
    expect(error).toBeInstanceOf(SidecarError);
    expect(error).toMatchObject({
      reason: "INVALID_PARAMS",
      code: -32602,
      retryable: false,
      hint: expect.stringContaining("classification"),
    });
    expect((error as SidecarError).violations[0]).toMatchObject({ path: "pipeline" });
  });

  it("tells of a training from its first event to its last, to each who listens", async () => {
    const job = await train(3);
    const [early, late] = await Promise.all([collect(job), job.result().then(() => collect(job))]);
    expect(early[0]?.type).toBe("job.started");
    expect(early.at(-1)?.type).toBe("job.completed");
    expect(early.filter(({ type }) => type === "train.epoch")).toHaveLength(3);
    expect(late).toEqual(early);
  });

  it("gives a text piece by piece, and ends the writing where nobody reads on", async () => {
    const { model } = await sidecar.models.create({ pipeline: "language", backbone: { type: "gru", hidden: 8 } });
    await (await sidecar.train({ model: model.id, data: { text: { value: "abc ".repeat(40) } }, epochs: 1 })).result();
    const wishes = { model: model.id, prompt: "ab", seed: 3 };
    const pieces: string[] = [];
    for await (const piece of sidecar.stream({ ...wishes, maxNewTokens: 300 })) pieces.push(piece);
    const { text } = await sidecar.generate({ ...wishes, maxNewTokens: 300 });
    expect(pieces.join("")).toBe(text);
    for await (const _ of sidecar.stream({ ...wishes, maxNewTokens: 100_000 })) break;
    const { jobs } = await sidecar.jobs.list({});
    expect(await (await sidecar.job(jobs.at(-1)!.id)).result().catch(({ reason }) => reason)).toBe("CANCELLED");
  });

  it("gives a training's result", async () => {
    expect(await (await train(2)).result()).toMatchObject({ epochs: 2, metrics: { accuracy: expect.any(Number) } });
  });

  it("cancels a training, whose result is then an error", async () => {
    const job = await train(1_000_000);
    await job.cancel();
    expect(await rejectionOf(job.result())).toMatchObject({ name: "SidecarError", reason: "CANCELLED" });
    expect((await job.get()).state).toBe("cancelled");
  });

  it("lets go of a call whose signal is aborted, and goes on", async () => {
    const job = await train(1_000_000);
    const abort = new AbortController();
    const waiting = rejectionOf(job.result({ signal: abort.signal }));
    abort.abort(new Error("enough"));
    expect(await waiting).toMatchObject({ message: "enough" });
    expect((await job.get()).state).toBe("running");
    await job.cancel();
  });

  it("makes no call whose signal was aborted before", async () => {
    expect(await rejectionOf(sidecar.ping({}, { signal: AbortSignal.abort(new Error("never")) }))).toMatchObject({
      message: "never",
    });
  });

  it("stops telling those who abort, and no one else", async () => {
    const job = await train(1_000_000);
    const abort = new AbortController();
    const listening = rejectionOf(collect(job.events({ signal: abort.signal })));
    abort.abort(new Error("enough"));
    expect(await listening).toMatchObject({ message: "enough" });
    const rest = collect(job);
    await job.cancel();
    expect((await rest).at(-1)?.type).toBe("job.cancelled");
  });

  it("refuses a call that is longer than the sidecar takes, and goes on", async () => {
    const small = await startSidecar({ command: MAIN, options: ["--max-line-bytes", "10000"] });
    const inputs = new Array(10_000).fill(0);
    expect(await rejectionOf(small.predict({ model: "m_1", inputs }))).toMatchObject({ reason: "LIMIT_EXCEEDED" });
    expect(await small.ping()).toEqual({ pong: true });
    await small.close();
  });

  it("answers DEADLINE_EXCEEDED when the time is up", async () => {
    const job = await train(1_000_000);
    expect(await rejectionOf(job.result({ timeoutMs: 20 }))).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    await job.cancel();
  });
});

describe("the end", () => {
  it("of a sidecar that was closed is clean, and calls after it fail", async () => {
    const sidecar = await startSidecar({ command: MAIN });
    await sidecar.close();
    expect(isRunning(sidecar.pid!)).toBe(false);
    expect(await rejectionOf(sidecar.ping())).toMatchObject({ name: "SidecarGoneError", exitCode: 0 });
  });

  it("of a sidecar that was killed fails what was waiting for it", async () => {
    const sidecar = await startSidecar({ command: MAIN });
    const { model } = await sidecar.models.create({ pipeline: "classification", backbone: { type: "mlp" } });
    const job = await sidecar.train({ model: model.id, data: TWO_CLUSTERS, epochs: 1_000_000 });
    const outcomes = Promise.all([rejectionOf(job.result()), rejectionOf(collect(job))]);
    process.kill(sidecar.pid!, "SIGKILL");
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ name: "SidecarGoneError", signal: "SIGKILL" });
  });

  it("of the host comes by itself: an idle sidecar does not keep it alive, and ends with it", async () => {
    const program = `
      const { startSidecar } = await import(${JSON.stringify(CLIENT)});
      const sidecar = await startSidecar({ command: ${JSON.stringify(MAIN)} });
      await sidecar.ping();
      console.log(sidecar.pid);`;
    const { stdout } = await execa(process.execPath, ["--input-type=module", "--eval", program], { timeout: 20_000 });
    await expect.poll(() => isRunning(Number(stdout)), { timeout: 5000 }).toBe(false);
  });
});

describe("finding the sidecar", () => {
  it("says what could not be started", async () => {
    const error = await rejectionOf(startSidecar({ command: "/no/such/program" }));
    expect(error).toBeInstanceOf(SidecarGoneError);
    expect((error as Error).message).toContain("/no/such/program");
  });

  it("shows the end of its log when it does not stay", async () => {
    const error = await rejectionOf(
      startSidecar({ command: [process.execPath, "--eval", "console.error('no luck'); process.exit(3)"] }),
    );
    expect(error).toMatchObject({ name: "SidecarGoneError", exitCode: 3, message: expect.stringContaining("no luck") });
  });

  it("says what a program spoke that is no sidecar", async () => {
    const error = await rejectionOf(
      startSidecar({ command: [process.execPath, "--eval", "console.log('hello'); setInterval(() => {}, 1000)"] }),
    );
    expect(error).toMatchObject({ name: "SidecarGoneError", message: expect.stringContaining("hello") });
  });

  it("takes the argument before the environment, and the environment before its own package", () => {
    const before = process.env.ML_SIDECAR;
    try {
      process.env.ML_SIDECAR = "some-wrapper --flag";
      expect(findSidecar("x.mjs")).toEqual([process.execPath, "x.mjs"]);
      expect(findSidecar()).toEqual(["some-wrapper", "--flag"]);
      delete process.env.ML_SIDECAR;
      expect(findSidecar()).toEqual([process.execPath, MAIN]);
    } finally {
      if (before !== undefined) process.env.ML_SIDECAR = before;
    }
  });
});

it("an event's non-finite numbers are numbers", () => {
  const event = {
    jobId: "j_1",
    seq: 1,
    t: "",
    type: "train.progress",
    data: { done: 1, total: 2, loss: "NaN", rate: "Infinity" },
  };
  expect(toEvent(event).data).toMatchObject({ loss: Number.NaN, rate: Number.POSITIVE_INFINITY });
});
