import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  createMachine,
  decodeOnnx,
  encodeOnnx,
  type ModelProto,
  type NdArray,
  type NodeProto,
  tensorProtoOf,
} from "../../../src/engine/index.ts";
import { importOnnx } from "../../../src/pipelines/imported/importOnnx.ts";
import { predictImported } from "../../../src/pipelines/imported/predictImported.ts";
import { writeWhole, writeWithHead } from "../../../src/pipelines/imported/writeBack.ts";
import {
  createModel,
  createRegistry,
  type Dataset,
  evaluate,
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
/** @param elemType TensorProto.DataType */
const port = (name: string, elemType: number, shape: readonly number[]) => ({
  name,
  type: { tensorType: { elemType, shape: { dim: shape.map((size) => ({ dimValue: BigInt(size) })) } } },
});
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

describe("a file that asks for what cannot be", () => {
  /** @param size of its axis: fixed, or open */
  const one = (operator: string, attribute: object, size: number | string, places?: number[]) =>
    encodeOnnx({
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 17n }],
      graph: {
        name: "g",
        node: [
          {
            name: "the one",
            opType: operator,
            input: ["x", ...(places === undefined ? [] : ["places"])],
            output: ["y"],
            attribute: Object.entries(attribute).map(([name, value]) =>
              Array.isArray(value)
                ? { name, ints: BigInt64Array.from(value, BigInt), type: 7 }
                : { name, i: value, type: 2 },
            ),
          },
        ],
        initializer: [
          tensorProtoOf("places", {
            dtype: "I64",
            shape: [places?.length ?? 0],
            data: BigInt64Array.from(places ?? [], BigInt),
          }),
        ],
        input: [
          {
            name: "x",
            type: {
              tensorType: {
                elemType: 1,
                shape: {
                  dim: [1n, 2n, size].map((each) =>
                    typeof each === "string" ? { dimParam: each } : { dimValue: BigInt(each) },
                  ),
                },
              },
            },
          },
        ],
        output: [port("y", 1, [1, 2, 1])],
      },
    });

  it.each([
    ["an index beyond its axis", one("Gather", { axis: 2n }, 3, [0, 3]), /the one.*index 3 .*axis of 3/, "input[1]"],
    ["an index before its axis", one("Gather", { axis: 1n }, 3, [-3]), /index -3 .*axis of 2/, "input[1]"],
    ["an index beyond a fixed axis", one("Gather", { axis: 1n }, "n", [2]), /index 2 .*axis of 2/, "input[1]"],
    ["an axis that its tensor lacks", one("Gather", { axis: 3n }, 3, [0]), /axis 3 .*3 axes/, "attribute.axis"],
    ["an axis before the first", one("ArgMax", { axis: -4n }, 3), /axis -4 .*3 axes/, "attribute.axis"],
    [
      "a window larger than the padded image",
      one("MaxPool", { kernel_shape: [6], pads: [1, 1] }, 3),
      /window sees 6 .*has 5/,
      "attribute.kernel_shape",
    ],
  ])("is refused at import: %s", (_what, file, message, path) => {
    const fault = faultOf(() => importOnnx(file, nowhere));
    expect(fault.reason).toBe("DATA_INVALID");
    expect(fault.message).toMatch(message);
    expect(fault.violations[0]!.path).toBe(`graph.node[0].${path}`);
  });

  it("is taken in where an open size may hold the index, and refused with fewer rows", () => {
    const { record, report } = importOnnx(one("Gather", { axis: 2n }, "n", [70]), nowhere);
    expect(report.unsupported).toEqual([]);
    const run = (size: number) => {
      const x: NdArray = {
        dtype: "F32",
        shape: [1, 2, size],
        data: Float32Array.from({ length: 2 * size }, (_, i) => i),
      };
      return predictImported({ executor, record }, { x }).y!;
    };
    expect(Array.from(run(80).data, Number)).toEqual([70, 150]);
    expect(faultOf(() => run(70)).message).toMatch(/index 70 .*axis of 70/);
  });
});

