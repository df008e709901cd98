/** @file Files of others as models: run, with a new head, written back as they were. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  createMachine,
  decodeOnnx,
  encodeOnnx,
  type ModelProto,
  type NdArray,
  type NodeProto,
} from "../../../src/engine/index.ts";
import { tensorProtoOf, valueInfoOf } from "../../../src/engine/onnx/tensors.ts";
import { importOnnx } from "../../../src/pipelines/imported/importOnnx.ts";
import { predictImported } from "../../../src/pipelines/imported/predictImported.ts";
import { writeWhole, writeWithHead } from "../../../src/pipelines/imported/writeBack.ts";
import {
  createModel,
  createRegistry,
  type Dataset,
  loadData,
  type ModelRecord,
  parseTrainOptions,
  predict,
  summarise,
  train,
} from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";

const folder = new URL("../../vectors/imported/", import.meta.url);
const bytes = readFileSync(new URL("small-cnn.onnx", folder));
const { logits } = JSON.parse(readFileSync(new URL("small-cnn.json", folder), "utf8")) as { logits: number[] };

const registry = createRegistry();
const executor = createMachine({ threads: 1 });
const nowhere = () => {
  throw new Error("there is nothing beside the file");
};
const images: NdArray = {
  dtype: "F32",
  shape: [2, 1, 8, 8],
  data: Float32Array.from({ length: 128 }, (_, i) => -1 + (2 * i) / 127),
};

/** Stripes one way or the other: two classes that a few steps tell apart. */
async function stripes(): Promise<Dataset> {
  const rows = Array.from({ length: 64 }, (_, row) =>
    Array.from({ length: 8 }, (_y, y) => Array.from({ length: 8 }, (_x, x) => Number((row % 2 === 0 ? x : y) % 2))),
  );
  const flat = Float32Array.from(rows.flat(2));
  const x: NdArray = { dtype: "F32", shape: [64, 1, 8, 8], data: flat };
  const y: NdArray = { dtype: "I32", shape: [64], data: Int32Array.from({ length: 64 }, (_, row) => row % 2) };
  return loadData({ x, y } as never, { registry, handles: {} });
}

async function fineTuned(freeze: string[]): Promise<ModelRecord> {
  const { imported } = importOnnx(bytes, nowhere).record;
  let record = createModel(registry, { pipeline: "classification", backbone: { type: "onnx" }, seed: 1 }, imported);
  const raw = { epochs: 6, batchSize: 16, optimizer: { type: "adam", learningRate: 0.01 }, freeze };
  train({
    registry,
    executor,
    record,
    dataset: await stripes(),
    options: parseTrainOptions(registry, record, raw),
    control: new Int32Array(new SharedArrayBuffer(8)),
    emit: () => {},
    publish: (published) => {
      record = published;
    },
  });
  return record;
}

const initialisersOf = (model: ModelProto): Map<string, Uint8Array> =>
  new Map(model.graph!.initializer!.map(({ name, rawData }) => [name!, rawData!]));

describe("an imported file", () => {
  it("answers what PyTorch answered before it wrote the file", () => {
    const { record } = importOnnx(bytes, nowhere);
    const answers = predictImported({ executor, record }, images).logits!;
    expect(answers.shape).toEqual([2, 10]);
    logits.forEach((value, index) => {
      expect(Number(answers.data[index])).toBeCloseTo(value, 5);
    });
  });

  it("is reported: what it takes, what its tensors became, what inference has folded", () => {
    const { report } = importOnnx(bytes, nowhere);
    expect(report).toMatchObject({ opset: 13, parameters: 3658, features: "/Relu_2_output_0", unsupported: [] });
    expect(report.inputs).toEqual([{ name: "image", elemType: 1, shape: ["n", 1, 8, 8] }]);
    expect(new Set(report.initialisers.map(({ role }) => role))).toEqual(new Set(["parameter"]));
    expect(report.folded).toHaveLength(2);
  });

  it("is written back byte for byte while nothing has changed", () => {
    const { record } = importOnnx(bytes, nowhere);
    expect(Buffer.compare(writeWhole(record), bytes)).toBe(0);
  });

  it("is no model of layers to sum up, and is given a head first", () => {
    const { record } = importOnnx(bytes, nowhere);
    const fault = faultOf(() => summarise(registry, record));
    expect(fault.reason).toBe("INVALID_STATE");
    expect(fault.hint).toContain("models.create");
  });

  it("refuses feeds that do not fit, by name", () => {
    const { record } = importOnnx(bytes, nowhere);
    const run = (feeds: Parameters<typeof predictImported>[1]) =>
      faultOf(() => predictImported({ executor, record }, feeds));
    expect(run({ picture: images })).toMatchObject({ reason: "INVALID_PARAMS" });
    const [violation] = run({ ...images, shape: [2, 1, 4, 16] }).violations;
    expect(violation).toMatchObject({ path: "inputs.image", expected: "[n, 1, 8, 8]", got: "[2, 1, 4, 16]" });
  });

  it("names the node whose operator the engine lacks, and is taken in all the same", () => {
    const model = decodeOnnx(bytes);
    const strange = model.graph!.node!.map((node) => (node.opType === "Relu" ? { ...node, opType: "Sparkle" } : node));
    const { report } = importOnnx(encodeOnnx({ ...model, graph: { ...model.graph!, node: strange } }), nowhere);
    expect(report.unsupported).toMatchObject([{ operator: "Sparkle", node: "/Relu" }]);
  });
});

