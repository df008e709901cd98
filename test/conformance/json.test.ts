/** @file FAILURES.md, JSON, against the running program. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Json, type Sidecar, startSidecar } from "../support/sidecar.ts";

describe("JSON", () => {
  let sidecar: Sidecar;
  beforeAll(async () => {
    sidecar = startSidecar({ shared: true });
    await sidecar.call("runtime.initialize");
  });
  afterAll(() => sidecar.child.kill("SIGKILL"));

  let count = 0;
  /** What the sidecar says to a line, which must be one message, and that it goes on afterwards. */
  async function answerTo(line: string): Promise<Json> {
    const before = sidecar.messages.length;
    sidecar.write(`${line}\n`);
    const sentinel = `sentinel-${count++}`;
    await sidecar.ask("ping", {}, sentinel);
    const answers = sidecar.messages.slice(before).filter(({ id }) => id !== sentinel);
    expect(answers).toHaveLength(1);
    return answers[0];
  }
  const predict = (inputs: string) =>
    `{"jsonrpc":"2.0","id":1,"method":"predict","params":{"model":"m_9","inputs":${inputs}}}`;

  it("FAILURES 15: malformed JSON is −32700 with id null", async () => {
    expect(await answerTo('{"jsonrpc":"2.0","id":1,')).toMatchObject({ id: null, error: { code: -32700 } });
  });

  it("FAILURES 16: NaN and Infinity tokens, with a hint how to write them", async () => {
    const { error } = await answerTo(predict("[[NaN, Infinity]]"));
    expect(error.code).toBe(-32700);
    expect(error.data.hint).toMatch(/"NaN"/);
  });

  it("FAILURES 17: NaN and infinities go out as strings, in JSON that every parser takes", async () => {
    const x = Array.from({ length: 32 }, (_, row) => [row, row % 3]);
    const y = x.map(([a]) => a! * 1e37);
    await sidecar.call("models.create", {
      name: "huge",
      pipeline: "regression",
      backbone: { type: "mlp", hidden: [] },
    });
    const { job } = await sidecar.call("train.start", { model: "huge", data: { x, y }, epochs: 1 });
    await sidecar.call("jobs.wait", { jobId: job.id });
    const { outputs } = await sidecar.call("predict", {
      model: "huge",
      inputs: [
        [1e30, 1],
        [1, 1],
      ],
    });
    expect(outputs.values.values).toEqual([expect.stringMatching(/^-?Infinity$|^NaN$/), expect.any(Number)]);
  });

  it("FAILURES 18: 1e400", async () => {
    expect((await answerTo(predict("[[1e400]]"))).error).toMatchObject({
      code: -32600,
      data: { hint: expect.stringMatching(/Infinity/) },
    });
  });

  it("FAILURES 19: integers past 2^53 are not rounded in silence", async () => {
    const { id, error } = await answerTo('{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}');
    expect([id, error.code]).toEqual([null, -32600]);
  });

  it("FAILURES 20: −0 is a number like any other", async () => {
    expect(await answerTo('{"jsonrpc":"2.0","id":-0,"method":"ping"}')).toMatchObject({ result: { pong: true } });
  });

  it("FAILURES 21: of duplicate keys the last one counts", async () => {
    expect((await answerTo('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}')).id).toBe(2);
  });

  it("FAILURES 22: __proto__ is refused, constructor is an unknown name", async () => {
    expect((await answerTo('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":{}}}')).error.code).toBe(
      -32600,
    );
    expect(
      (await answerTo('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"constructor":{}}}')).error,
    ).toMatchObject({
      code: -32602,
      data: { violations: [{ path: "constructor" }] },
    });
    expect((await answerTo('{"jsonrpc":"2.0","id":1,"method":"constructor"}')).error.code).toBe(-32601);
    expect((await answerTo('{"jsonrpc":"2.0","id":1,"method":"__proto__"}')).error.code).toBe(-32601);
  });

  it("FAILURES 23: 200,000 levels of nesting", async () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    expect((await answerTo(predict(deep))).error.code).toBe(-32600);
  });

  it("FAILURES 24: lone surrogates come back escaped", async () => {
    expect((await answerTo('{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}')).id).toBe("\ud800");
  });

  it("FAILURES 25: an integer of 5,000 digits", async () => {
    expect((await answerTo(`{"jsonrpc":"2.0","id":${"9".repeat(5000)},"method":"ping"}`)).error.code).toBe(-32600);
  });

  it.each(["[1]", '"text"', "null"])("FAILURES 26: params that are %s", async (params) => {
    expect(await answerTo(`{"jsonrpc":"2.0","id":26,"method":"ping","params":${params}}`)).toMatchObject({
      id: 26,
      error: { code: -32602 },
    });
  });
});
