/** @file FAILURES.md, Tensors, against the running program. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Json, type Sidecar, startSidecar, temporaryDirectory } from "../support/sidecar.ts";

/** Four numbers in, one out: y = a + b + c + d. */
const X = Array.from({ length: 64 }, (_, row) => [row % 2, row % 3, row % 5, row % 7]);
const Y = X.map((row) => row.reduce((sum, value) => sum + value, 0));
const bytesOf = (values: number[]) => Buffer.from(Float32Array.from(values).buffer);

async function teach(sidecar: Sidecar): Promise<void> {
  await sidecar.call("models.create", { name: "sum", pipeline: "regression", backbone: { type: "mlp", hidden: [] } });
  const { job } = await sidecar.call("train.start", { model: "sum", data: { x: X, y: Y }, epochs: 2 });
  await sidecar.call("jobs.wait", { jobId: job.id });
}

describe("tensors", () => {
  let sidecar: Sidecar;
  beforeAll(async () => {
    sidecar = startSidecar({ shared: true });
    await teach(sidecar);
  });
  afterAll(() => sidecar.child.kill("SIGKILL"));

  const predict = (inputs: Json, meta: object = {}) => sidecar.ask("predict", { model: "sum", inputs, _meta: meta });
  const b64 = (text: string, shape: Json = [1, 4]) => predict({ dtype: "F32", shape, b64: text });
  const whole = bytesOf([1, 2, 3, 4]).toString("base64");

  it("takes the same numbers as nested arrays, values, base64 and a file", async () => {
    const path = join(temporaryDirectory(), "x.bin");
    writeFileSync(path, Buffer.concat([Buffer.alloc(3), bytesOf([1, 2, 3, 4])]));
    const answers = await Promise.all([
      predict([[1, 2, 3, 4]]),
      predict({ dtype: "F32", shape: [1, 4], values: [1, 2, 3, 4] }),
      predict({ dtype: "I64", shape: [1, 4], values: [[1, 2, 3, 4]] }),
      b64(whole),
      predict({ dtype: "F32", shape: [1, 4], file: { path, offset: 3, nbytes: 16 } }),
    ]);
    for (const { result } of answers) expect(result).toEqual(answers[0].result);
    expect(answers[0].result.outputs.values).toMatchObject({ dtype: "F32", shape: [1, 1] });
  });

  it("answers with the form that was asked for", async () => {
    const inputs = [[1, 2, 3, 4]];
    const { values } = (await predict(inputs)).result.outputs.values;
    const asBytes = (await predict(inputs, { tensors: "b64" })).result.outputs.values;
    expect(Buffer.from(asBytes.b64, "base64")).toEqual(bytesOf(values));
    const asFile = (await predict(inputs, { tensors: "file" })).result.outputs.values;
    expect(asFile.file).toMatchObject({ offset: 0, nbytes: 4 });
  });

  it("FAILURES 71: a wrong byte count", async () => {
    const { error } = await b64(bytesOf([1, 2, 3]).toString("base64"));
    expect(error).toMatchObject({
      code: 1004,
      data: { violations: [{ path: "inputs.b64", expected: "16 bytes", got: "12 bytes" }] },
    });
  });

  it("FAILURES 72: the shape [2^31, 2^31]", async () => {
    expect((await b64(whole, [2 ** 31, 2 ** 31])).error.data.reason).toMatch(/LIMIT_EXCEEDED|INVALID_PARAMS/);
  });

  it("FAILURES 73: a negative dimension", async () => {
    expect((await b64(whole, [-1, 4])).error.code).toBe(-32602);
  });

  it("FAILURES 74: a huge shape with little data", async () => {
    expect((await predict({ dtype: "F32", shape: [100_000_000, 4], values: [1] })).error.data.reason).toMatch(
      /SHAPE_MISMATCH/,
    );
    expect((await b64("AAAA", [100_000_000, 4])).error.data.reason).toBe("SHAPE_MISMATCH");
  });

  it.each([
    ["spaces", `${whole.slice(0, 4)} ${whole.slice(4)}`],
    ["the URL alphabet", whole.replace(/^.{2}/, "-_")],
    ["bad padding", whole.replace("==", "=")],
    ["no padding", whole.replace("==", "")],
  ])("FAILURES 75: base64 with %s", async (_, text) => {
    expect((await b64(text)).error.data.reason).toMatch(/INVALID_PARAMS|SHAPE_MISMATCH/);
  });

  it("FAILURES 76: bytes that are not aligned in their file", async () => {
    const path = join(temporaryDirectory(), "odd.bin");
    writeFileSync(path, Buffer.concat([Buffer.alloc(1), bytesOf([4, 3, 2, 1])]));
    const unaligned = await predict({ dtype: "F32", shape: [1, 4], file: { path, offset: 1 } });
    expect(unaligned.result).toEqual((await predict([[4, 3, 2, 1]])).result);
  });

  it("FAILURES 77: a file that is truncated, missing, a directory or a device", async () => {
    const directory = temporaryDirectory();
    const path = join(directory, "short.bin");
    writeFileSync(path, bytesOf([1, 2]));
    const file = (name: string) => predict({ dtype: "F32", shape: [1, 4], file: { path: name } });
    expect((await file(path)).error).toMatchObject({ code: 1004 });
    expect((await file(join(directory, "none"))).error.code).toBe(1002);
    expect((await file(directory)).error.code).toBe(1301);
    expect((await file("/dev/zero")).error.code).toBe(1301);
  });

  it("FAILURES 77: a link that leads out of the allowed roots, for tensors, data and what is written", async () => {
    const outside = temporaryDirectory();
    const root = temporaryDirectory();
    writeFileSync(join(outside, "secret.csv"), "a,b\n1,2\n3,4\n");
    symlinkSync(outside, join(root, "link"));
    mkdirSync(join(root, "inner"));
    writeFileSync(join(root, "inner", "fine.csv"), "a,b\n1,2\n3,4\n");
    const fenced = startSidecar({ parameters: ["--root", root] });
    await teach(fenced);
    const reason = async (method: string, params: object) => (await fenced.ask(method, params)).error?.data.reason;
    const sneaky = join(root, "link", "secret.csv");
    expect(await reason("data.describe", { csv: { path: sneaky, target: "b" } })).toBe("PATH_DENIED");
    expect(
      await reason("data.describe", { csv: { path: join(root, "inner", "..", "..", "x.csv"), target: "b" } }),
    ).toMatch(/PATH_DENIED|NOT_FOUND/);
    const tensor = { dtype: "U8", shape: [1, 4], file: { path: sneaky } };
    expect(await reason("predict", { model: "sum", inputs: tensor })).toBe("PATH_DENIED");
    expect(await reason("models.save", { model: "sum", path: join(root, "link", "model") })).toBe("PATH_DENIED");
    expect(await reason("models.export", { model: "sum", format: "onnx", path: join(outside, "m.onnx") })).toBe(
      "PATH_DENIED",
    );
    expect(await reason("models.load", { path: join(root, "link") })).toBe("PATH_DENIED");
    expect(
      await reason("data.describe", { csv: { path: join(root, "inner", "fine.csv"), target: "b" } }),
    ).toBeUndefined();
    expect(await reason("models.save", { model: "sum", path: join(root, "inner", "model") })).toBeUndefined();
    expect(await reason("models.load", { path: join(root, "inner", "model") })).toBeUndefined();
  });

  it("FAILURES 78: the extremes of F16 and BF16", async () => {
    expect((await predict({ dtype: "F16", shape: [1, 4], values: [65504, -65504, 6e-8, 0] })).error).toBeUndefined();
    expect(
      (await predict({ dtype: "F16", shape: [1, 4], values: [70000, 0, 0, 0] })).error.data.violations[0].path,
    ).toBe("inputs.values[0]");
    const largest = Buffer.from(Uint16Array.of(0x7f7f, 0x0080, 0x8000, 0x3f80).buffer).toString("base64");
    expect((await predict({ dtype: "BF16", shape: [1, 4], b64: largest })).result.outputs.values.shape).toEqual([1, 1]);
  });

  it("FAILURES 79: empty and scalar", async () => {
    expect((await predict({ dtype: "F32", shape: [0, 4], values: [] })).result.outputs.values).toEqual({
      dtype: "F32",
      shape: [0, 1],
      values: [],
    });
    expect((await predict([])).error?.code ?? 0).not.toBe(-32603);
    const { error } = await predict({ dtype: "F32", shape: [], values: [1] });
    expect(error.data.reason).toMatch(/SHAPE_MISMATCH|INVALID_PARAMS/);
  });
});
