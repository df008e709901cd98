/** @file Whole graphs as ONNX files: any batch size, stable names, and a refusal where the batch is baked in. */
import { beforeEach, describe, expect, it } from "vitest";
import { openOnnx } from "../../../src/engine/executors/onnxruntime/session.ts";
import { createReference } from "../../../src/engine/executors/reference/reference.ts";
import { decodeOnnx, encodeOnnx } from "../../../src/engine/onnx/codec.ts";
import { describeOnnx } from "../../../src/engine/onnx/describe.ts";
import { exportGraph } from "../../../src/engine/onnx/export.ts";
import type { NdArray, Shape } from "../../../src/engine/shape.ts";
import { concat, random } from "../../../src/engine/tensor.ts";
import { type Built, type Tracer, trace } from "../../../src/engine/trace.ts";
import { drawSample } from "./draw-sample.ts";
import { faultOf } from "./fault-of.ts";
import { needsOnnxruntime } from "./needs-onnxruntime.ts";

function randomWeights(shapes: Readonly<Record<string, Shape>>): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(shapes).map(([path, shape], seed) => [path, drawSample([{ dtype: "F32", shape }], seed)[0]!]),
  );
}

const weights = randomWeights({ "layers.0.weight": [8, 5], "layers.0.bias": [5], "head.weight": [15, 4] });

/** Columns cut out and put back, a product, a bias, an outer pair flattened, statistics over features, a softmax. */
function network(t: Tracer, batch: number): Built {
  const x = t.input("inputs", { dtype: "F32", shape: [batch, 8] });
  const state = (path: string) => t.state(path, weights[path]!);
  const scaled = concat([x.slice([0, 0], [batch, 3]).mul(2), x.slice([0, 3], [batch, 8]).tanh()], 1);
  const hidden = scaled.matmul(state("layers.0.weight")).add(state("layers.0.bias")).relu();
  const centred = hidden.sub(hidden.mean([1], { keepDims: true }));
  const pairs = centred
    .reshape([batch, 5, 1])
    .mul(t.constant({ dtype: "F32", shape: [1, 3], data: Float32Array.of(1, -1, 0.5) }))
    .reshape([batch * 5, 3])
    .sigmoid()
    .reshape([batch, 15]);
  const zeros = t.constant(0).broadcastTo([batch, 4]);
  const logits = concat([pairs.matmul(state("head.weight")), zeros], 1);
  return { outputs: { probabilities: logits.softmax(1), label: logits.argMax(1) } };
}

const options = {
  name: "network",
  weights: (path: string) => weights[path]!,
  trace: (batch: number) => trace((t) => network(t, batch)),
};

describe("an exported graph", () => {
  const model = exportGraph({ ...options, metadata: { labels: "[1,2]" } });

  it("says what it takes and gives, with the batch as a symbol", () => {
    expect(describeOnnx(model)).toEqual({
      irVersion: 8,
      opset: 17,
      inputs: [{ name: "inputs", elemType: 1, shape: ["batch", 8] }],
      outputs: [
        { name: "probabilities", elemType: 1, shape: ["batch", 8] },
        { name: "label", elemType: 6, shape: ["batch"] },
      ],
      metadata: { labels: "[1,2]" },
    });
  });

  it("keeps weights under their paths", () => {
    const names = model.graph!.initializer!.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(weights)));
  });

  it("is the same bytes each time", () => {
    expect(Buffer.compare(encodeOnnx(exportGraph(options)), encodeOnnx(exportGraph(options)))).toBe(0);
  });

  it("survives a round trip through bytes", () => {
    const bytes = encodeOnnx(model);
    expect(Buffer.compare(encodeOnnx(decodeOnnx(bytes)), bytes)).toBe(0);
  });

  it("holds no size of the batch it was traced at", () => {
    const text = JSON.stringify(model, (_, value) => (typeof value === "bigint" ? String(value) : value));
    expect(text).not.toMatch(/1009|2003|5045|10015/);
  });
});

describe("an exported graph in onnxruntime", () => {
  beforeEach(needsOnnxruntime);
  const bytes = encodeOnnx(exportGraph(options));

  it.each([1, 2, 7, 64])("answers as the reference with a batch of %i", async (batch) => {
    const [inputs] = drawSample([{ dtype: "F32", shape: [batch, 8] }], batch) as [NdArray];
    const reference = createReference();
    const traced = options.trace(batch);
    const state = reference.createState(traced.states);
    for (const [path, value] of Object.entries(weights)) state.write(path, value);
    const program = reference.compile(traced, state);
    program.inputs.inputs!.set(inputs.data as never);
    program.run();

    const session = await openOnnx(bytes);
    const results = await session.run({ inputs });
    await session.close();
    expect(results.probabilities!.shape).toEqual([batch, 8]);
    expect(Array.from(results.label!.data as Int32Array)).toEqual(Array.from(program.outputs.label as Int32Array));
    const differences = Array.from(results.probabilities!.data as Float32Array, (p, i) =>
      Math.abs(p - (program.outputs.probabilities![i] as number)),
    );
    expect(Math.max(...differences)).toBeLessThan(1e-6);
  });
});

describe("an export is refused", () => {
  const refusal = (build: (t: Tracer, batch: number) => Built, opset = 17) =>
    faultOf(() => exportGraph({ ...options, opset, trace: (batch) => trace((t) => build(t, batch)) }));
  const input = (t: Tracer, batch: number) => t.input("inputs", { dtype: "F32", shape: [batch, 8] });

  it("where the batch size is a number in the model", () => {
    const fault = refusal((t, batch) => ({ outputs: { y: input(t, batch).mul(1 / batch) } }));
    expect(fault.message).toMatch(/depends on the batch size/);
  });

  it("where a slice ends at a part of the batch", () => {
    const fault = refusal((t, batch) => ({ outputs: { y: input(t, batch).slice([0, 0], [batch - 1, 8]) } }));
    expect(fault.message).toMatch(/depends on the batch size/);
  });

  it("where the graph is another one at another batch size", () => {
    const fault = refusal((t, batch) => ({
      outputs: { y: batch > 1500 ? input(t, batch).exp() : input(t, batch).log() },
    }));
    expect(fault.message).toMatch(/depends on the batch size/);
  });

  it("where an op has no form in the opset asked for, with the one that it needs", () => {
    const fault = refusal((t, batch) => {
      const noise = random.uniform(t.input("rng", { dtype: "I32", shape: [4] }), [8]);
      return { outputs: { y: input(t, batch).add(noise) } };
    });
    expect(fault.reason).toBe("ONNX_OPERATOR_UNSUPPORTED");
    expect(fault.message).toMatch("`uniform` needs opset 18");
  });

  it("where an input has an output's name", () => {
    const fault = refusal((t, batch) => ({ outputs: { inputs: input(t, batch).exp() } }));
    expect(fault.message).toMatch(/would be named `inputs`/);
  });

  it("for an opset that is not offered", () => {
    const fault = refusal((t, batch) => ({ outputs: { y: input(t, batch) } }), 16);
    expect(fault.violations[0]).toMatchObject({ path: "opset", expected: "17, 18, 19, 20, 21", got: "16" });
  });
});
