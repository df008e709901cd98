/**
 * @file Files in integers beside the same in real numbers: their size, their accuracy, and onnxruntime's time for 64 rows on one
 * thread, rounds in turn. Models are trained here, on three quarters of digits, and judged on the rest.
 *
 * usage: quantized.ts CASE [CASE …]     prints {"name", "value"} for each; a case is quantized-FIGURE-MODEL-MODE
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMachine, type NdArray, openOnnx } from "../src/engine/index.ts";
import { allRows, type Dataset } from "../src/pipelines/data/dataset.ts";
import { createModel, createRegistry, loadData, parseTrainOptions, train } from "../src/pipelines/index.ts";
import { exportOnnx } from "../src/pipelines/model/export.ts";
import { quantizeChoice } from "../src/pipelines/quantize/options.ts";
import { createQuantizer } from "../src/pipelines/quantize/quantizer.ts";
import { median } from "./statistics.ts";

const ROUNDS = 15;
const RUNS = 40;
const ROWS = 64;

const MODELS = {
  mlp: { backbone: { type: "mlp", hidden: [256, 128] }, shape: [64], epochs: 15 },
  cnn: {
    backbone: { type: "cnn", blocks: [{ channels: 32 }, { channels: 64 }], hidden: [64] },
    shape: [1, 8, 8],
    epochs: 4,
  },
} as const;

type ModelName = keyof typeof MODELS;
type Mode = "dynamic" | "static";

const registry = createRegistry();
const executor = createMachine({ threads: 1 });

/** Digits as rows of a shape: those for learning, and those that are kept. */
async function digits(shape: readonly number[]): Promise<{ learned: Dataset; kept: Dataset }> {
  const whole = await loadData({ builtin: "digits" }, { registry, handles: {} });
  const part = (rows: Int32Array, name: string): Dataset => ({
    ...whole,
    name,
    rows: rows.length,
    columns: whole.columns.map((column) => {
      const own = column.kind === "tensor" ? shape : column.shape;
      const width = own.reduce((product, size) => product * size, 1);
      const values = new (column.values.constructor as Float32ArrayConstructor)(rows.length * width);
      rows.forEach((row, index) => {
        values.set(column.values.subarray(row * width, (row + 1) * width) as never, index * width);
      });
      return { ...column, shape: own, values };
    }),
  });
  const rows = allRows(whole.rows);
  return {
    learned: part(
      rows.filter((row) => row % 4 !== 0),
      "learned",
    ),
    kept: part(
      rows.filter((row) => row % 4 === 0),
      "kept",
    ),
  };
}

interface Files {
  readonly real: Uint8Array;
  readonly integers: Readonly<Record<Mode, Uint8Array>>;
  readonly inputs: NdArray;
  readonly labels: ArrayLike<number>;
}

async function filesOf(name: ModelName): Promise<Files> {
  const { backbone, shape, epochs } = MODELS[name];
  const { learned, kept } = await digits(shape);
  const blank = createModel(registry, { pipeline: "classification", backbone, seed: 1 });
  const options = parseTrainOptions(registry, blank, { epochs, batchSize: 64 });
  const control = new Int32Array(new SharedArrayBuffer(64));
  const ways = { registry, executor, record: blank, dataset: learned, options, control };
  const { record } = train({ ...ways, emit() {}, publish() {} });
  const context = { registry, executor, record };
  const folder = await mkdtemp(join(tmpdir(), "bench-quantized-"));
  const written = async (mode: Mode | null): Promise<Uint8Array> => {
    const path = join(folder, `${mode ?? "real"}.onnx`);
    const quantize = mode && createQuantizer(context, quantizeChoice(`int8-${mode}`), learned);
    await exportOnnx(context, path, { verify: false, ...(quantize && { quantize }) });
    return readFile(path);
  };
  try {
    const [real, dynamic, fixed] = [await written(null), await written("dynamic"), await written("static")];
    const [images, targets] = [
      kept.columns.find(({ kind }) => kind === "tensor")!,
      kept.columns.find(({ name }) => name === kept.target)!,
    ];
    const inputs: NdArray = { dtype: "F32", shape: [kept.rows, ...shape], data: Float32Array.from(images.values) };
    return { real, integers: { dynamic, static: fixed }, inputs, labels: targets.values };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function accuracyOf(file: Uint8Array, { inputs, labels }: Files): Promise<number> {
  const session = await openOnnx(file);
  const { label } = await session.run({ inputs });
  await session.close();
  return Array.from(label!.data, Number).filter((found, row) => found === labels[row]).length / labels.length;
}

const FIGURES: Readonly<Record<string, (files: Files, mode: Mode) => number | Promise<number>>> = {
  size: ({ real, integers }, mode) => integers[mode].byteLength / real.byteLength,
  accuracy: async (files, mode) =>
    (await accuracyOf(files.integers[mode], files)) / (await accuracyOf(files.real, files)),
  async time(files, mode) {
    const [real, integers] = [await openOnnx(files.real), await openOnnx(files.integers[mode])];
    const [own, ...rest] = [ROWS, ...files.inputs.shape.slice(1)];
    const width = rest.reduce((product, size) => product * size, 1);
    const inputs: NdArray = { dtype: "F32", shape: [own!, ...rest], data: files.inputs.data.slice(0, ROWS * width) };
    const timeFor = async (session: typeof real): Promise<number> => {
      const start = performance.now();
      for (let run = 0; run < RUNS; run++) await session.run({ inputs });
      return performance.now() - start;
    };
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round++) ratios.push((await timeFor(integers)) / (await timeFor(real)));
    return median(ratios);
  },
};

const made = new Map<ModelName, Promise<Files>>();
for (const name of process.argv.slice(2)) {
  const [, figure, model, mode] = name.split("-") as [string, string, ModelName, Mode];
  if (FIGURES[figure] === undefined || MODELS[model] === undefined) throw new Error(`no case ${name}`);
  if (!made.has(model)) made.set(model, filesOf(model));
  console.log(JSON.stringify({ name, value: await FIGURES[figure](await made.get(model)!, mode) }));
}
process.exit();
