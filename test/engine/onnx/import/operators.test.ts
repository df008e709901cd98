/** @file Operators of files, one at a time, by our engine and by onnxruntime. All of ONNX's own cases run in test/interop. */
import { beforeEach, describe, expect, it } from "vitest";
import { openOnnx } from "../../../../src/engine/executors/onnxruntime/session.ts";
import { createReference } from "../../../../src/engine/executors/reference/reference.ts";
import { encodeOnnx } from "../../../../src/engine/onnx/codec.ts";
import { openModel } from "../../../../src/engine/onnx/import/open.ts";
import type { AttributeProto, ModelProto } from "../../../../src/engine/onnx/schema.ts";
import { tensorProtoOf, valueInfoOf } from "../../../../src/engine/onnx/tensors.ts";
import type { NdArray, Shape } from "../../../../src/engine/shape.ts";
import { sizeOf } from "../../../../src/engine/shape.ts";
import { trace } from "../../../../src/engine/trace.ts";
import { needsOnnxruntime } from "../needs-onnxruntime.ts";

type Attribute = number | string | readonly number[];

/** An operator on `x`, real numbers of a shape, and on constants. */
interface Case {
  readonly operator: string;
  readonly shape: Shape;
  readonly constants?: readonly NdArray[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

const ints = (shape: Shape, ...values: number[]): NdArray => ({
  dtype: "I64",
  shape,
  data: BigInt64Array.from(values, BigInt),
});
const reals = (shape: Shape, seed = 1): NdArray => ({
  dtype: "F32",
  shape,
  data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed * 3 + i * 1.7)),
});
const attribute = ([name, value]: readonly [string, Attribute]): AttributeProto => {
  if (typeof value === "string") return { name, s: Buffer.from(value), type: 3 };
  if (typeof value !== "number") return { name, ints: BigInt64Array.from(value, BigInt), type: 7 };
  return { name, i: BigInt(value), type: 2 };
};

function modelOf({ operator, shape, constants = [], attributes = {} }: Case): ModelProto {
  const names = constants.map((_, index) => `c${index}`);
  return {
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 18n }],
    graph: {
      name: "g",
      node: [
        {
          opType: operator,
          input: ["x", ...names],
          output: ["y"],
          attribute: Object.entries(attributes).map(attribute),
        },
        { opType: "Cast", input: ["y"], output: ["real"], attribute: [attribute(["to", 1])] },
      ],
      initializer: constants.map((value, index) => tensorProtoOf(names[index]!, value)),
      input: [valueInfoOf("x", 1, shape)],
      output: [{ name: "real", type: { tensorType: { elemType: 1 } } }],
    },
  };
}

function ours(model: ModelProto, x: NdArray): { shape: Shape; values: number[] } {
  const opened = openModel(model);
  const traced = trace((t) => {
    const input = t.input("x", { dtype: "F32", shape: x.shape });
    return { outputs: { real: opened.raise(t, { x: input }, (_name, value) => t.constant(value)).real!.tensor } };
  });
  const executor = createReference();
  const program = executor.compile(traced, executor.createState({}));
  (program.inputs.x as Float32Array | undefined)?.set(x.data as Float32Array);
  program.run();
  return { shape: traced.outputs.real!.shape, values: Array.from(program.outputs.real!, Number) };
}

/** @param gates of each unit */
const recurrent = (operator: string, gates: number, more: Case["attributes"] = {}, directions = 1): Case => ({
  operator,
  shape: [4, 2, 3],
  constants: [
    reals([directions, gates * 5, 3]),
    reals([directions, gates * 5, 5], 2),
    reals([directions, 2 * gates * 5], 3),
  ],
  attributes: { hidden_size: 5, ...more },
});

