/** @file Whole graphs as ONNX files: any batch size, stable names, and a refusal where the batch is baked in. */
import { beforeEach, describe, expect, it } from "vitest";
import { findOnnxruntime } from "../../../src/engine/executors/onnxruntime/find.ts";
import { openOnnx } from "../../../src/engine/executors/onnxruntime/session.ts";
import { createReference } from "../../../src/engine/executors/reference/reference.ts";
import { decodeOnnx, encodeOnnx } from "../../../src/engine/onnx/codec.ts";
import { withDataApart } from "../../../src/engine/onnx/dataApart.ts";
import { describeOnnx } from "../../../src/engine/onnx/describe.ts";
import { exportGraph } from "../../../src/engine/onnx/export.ts";
import { halved } from "../../../src/engine/onnx/halve.ts";
import { withData } from "../../../src/engine/onnx/import/external.ts";
import { tensorProtoOf } from "../../../src/engine/onnx/tensors.ts";
import { random } from "../../../src/engine/random.ts";
import { scan } from "../../../src/engine/scan.ts";
import type { NdArray, Shape } from "../../../src/engine/shape.ts";
import { concat } from "../../../src/engine/tensor.ts";
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

describe("a graph of sequences", () => {
  const trunk = randomWeights({ "cell.weight": [4, 4], "input.weight": [3, 4] });
  /** A recurrence, places, what came before, and the last element. */
  const recurrent = (t: Tracer, batch: number, time: number): Built => {
    const x = t.input("inputs", { dtype: "F32", shape: [batch, time, 3] });
    const state = (path: string) => t.state(path, trunk[path]!);
    const seen = x.matmul(state("input.weight"));
    const placed = seen.add(seen.sinusoids(time, 4));
    const mask = placed.causalMask(time, time);
    const scores = placed.matmul(placed.transpose());
    const past = mask.where(scores, -1e30).softmax(-1).matmul(placed);
    const start = t.constant(0).broadcastTo([batch, 4]);
    const { carry, outputs } = scan(
      { carry: [start], over: [past.permute([1, 0, 2])], given: [state("cell.weight")], reverse: true },
      ([before], [element], [weight]) => {
        const next = before!.matmul(weight!).add(element!).tanh();
        return { carry: [next], outputs: [next] };
      },
    );
    const each = outputs[0]!.permute([1, 0, 2]);
    const last = each.slice([0, time - 1, 0], [batch, time, 4]).reshape([batch, 4]);
    return { outputs: { each, last, first: carry[0]! } };
  };
  const settings = {
    name: "sequences",
    weights: (path: string) => trunk[path]!,
    trace: (batch: number, time = 7) => trace((t) => recurrent(t, batch, time)),
  };
  const model = exportGraph({ ...settings, lengths: [311, 317, 331] });

  it("takes any length, by name", () => {
    const { inputs, outputs } = describeOnnx(model);
    expect(inputs[0]!.shape).toEqual(["batch", "sequence", 3]);
    expect(outputs.map(({ shape }) => shape)).toEqual([
      ["batch", "sequence", 4],
      ["batch", 4],
      ["batch", 4],
    ]);
    const text = JSON.stringify(model, (_, value) => (typeof value === "bigint" ? String(value) : value));
    expect(text).not.toMatch(/31[017]|331/);
  });

  it.each([1, 7, 50])("answers as the reference at a length of %i", async (time) => {
    if ("missing" in findOnnxruntime()) return;
    const [inputs] = drawSample([{ dtype: "F32", shape: [3, time, 3] }], time) as [NdArray];
    const reference = createReference();
    const traced = settings.trace(3, time);
    const state = reference.createState(traced.states);
    for (const [path, value] of Object.entries(trunk)) state.write(path, value);
    const program = reference.compile(traced, state);
    program.inputs.inputs!.set(inputs.data as never);
    program.run();
    const session = await openOnnx(encodeOnnx(model));
    const results = await session.run({ inputs });
    await session.close();
    for (const [name, values] of Object.entries(program.outputs)) {
      const differences = Array.from(results[name]!.data as Float32Array, (p, i) => Math.abs(p - Number(values[i])));
      expect(Math.max(...differences)).toBeLessThan(1e-5);
    }
  });

  it("is refused a length that is a number in the model", () => {
    const build = (t: Tracer, batch: number, time = 7): Built => ({
      outputs: { y: t.input("inputs", { dtype: "F32", shape: [batch, time] }).mul(1 / time) },
    });
    const fault = faultOf(() =>
      exportGraph({
        ...settings,
        lengths: [311, 317, 331],
        trace: (batch, time) => trace((t) => build(t, batch, time)),
      }),
    );
    expect(fault.message).toMatch(/depends on the length of the sequence/);
  });
});

describe("a model's tensors", () => {
  const model = exportGraph(options);

  it("go to another file at the beginnings of pages, and come back as they were", () => {
    const large = { dtype: "F32" as const, shape: [600], data: Float32Array.from({ length: 600 }, (_, i) => i) };
    const graph = {
      ...model.graph!,
      initializer: [...model.graph!.initializer!, tensorProtoOf("a", large), tensorProtoOf("b", large)],
    };
    const apart = withDataApart({ ...model, graph }, "weights");
    expect(apart.parts.map(({ offset }) => offset)).toEqual([0, 4096]);
    const file = new Uint8Array(apart.bytes);
    for (const { offset, data } of apart.parts) file.set(data, offset);
    const read = (location: string, offset: number, length = 0) => {
      expect(location).toBe("weights");
      return file.slice(offset, offset + length);
    };
    expect(encodeOnnx(withData(apart.model, read))).toEqual(encodeOnnx({ ...model, graph }));
  });

  it("are halved where they are matrices that 16 bits can hold, and cast back for who reads them", () => {
    const initialiser = (name: string) => halved(model).graph!.initializer!.find((tensor) => tensor.name === name);
    expect(initialiser("head.weight.f16")).toMatchObject({ dataType: 10 });
    expect(initialiser("head.weight.f16")!.rawData!.byteLength).toBe(2 * 15 * 4);
    expect(initialiser("layers.0.bias")).toMatchObject({ dataType: 1 });
    const huge = exportGraph({
      ...options,
      weights: (path) => ({ ...weights[path]!, data: (weights[path]!.data as Float32Array).map(() => 1e6) }),
    });
    expect(halved(huge).graph!.initializer!.some(({ dataType }) => dataType === 10)).toBe(false);
  });
});