describe("a new head on an imported file", () => {
  it("learns, while what is frozen keeps its bytes and everything its name, in a file that the runtime takes", async () => {
    const record = await fineTuned(["backbone.fc1"]);
    const dataset = await stripes();
    const { labels } = predict({ registry, executor, record }, images as never) as { labels: string[] };
    expect(labels).toHaveLength(2);
    expect(record.metrics!.training.accuracy).toBeGreaterThan(0.9);
    expect(dataset.rows).toBe(64);

    const written = writeWithHead(registry, record as never, { labels: '["0","1"]' });
    const [before, after] = [initialisersOf(decodeOnnx(bytes)), initialisersOf(written)];
    expect(after.get("fc1.weight")).toEqual(before.get("fc1.weight"));
    expect(after.get("onnx::Conv_32")).not.toEqual(before.get("onnx::Conv_32"));
    expect([...after.keys()].filter((name) => !before.has(name))).toEqual(["head.weight", "head.bias"]);
    expect(after.has("fc.weight")).toBe(false);
    expect(written.opsetImport).toEqual(decodeOnnx(bytes).opsetImport);
    expect(written.graph!.input!.map(({ name }) => name)).toEqual(["image"]);
  });

  it("is refused on rows of another shape, with both shapes", async () => {
    const { imported } = importOnnx(bytes, nowhere).record;
    const spec = {
      pipeline: "classification",
      backbone: { type: "onnx" },
      input: { shape: [3, 8, 8] },
      head: "classification",
    };
    const make = () => createModel(registry, { ...spec, pipeline: "reconstruction", head: undefined }, imported);
    expect(faultOf(make)).toMatchObject({ reason: "SHAPE_MISMATCH", violations: [{ expected: "[n, 1, 8, 8]" }] });
  });

  it("is refused on a value that the file does not compute", () => {
    const { imported } = importOnnx(bytes, nowhere).record;
    const backbone = { type: "onnx", output: "nowhere" };
    const make = () =>
      createModel(registry, { pipeline: "reconstruction", backbone, input: { shape: [1, 8, 8] } }, imported);
    expect(faultOf(make)).toMatchObject({
      reason: "NOT_FOUND",
      violations: [{ path: "backbone.output", got: "nowhere" }],
    });
  });
});

describe("what a file says that no schema of ours knows", () => {
  /** Field 1000, a text. */
  const strange = new Uint8Array([0xc2, 0x3e, 3, 0x6f, 0x64, 0x64]);
  const marked = <Message extends object>(message: Message): Message => ({ ...message, unknownFields: strange });

  it("is written back in every message that had it, though weights have changed", () => {
    const model = decodeOnnx(bytes);
    const graph = model.graph!;
    const file = encodeOnnx(
      marked({
        ...model,
        opsetImport: model.opsetImport!.map(marked),
        graph: marked({
          ...graph,
          node: graph.node!.map((each) => marked({ ...each, attribute: (each.attribute ?? []).map(marked) })),
          initializer: graph.initializer!.map(marked),
          input: graph.input!.map(marked),
        }),
      }),
    );
    const { record } = importOnnx(file, nowhere);
    const weights = { ...record.weights!, buffer: record.weights!.buffer.slice(0) as SharedArrayBuffer };
    new Float32Array(weights.buffer).fill(0.5);
    const written = decodeOnnx(writeWhole({ ...record, weights }));
    expect(
      written.graph!.initializer!.some(({ rawData }, i) => !sameBytes(rawData!, graph.initializer![i]!.rawData!)),
    ).toBe(true);
    const messages = [
      written,
      written.graph!,
      ...written.opsetImport!,
      ...written.graph!.node!,
      ...written.graph!.node!.flatMap(({ attribute }) => attribute ?? []),
      ...written.graph!.initializer!,
      ...written.graph!.input!,
    ];
    expect(
      messages.every(({ unknownFields }) => unknownFields !== undefined && sameBytes(unknownFields, strange)),
    ).toBe(true);
  });
});

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe("lists of tensors", () => {
  const axis = (value: bigint) => [{ name: "axis", i: value, type: 2 }];
  const listed = (node: NodeProto[], output: string) =>
    encodeOnnx({
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 17n }],
      graph: {
        name: "g",
        node,
        initializer: [tensorProtoOf("last", { dtype: "I64", shape: [], data: BigInt64Array.of(-1n) })],
        input: [valueInfoOf("x", 1, [3, 2])],
        output: [valueInfoOf(output, 1, [2, 3])],
      },
    });
  const split = {
    opType: "SplitToSequence",
    input: ["x"],
    output: ["rows"],
    attribute: [...axis(0n), { name: "keepdims", i: 0n, type: 2 }],
  };
  const x: NdArray = { dtype: "F32", shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) };

  it("are taken apart, changed and joined while the file is raised", () => {
    const { record } = importOnnx(
      listed(
        [
          split,
          { opType: "SequenceAt", input: ["rows", "last"], output: ["row"] },
          { opType: "SequenceErase", input: ["rows"], output: ["fewer"] },
          { opType: "SequenceInsert", input: ["fewer", "row", "last"], output: ["more"] },
          {
            opType: "ConcatFromSequence",
            input: ["more"],
            output: ["y"],
            attribute: [...axis(1n), { name: "new_axis", i: 1n, type: 2 }],
          },
        ],
        "y",
      ),
      nowhere,
    );
    expect(Array.from(predictImported({ executor, record }, x).y!.data as Float32Array)).toEqual([1, 5, 3, 2, 6, 4]);
  });

  it("are refused where an operator takes a tensor", () => {
    const { report } = importOnnx(listed([split, { opType: "Relu", input: ["rows"], output: ["y"] }], "y"), nowhere);
    expect(report.unsupported[0]!.reason).toMatch("input 0 is a list of tensors, where the operator takes a tensor");
  });

  it("are refused as outputs of the file", () => {
    const { report } = importOnnx(listed([split], "rows"), nowhere);
    expect(report.unsupported[0]!.reason).toMatch("output `rows` is a list of tensors");
  });
});
