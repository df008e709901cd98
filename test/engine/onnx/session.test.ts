/** @file onnxruntime as an executor of files: what it takes, how it refuses, and that its absence is an answer. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { runApart } from "../../../src/engine/executors/onnxruntime/apart.ts";
import { openOnnx } from "../../../src/engine/executors/onnxruntime/session.ts";
import { encodeOnnx } from "../../../src/engine/onnx/codec.ts";
import { valueInfoOf } from "../../../src/engine/onnx/tensors.ts";
import type { NdArray } from "../../../src/engine/shape.ts";
import { needsOnnxruntime } from "./needs-onnxruntime.ts";

/** y = x, for elements of one ONNX type. */
const identity = (elemType: number): Uint8Array =>
  encodeOnnx({
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: "identity",
      node: [{ opType: "Identity", input: ["x"], output: ["y"] }],
      input: [valueInfoOf("x", elemType, ["n"])],
      output: [valueInfoOf("y", elemType, ["n"])],
    },
  });

describe("a run in a process of its own", () => {
  beforeEach(needsOnnxruntime);

  it("gives what a session gives", async () => {
    const x: NdArray = { dtype: "F32", shape: [2], data: Float32Array.of(1.5, Number.NaN) };
    expect(await runApart(identity(1), { x })).toEqual({ y: x });
    const words = { dtype: "STRING", shape: [2], data: ["grün", ""] } as const;
    expect(await runApart(identity(8), { x: words })).toEqual({ y: words });
  });

  it("refuses a file that is no model, and inputs that it has not", async () => {
    const x: NdArray = { dtype: "F32", shape: [1], data: Float32Array.of(1) };
    await expect(runApart(Uint8Array.of(1, 2, 3), { x })).rejects.toMatchObject({
      reason: "ONNX_OPERATOR_UNSUPPORTED",
    });
    await expect(runApart(identity(1), { z: x })).rejects.toMatchObject({ reason: "DATA_INVALID" });
  });
});

describe("an ONNX session", () => {
  beforeEach(needsOnnxruntime);

  const VALUES: [number, NdArray][] = [
    [1, { dtype: "F32", shape: [2], data: Float32Array.of(1.5, -2) }],
    [11, { dtype: "F64", shape: [1], data: Float64Array.of(1e300) }],
    [7, { dtype: "I64", shape: [1], data: BigInt64Array.of(-(2n ** 63n)) }],
    [6, { dtype: "I32", shape: [1], data: Int32Array.of(-7) }],
    [9, { dtype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) }],
    [2, { dtype: "U8", shape: [1], data: Uint8Array.of(255) }],
  ];
  it.each(VALUES)("passes elements of ONNX type %i through", async (elemType, x) => {
    const session = await openOnnx(identity(elemType));
    expect(await session.run({ x })).toEqual({ y: x });
    await session.close();
  });

  it("passes strings through", async () => {
    const session = await openOnnx(identity(8));
    const x = { dtype: "STRING", shape: [2], data: ["grün", ""] } as const;
    expect(await session.run({ x })).toEqual({ y: x });
    await session.close();
  });

  it("takes arrays on shared memory, and a program's booleans, which are 32-bit integers", async () => {
    const shared = new Float32Array(new SharedArrayBuffer(8));
    shared.set([3, 4]);
    const floats = await openOnnx(identity(1));
    const { y } = await floats.run({ x: { dtype: "F32", shape: [2], data: shared } });
    expect(Array.from(y!.data as Float32Array)).toEqual([3, 4]);
    const booleans = await openOnnx(identity(9));
    const { y: flags } = await booleans.run({ x: { dtype: "BOOL", shape: [2], data: Int32Array.of(0, 1) } });
    expect(Array.from(flags!.data as Uint8Array)).toEqual([0, 1]);
    await Promise.all([floats.close(), booleans.close()]);
  });

  it("refuses bytes that are no model", async () => {
    await expect(openOnnx(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ reason: "ONNX_OPERATOR_UNSUPPORTED" });
  });

  it("refuses inputs of another type, and says what the model takes", async () => {
    const session = await openOnnx(identity(1));
    const x: NdArray = { dtype: "I32", shape: [1], data: Int32Array.of(1) };
    await expect(session.run({ x })).rejects.toMatchObject({ reason: "DATA_INVALID", hint: "the model takes x" });
    await session.close();
  });

  it("refuses BF16, which does not cross into onnxruntime", async () => {
    const session = await openOnnx(identity(1));
    const x: NdArray = { dtype: "BF16", shape: [1], data: Uint16Array.of(1) };
    await expect(session.run({ x })).rejects.toMatchObject({ reason: "DTYPE_UNSUPPORTED" });
    await session.close();
  });
});

it("without onnxruntime, the engine loads, says what is missing, and opens no model", async () => {
  const folder = await mkdtemp(join(tmpdir(), "no-onnxruntime-"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await cp("dist/engine.js", join(folder, "engine.js"));
  await cp("dist/chunks", join(folder, "chunks"), { recursive: true });
  const script = `
    import { findOnnxruntime, openOnnx } from ${JSON.stringify(join(folder, "engine.js"))};
    const refusal = await openOnnx(new Uint8Array()).catch(({ reason, hint }) => ({ reason, hint }));
    console.log(JSON.stringify({ presence: findOnnxruntime(), refusal }));`;
  const args = ["--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  await rm(folder, { recursive: true });
  const { presence, refusal } = JSON.parse(stdout);
  expect(presence).toEqual({ missing: "the optional package onnxruntime-node is not installed" });
  expect(refusal).toMatchObject({ reason: "NOT_FOUND", hint: expect.stringContaining("npm install onnxruntime-node") });
});
