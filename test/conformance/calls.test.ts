/** @file FAILURES.md, Calls, against the running program. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  blobs,
  type Json,
  type Sidecar,
  SMALL_CLASSIFIER,
  sleep,
  startSidecar,
  temporaryDirectory,
} from "../support/sidecar.ts";

const LONG = { data: { rows: blobs(2000), target: "kind" }, epochs: 1_000_000, batchSize: 64 };

describe("calls", () => {
  let sidecar: Sidecar;
  beforeAll(async () => {
    sidecar = startSidecar({ shared: true });
    await sidecar.call("runtime.initialize");
  });
  afterAll(() => sidecar.child.kill("SIGKILL"));

  /** A training that goes on until it is cancelled. */
  async function longJob(): Promise<{ model: string; job: string }> {
    const { model } = await sidecar.call("models.create", SMALL_CLASSIFIER);
    const { job } = await sidecar.call("train.start", { model: model.id, ...LONG });
    return { model: model.id, job: job.id };
  }
  const raw = (text: string) => {
    const before = sidecar.messages.length;
    sidecar.write(`${text}\n`);
    return async (): Promise<Json> => {
      while (sidecar.messages.length === before) await sleep(2);
      return sidecar.messages[before];
    };
  };

  it.each([
    ["0", 0],
    ['""', ""],
    ["9007199254740991", 9007199254740991],
  ])("FAILURES 27: the id %s is legal", async (text, id) => {
    expect(await raw(`{"jsonrpc":"2.0","id":${text},"method":"ping"}`)()).toMatchObject({ id, result: { pong: true } });
  });

  it.each(["null", "1.5", "9007199254740992", '{"a":1}', "true"])(
    "FAILURES 27: the id %s is refused with id null",
    async (text) => {
      expect(await raw(`{"jsonrpc":"2.0","id":${text},"method":"ping"}`)()).toMatchObject({
        id: null,
        error: { code: -32600 },
      });
    },
  );

  it("FAILURES 28: an id in flight is refused, and the first request is left alone", async () => {
    const { job } = await longJob();
    sidecar.send({ jsonrpc: "2.0", id: "twice", method: "jobs.wait", params: { jobId: job } });
    const refused = await sidecar.ask("ping", {}, "twice");
    expect(refused.error).toMatchObject({ code: -32600, data: { hint: expect.any(String) } });
    await sidecar.call("jobs.cancel", { jobId: job });
    const first = await sidecar.next(({ id, result }) => id === "twice" && result !== undefined);
    expect(first.result.job.state).toBe("cancelled");
    expect((await sidecar.ask("ping", {}, "free-again")).result).toEqual({ pong: true });
  });

  it("FAILURES 29: an unknown notification is ignored", async () => {
    const before = sidecar.messages.length;
    sidecar.send({ jsonrpc: "2.0", method: "$/whatever", params: {} }, { jsonrpc: "2.0", method: "no.such" });
    await sidecar.ask("ping", {}, "after-29");
    await sidecar.call("runtime.health");
    expect(sidecar.messages.slice(before).filter(({ error }) => error)).toEqual([]);
  });

  it("FAILURES 30: an empty batch, and one that is too long, are one error each", async () => {
    expect(await raw("[]")()).toMatchObject({ id: null, error: { code: -32600 } });
    const many = Array.from({ length: 65 }, (_, id) => ({ jsonrpc: "2.0", id, method: "ping" }));
    expect(await raw(JSON.stringify(many))()).toMatchObject({ id: null, error: { code: -32600 } });
  });

  it("FAILURES 30: a mixed batch is answered with one array, notifications left out", async () => {
    const answer = await raw(
      JSON.stringify([
        { jsonrpc: "2.0", id: "a", method: "ping" },
        { jsonrpc: "2.0", method: "$/cancel", params: { id: "nothing" } },
        7,
        { jsonrpc: "2.0", id: "b", method: "models.get", params: { model: "nobody" } },
      ]),
    )();
    expect(answer.map((item: Json) => [item.id, item.error?.code])).toEqual([
      ["a", undefined],
      [null, -32600],
      ["b", 1002],
    ]);
  });

  it("FAILURES 30: a batch of notifications is not answered", async () => {
    const before = sidecar.messages.length;
    sidecar.send([{ jsonrpc: "2.0", method: "$/cancel", params: { id: 1 } }]);
    await sidecar.ask("ping", {}, "after-30");
    expect(sidecar.messages.slice(before)).toHaveLength(1);
  });

  it("FAILURES 31: an unknown method gets the nearest name, an unknown version our list", async () => {
    expect((await sidecar.ask("trian.start")).error).toMatchObject({
      code: -32601,
      data: { reason: "METHOD_NOT_FOUND", hint: "did you mean `train.start`?" },
    });
    expect((await sidecar.ask("runtime.initialize", { protocolVersion: "99" })).error).toMatchObject({
      code: 1401,
      data: { context: { protocolVersions: ["1"] } },
    });
  });

  it("FAILURES 32: a request is cancelled before, during, after, twice, and when there is none", async () => {
    const { job } = await longJob();
    sidecar.send(
      { jsonrpc: "2.0", method: "$/cancel", params: { id: "w" } },
      { jsonrpc: "2.0", id: "w", method: "jobs.wait", params: { jobId: job } },
      { jsonrpc: "2.0", method: "$/cancel", params: { id: "w" } },
      { jsonrpc: "2.0", method: "$/cancel", params: { id: "w" } },
      { jsonrpc: "2.0", method: "$/cancel", params: {} },
    );
    const answer = await sidecar.next(({ id }) => id === "w");
    expect(answer.error).toMatchObject({ code: -32800, data: { reason: "CANCELLED" } });
    expect((await sidecar.call("jobs.get", { jobId: job })).job.state).toBe("running");
    await sidecar.call("jobs.cancel", { jobId: job });
    await sidecar.call("jobs.wait", { jobId: job });
    expect((await sidecar.call("jobs.cancel", { jobId: job })).job.state).toBe("cancelled");
    expect(sidecar.messages.filter(({ id }) => id === "w")).toHaveLength(1);
  });

  it("FAILURES 33: a cancelled training ends within a step", async () => {
    const { model } = await sidecar.call("models.create", {
      ...SMALL_CLASSIFIER,
      backbone: { type: "mlp", hidden: [2048, 2048] },
    });
    const { job } = await sidecar.call("train.start", { model: model.id, ...LONG, batchSize: 2000 });
    await sidecar.event("train.progress", job.id);
    await sidecar.call("jobs.cancel", { jobId: job.id });
    expect((await sidecar.call("jobs.wait", { jobId: job.id })).job.state).toBe("cancelled");
    expect(await sidecar.event("job.cancelled", job.id)).toBeDefined();
  });

  it("FAILURES 34: a deadline of zero, and one that passes while the request waits", async () => {
    expect((await sidecar.ask("ping", { _meta: { timeoutMs: 0 } })).error).toMatchObject({
      code: 1101,
      data: { retryable: true },
    });
    const { job } = await longJob();
    const late = await sidecar.ask("jobs.wait", { jobId: job, _meta: { timeoutMs: 50 } });
    expect(late.error.data.reason).toBe("DEADLINE_EXCEEDED");
    await sidecar.call("jobs.cancel", { jobId: job });
  });

  it("FAILURES 34: a deadline that passes while the request stands in its model's line", async () => {
    const { model } = await sidecar.call("models.create", SMALL_CLASSIFIER);
    const { job } = await sidecar.call("train.start", { model: model.id, data: LONG.data, epochs: 1 });
    await sidecar.call("jobs.wait", { jobId: job.id });
    const rows = blobs(20_000).map(({ a, b }) => ({ a, b }));
    sidecar.send({ jsonrpc: "2.0", id: "slow", method: "predict", params: { model: model.id, inputs: rows } });
    const queued = await sidecar.ask("predict", { model: model.id, inputs: [{ a: 1, b: 1 }], _meta: { timeoutMs: 1 } });
    expect(queued.error.data.reason).toBe("DEADLINE_EXCEEDED");
    expect((await sidecar.next(({ id }) => id === "slow")).error).toBeUndefined();
  });

  it("FAILURES 35: one idempotency key makes one model, and refuses another call", async () => {
    const spec = { ...SMALL_CLASSIFIER, _meta: { idempotencyKey: "make-it" } };
    const [first, second] = await Promise.all([
      sidecar.call("models.create", spec),
      sidecar.call("models.create", spec),
    ]);
    expect(second.model.id).toBe(first.model.id);
    expect((await sidecar.ask("models.create", { ...spec, seed: 2 })).error.data.reason).toBe("ALREADY_EXISTS");
  });

  it("FAILURES 35: an idempotency key is remembered across a restart with a data directory", async () => {
    const parameters = ["--data-dir", temporaryDirectory()];
    const spec = { ...SMALL_CLASSIFIER, _meta: { idempotencyKey: "make-it" } };
    const before = startSidecar({ parameters });
    const first = await before.call("models.create", spec);
    before.endInput();
    await before.exit;
    const after = startSidecar({ parameters });
    expect((await after.call("models.create", spec)).model.id).toBe(first.model.id);
    expect((await after.call("models.list")).models).toHaveLength(1);
  });

  it("FAILURES 36: 10,000 pings during a training are all answered, and how quickly is reported", async ({
    annotate,
  }) => {
    const { job } = await longJob();
    await Promise.all(Array.from({ length: 200 }, (_, index) => sidecar.ask("ping", {}, `during-${index}`)));
    const milliseconds: number[] = [];
    for (let index = 0; index < 10_000; index++) {
      const askedAt = performance.now();
      await sidecar.ask("ping", {}, `one-by-one-${index}`);
      milliseconds.push(performance.now() - askedAt);
    }
    milliseconds.sort((a, b) => a - b);
    const [p50, p99, max] = [0.5, 0.99, 1].map((part) => milliseconds[Math.ceil(part * 10_000) - 1]!.toFixed(2));
    await annotate(`ping during a training: p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`);
    expect((await sidecar.call("jobs.get", { jobId: job })).job.state).toBe("running");
    await sidecar.call("jobs.cancel", { jobId: job });
  });

  it("FAILURES 37: the response comes before the job's first event, and events count without gaps", async () => {
    const { model } = await sidecar.call("models.create", SMALL_CLASSIFIER);
    const { job } = await sidecar.call("train.start", { model: model.id, ...LONG, epochs: 30 });
    await sidecar.call("jobs.wait", { jobId: job.id });
    const mine = sidecar.messages.filter(
      ({ result, params }) => result?.job?.id === job.id || params?.jobId === job.id,
    );
    expect(mine[0].result.job.state).toBe("running");
    const events = mine.filter(({ method }) => method === "event").map(({ params }) => params);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1).type).toBe("job.completed");
    expect((await sidecar.call("jobs.events", { jobId: job.id })).events).toEqual(events);
  });

  it("FAILURES 37: in a batch too, no event comes before the array", async () => {
    const { model } = await sidecar.call("models.create", SMALL_CLASSIFIER);
    const before = sidecar.messages.length;
    sidecar.send([
      { jsonrpc: "2.0", id: 1, method: "train.start", params: { model: model.id, ...LONG, epochs: 1 } },
      { jsonrpc: "2.0", id: 2, method: "predict", params: { model: "nobody", inputs: [[1]] } },
    ]);
    await sidecar.next((message) => Array.isArray(message) && message[0]?.result?.job !== undefined);
    expect(Array.isArray(sidecar.messages[before])).toBe(true);
    await sidecar.call("jobs.wait", { jobId: sidecar.messages[before][0].result.job.id });
  });

  it("refuses the 257th request in flight, and says when to try again", async () => {
    const { job } = await longJob();
    const ids = Array.from({ length: 256 }, (_, index) => `flight-${index}`);
    sidecar.send(...ids.map((id) => ({ jsonrpc: "2.0", id, method: "jobs.wait", params: { jobId: job } })));
    const { error } = await sidecar.ask("ping", {}, "one-too-many");
    expect(error).toMatchObject({
      code: 1102,
      data: { reason: "OVERLOADED", retryable: true, retryAfterMs: expect.any(Number) },
    });
    sidecar.send({ jsonrpc: "2.0", method: "$/cancel", params: { id: "flight-0" } });
    await sidecar.next(({ id }) => id === "flight-0");
    await sidecar.call("jobs.cancel", { jobId: job });
    for (const id of ids) await sidecar.next((message) => message.id === id);
  });
});