const CASES: readonly Case[] = [
  recurrent("LSTM", 4),
  recurrent("LSTM", 4, { direction: "reverse" }),
  recurrent("GRU", 3),
  recurrent("GRU", 3, { linear_before_reset: 1, direction: "bidirectional" }, 2),
  recurrent("RNN", 1, { direction: "bidirectional" }, 2),
  { operator: "Gather", shape: [3, 4], constants: [ints([2, 2], 0, -1, 2, 1)], attributes: { axis: 1 } },
  {
    operator: "GatherElements",
    shape: [3, 4],
    constants: [ints([2, 4], 0, 1, 2, -1, 2, 0, 1, 1)],
    attributes: { axis: 0 },
  },
  { operator: "GatherND", shape: [3, 4, 2], constants: [ints([2, 2], 0, -1, 2, 1)] },
  { operator: "GatherND", shape: [2, 4, 2], constants: [ints([2, 1], 3, -2)], attributes: { batch_dims: 1 } },
  {
    operator: "ScatterElements",
    shape: [3, 4],
    constants: [ints([1, 2], 1, -1), reals([1, 2])],
    attributes: { axis: 1 },
  },
  {
    operator: "ScatterElements",
    shape: [3, 4],
    constants: [ints([2, 2], 1, 1, 0, 2), reals([2, 2])],
    attributes: { axis: 0, reduction: "add" },
  },
  { operator: "ScatterND", shape: [4, 3], constants: [ints([2, 1], 3, -4), reals([2, 3])] },
  { operator: "Trilu", shape: [2, 3, 4], constants: [ints([], 1)] },
  { operator: "Trilu", shape: [4, 3], constants: [ints([], -1)], attributes: { upper: 0 } },
  { operator: "EyeLike", shape: [3, 4], attributes: { k: 1 } },
  {
    operator: "ReverseSequence",
    shape: [4, 2, 3],
    constants: [ints([2], 3, 2)],
    attributes: { time_axis: 0, batch_axis: 1 },
  },
  { operator: "CenterCropPad", shape: [5, 4], constants: [ints([2], 3, 7)] },
  { operator: "DepthToSpace", shape: [1, 8, 2, 3], attributes: { blocksize: 2, mode: "CRD" } },
  { operator: "DepthToSpace", shape: [1, 8, 2, 3], attributes: { blocksize: 2 } },
  { operator: "SpaceToDepth", shape: [1, 2, 4, 6], attributes: { blocksize: 2 } },
  {
    operator: "Compress",
    shape: [3, 2],
    constants: [{ dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) }],
    attributes: { axis: 0 },
  },
  { operator: "Hardmax", shape: [3, 4], attributes: { axis: 0 } },
  { operator: "ArgMin", shape: [3, 4], attributes: { axis: -1, keepdims: 0, select_last_index: 1 } },
  { operator: "CumSum", shape: [3, 4], constants: [ints([], 1)], attributes: { exclusive: 1, reverse: 1 } },
  {
    operator: "Slice",
    shape: [5, 4],
    constants: [ints([2], -1, 0), ints([2], 0, 3), ints([2], 0, 1), ints([2], -2, 2)],
  },
  { operator: "Pad", shape: [3, 3], constants: [ints([4], 1, 0, 2, 1)], attributes: { mode: "reflect" } },
  { operator: "ReduceLogSumExp", shape: [3, 4], constants: [ints([1], -1)], attributes: { keepdims: 0 } },
  { operator: "ReduceL2", shape: [3, 4, 2], constants: [ints([2], 0, 2)] },
  { operator: "LpNormalization", shape: [3, 4], attributes: { axis: 1, p: 1 } },
  { operator: "LRN", shape: [1, 5, 2, 2], attributes: { size: 3 } },
  { operator: "MeanVarianceNormalization", shape: [2, 3, 2, 2], attributes: { axes: [0, 2, 3] } },
  { operator: "InstanceNormalization", shape: [2, 3, 4], constants: [reals([3]), reals([3], 2)] },
  { operator: "LayerNormalization", shape: [2, 3, 4], constants: [reals([4])], attributes: { axis: -1 } },
  {
    operator: "MaxPool",
    shape: [1, 2, 5, 4],
    attributes: { kernel_shape: [2, 3], strides: [2, 2], pads: [0, 1, 1, 1], ceil_mode: 1 },
  },
  {
    operator: "AveragePool",
    shape: [1, 2, 5, 4],
    attributes: { kernel_shape: [2, 3], strides: [2, 1], pads: [1, 1, 0, 1] },
  },
  {
    operator: "AveragePool",
    shape: [1, 1, 5, 4],
    attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 },
  },
  { operator: "LpPool", shape: [1, 2, 6], attributes: { kernel_shape: [3], strides: [2] } },
  { operator: "GlobalLpPool", shape: [1, 2, 3, 3] },
  { operator: "GlobalMaxPool", shape: [2, 2, 3] },
  {
    operator: "ConvTranspose",
    shape: [1, 2, 3, 3],
    constants: [reals([2, 3, 2, 2])],
    attributes: { strides: [2, 2], pads: [0, 0, 1, 1] },
  },
];

describe("an operator of a file", () => {
  beforeEach(needsOnnxruntime);

  it.each(CASES)("$operator on $shape with $attributes is what onnxruntime makes of it", async (each) => {
    const model = modelOf(each);
    const x = reals(each.shape, 5);
    const session = await openOnnx(encodeOnnx(model));
    const { real } = await session.run({ x });
    const mine = ours(model, x);
    expect(mine.shape).toEqual(real!.shape);
    for (const [index, value] of mine.values.entries()) expect(value).toBeCloseTo(Number(real!.data[index]), 4);
  });
});
