/** @file Graphs with integers in place of real numbers: what stands where, and what it computes. */
import { describe, expect, it } from "vitest";
import { createReference, type ModelProto, type NdArray, openModel, trace } from "../../../../src/engine/index.ts";
import { prepareQuantization, quantizeModel } from "../../../../src/engine/onnx/quantize/quantize.ts";
import { integerAttribute, nodeOf, tensorOf } from "../../../../src/engine/onnx/quantize/wiring.ts";
import { valueInfoOf } from "../../../../src/engine/onnx/tensors.ts";

type Mode = "int8-dynamic" | "int8-static";

const wave = (length: number, step: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * step));

/** x [2, 1, 4, 4] through Conv, batch normalisation, ReLU, Reshape, MatMul and Add. */
const NETWORK: ModelProto = {
  irVersion: 8n,
  opsetImport: [{ domain: "", version: 17n }],
  graph: {
    name: "network",
    input: [valueInfoOf("x", 1, [2, 1, 4, 4])],
    output: [valueInfoOf("y", 1, [2, 3])],
    node: [
      nodeOf("Conv", ["x", "conv.weight"], ["c"], [{ name: "pads", type: 7, ints: BigInt64Array.of(1n, 1n, 1n, 1n) }]),
      nodeOf("BatchNormalization", ["c", "norm.g", "norm.b", "norm.m", "norm.v"], ["n"]),
      nodeOf("Relu", ["n"], ["r"]),
      nodeOf("Flatten", ["r"], ["f"], [integerAttribute("axis", 1)]),
      nodeOf("MatMul", ["f", "dense.weight"], ["p"]),
      nodeOf("Add", ["p", "dense.bias"], ["y"]),
    ],
    initializer: [
      tensorOf("conv.weight", "F32", [4, 1, 3, 3], wave(36, 0.7)),
      tensorOf("norm.g", "F32", [4], [1, 2, 0.5, 1]),
      tensorOf("norm.b", "F32", [4], [0, 0.1, 0.2, -0.1]),
      tensorOf("norm.m", "F32", [4], [0.1, 0, -0.1, 0]),
      tensorOf("norm.v", "F32", [4], [1, 2, 0.5, 1]),
      tensorOf("dense.weight", "F32", [64, 3], wave(192, 0.3)),
      tensorOf("dense.bias", "F32", [3], [0.5, -0.5, 0]),
    ],
  },
};
const RANKS: Record<string, number> = { x: 4, c: 4, n: 4, r: 4, f: 2, p: 2, y: 2 };
const x: NdArray = { dtype: "F32", shape: [2, 1, 4, 4], data: wave(32, 1.1) };

function run(model: ModelProto): number[] {
  const executor = createReference();
  const opened = openModel(model);
  const weights: Record<string, NdArray> = {};
  const traced = trace((t) => {
    const given = { x: t.input("x", { dtype: "F32", shape: x.shape }) };
    const values = opened.raise(t, given, (name, value) => {
      weights[name] = value;
      return t.state(name, { dtype: "F32", shape: value.shape });
    });
    return { outputs: { y: values.y!.tensor } };
  });
  const state = executor.createState(weights);
  for (const [name, value] of Object.entries(weights)) state.write(name, value);
  const program = executor.compile(traced, state);
  program.inputs.x!.set(x.data as never);
  program.run();
  return Array.from(program.outputs.y!, Number);
}

const prepared = (mode: Mode, excluded: (path: string) => boolean = () => false) =>
  prepareQuantization(NETWORK, mode, (name) => RANKS[name], excluded);
const usual = {
  perChannel: true,
  reduceRange: false,
  activations: "uint8",
  ranges: new Map([
    ["x", [-1, 1]],
    ["r", [0, 5]],
  ] as const),
} as const;
const operators = ({ graph }: ModelProto): string[] => graph!.node!.map(({ opType }) => opType!);
const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs));
const difference = (a: readonly number[], b: readonly number[]): number => largest(a.map((value, i) => value - b[i]!));

describe("preparing", () => {
  it("puts normalisation into the weights before it, without changing what is computed", () => {
    const { model } = prepared("int8-static");
    expect(operators(model)).toEqual(["Conv", "Relu", "Flatten", "MatMul", "Add"]);
    expect(difference(run(model), run(NETWORK))).toBeLessThan(1e-5);
  });

  it("names the values whose ranges must be known: those that keep their integers' steps share one", () => {
    expect(prepared("int8-static").measured).toEqual(["x", "r"]);
    expect(prepared("int8-dynamic").measured).toEqual([]);
  });

  it("keeps what is excluded, and says so", () => {
    const { layers, kept } = prepared("int8-static", (path) => path === "conv");
    expect(layers.map(({ path }) => path)).toEqual(["dense"]);
    expect(kept).toContainEqual({ path: "conv", operator: "Conv", reason: "excluded" });
  });

  it("refuses an opset whose weights have one scale", () => {
    const old = { ...NETWORK, opsetImport: [{ domain: "", version: 12n }] };
    expect(() =>
      prepareQuantization(
        old,
        "int8-static",
        () => undefined,
        () => false,
      ),
    ).toThrow(/opset 13/);
  });
});

describe("int8-static", () => {
  const { model } = quantizeModel(prepared("int8-static"), usual);

  it("stands between QuantizeLinear and DequantizeLinear, product and bias as one", () => {
    const kinds = operators(model);
    expect(kinds.filter((kind) => kind === "QuantizeLinear")).toHaveLength(3);
    expect(kinds.filter((kind) => !kind.endsWith("antizeLinear"))).toEqual(["Conv", "Relu", "Flatten", "Gemm"]);
  });

  it("stores weights as bytes and biases as 32-bit integers", () => {
    const types = Object.fromEntries(model.graph!.initializer!.map(({ name, dataType }) => [name, dataType]));
    expect(types).toMatchObject({ "conv.weight/int8": 3, "dense.weight/int8": 3, "dense.bias/int32": 6 });
    expect(Object.keys(types)).not.toContain("dense.weight");
  });

  it("computes nearly the same", () => {
    const [real, integers] = [run(NETWORK), run(model)];
    expect(difference(real, integers)).toBeLessThan(0.04 * largest(real));
    expect(difference(real, integers)).toBeGreaterThan(0);
  });

  it("is worse with one scale for all channels", () => {
    const { model: coarse } = quantizeModel(prepared("int8-static"), { ...usual, perChannel: false });
    expect(difference(run(NETWORK), run(coarse))).toBeGreaterThan(difference(run(NETWORK), run(model)));
  });
});

describe("int8-dynamic", () => {
  const { model } = quantizeModel(prepared("int8-dynamic"), { ...usual, ranges: new Map() });

  it("measures what products take, and leaves a weight too small for its scales", () => {
    const kinds = operators(model);
    expect(kinds.filter((kind) => kind === "DynamicQuantizeLinear")).toHaveLength(1);
    expect(kinds.filter((kind) => !kind.endsWith("antizeLinear"))).toEqual([
      "Conv",
      "Relu",
      "Flatten",
      "MatMul",
      "Sub",
    ]);
    expect(prepared("int8-dynamic").kept).toContainEqual(expect.objectContaining({ path: "conv", operator: "Conv" }));
  });

  it("computes nearly the same", () => {
    const [real, integers] = [run(NETWORK), run(model)];
    expect(difference(real, integers)).toBeLessThan(0.04 * largest(real));
    expect(difference(real, integers)).toBeGreaterThan(0);
  });
});