describe("a backbone whose rows look at each other", () => {
  const vector = (name: string, ...values: number[]) =>
    tensorProtoOf(name, { dtype: "F32", shape: [2], data: Float32Array.from(values) });
  const file = encodeOnnx({
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: "g",
      node: [
        {
          opType: "BatchNormalization",
          input: ["x", "scale", "shift", "mean", "variance"],
          output: ["y", "newMean", "newVariance"],
          attribute: [{ name: "training_mode", i: 1n, type: 2 }],
        },
      ],
      initializer: [vector("scale", 1, 2), vector("shift", 0.5, 0), vector("mean", 0, 0), vector("variance", 1, 1)],
      input: [port("x", 1, [1, 2])].map(({ name, type: { tensorType } }) => ({
        name,
        type: { tensorType: { ...tensorType, shape: { dim: [{ dimParam: "n" }, { dimValue: 2n }] } } },
      })),
      output: [port("y", 1, [1, 2])],
    },
  });
  const rowsOf = (count: number): number[][] =>
    Array.from({ length: count }, (_, row) => [Math.sin(row) + 2, 3 * Math.cos(1.3 * row)]);

  async function trained(): Promise<{ record: ModelRecord; dataset: Dataset }> {
    const { imported } = importOnnx(file, nowhere).record;
    const x: NdArray = { dtype: "F32", shape: [24, 2], data: Float32Array.from(rowsOf(24).flat()) };
    const y: NdArray = { dtype: "I32", shape: [24], data: Int32Array.from(rowsOf(24), ([, b]) => Number(b! > 0)) };
    const dataset = await loadData({ x, y } as never, { registry, handles: {} });
    let record = createModel(
      registry,
      { pipeline: "classification", backbone: { type: "onnx", output: "y" }, seed: 1 },
      imported,
    );
    train({
      registry,
      executor,
      record,
      dataset,
      options: parseTrainOptions(registry, record, { epochs: 4, batchSize: 24 }),
      control: new Int32Array(new SharedArrayBuffer(8)),
      emit: () => {},
      publish: (published) => {
        record = published;
      },
    });
    return { record, dataset };
  }

  it("is asked for all rows at once, with none beside them: twice the same rows have the moments of once", async () => {
    const { record } = await trained();
    const answersTo = (rows: number[][]) => {
      const { probabilities } = predict({ registry, executor, record }, rows) as { probabilities: NdArray };
      return Array.from(probabilities.data, Number);
    };
    for (const count of [3, 700]) {
      const [once, twice] = [answersTo(rowsOf(count)), answersTo([...rowsOf(count), ...rowsOf(count)])];
      once.forEach((value, index) => {
        expect(twice[index]!).toBeCloseTo(value, 5);
      });
    }
  });

  it("is judged by the answers that it gives", async () => {
    const { record, dataset } = await trained();
    const { labels } = predict({ registry, executor, record }, rowsOf(24)) as { labels: string[] };
    const right = labels.filter((label, row) => Number(label) === Number(rowsOf(24)[row]![1]! > 0)).length;
    expect(evaluate({ registry, executor, record }, dataset).metrics.accuracy).toBeCloseTo(right / 24, 6);
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

describe("a file whose branch hangs on an integer that it is given", () => {
  const branch = (name: string, operator: string) => ({
    name,
    type: 5,
    g: { name, node: [{ opType: operator, input: ["x"], output: [name] }], output: [{ name }] },
  });
  const file = encodeOnnx({
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: "g",
      node: [
        { opType: "Equal", input: ["rate", "wanted"], output: ["isWanted"] },
        {
          opType: "If",
          input: ["isWanted"],
          output: ["y"],
          attribute: [branch("then_branch", "Neg"), branch("else_branch", "Abs")],
        },
      ],
      initializer: [tensorProtoOf("wanted", { dtype: "I64", shape: [], data: BigInt64Array.of(16_000n) })],
      input: [port("x", 1, [3]), port("rate", 7, []), port("other", 7, [2])],
      output: [port("y", 1, [3])],
    },
  });

  it("is said to depend on it, and is nothing that the engine lacks", () => {
    const { record, report } = importOnnx(file, nowhere);
    expect(report.decidedBy).toEqual(["rate"]);
    expect(report.unsupported).toEqual([]);
    expect(record.imported.needsOnnxruntime).toBeUndefined();
  });

  it("takes the branch that each value chooses", () => {
    const { record } = importOnnx(file, nowhere);
    const at = (rate: bigint) => {
      const x: NdArray = { dtype: "F32", shape: [3], data: Float32Array.of(1, -2, 3) };
      const integer = (shape: number[], ...data: bigint[]): NdArray => ({
        dtype: "I64",
        shape,
        data: BigInt64Array.from(data),
      });
      const feeds = { x, rate: integer([], rate), other: integer([2], 1n, 2n) };
      return Array.from(predictImported({ executor, record }, feeds).y!.data as Float32Array);
    };
    expect(at(16_000n)).toEqual([-1, 2, -3]);
    expect(at(8000n)).toEqual([1, 2, 3]);
  });

  it.each([0.5, Number.NaN])("refuses %d there, by the input's name", (value) => {
    const feeds: Record<string, NdArray> = {
      x: { dtype: "F32", shape: [3], data: Float32Array.of(1, -2, 3) },
      rate: { dtype: "F32", shape: [], data: Float32Array.of(value) },
      other: { dtype: "I64", shape: [2], data: BigInt64Array.of(1n, 2n) },
    };
    const { reason, violations } = faultOf(() =>
      predictImported({ executor, record: importOnnx(file, nowhere).record }, feeds),
    );
    expect(reason).toBe("DATA_INVALID");
    expect(violations[0]).toMatchObject({ path: "inputs.rate", got: String(value) });
  });
});

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
        input: [port("x", 1, [3, 2])],
        output: [port(output, 1, [2, 3])],
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
