/**
 * @file A trained model as one ONNX file that takes raw columns: strings to codes, preprocessing, network and results all
 * inside. The file is run in onnxruntime on made-up rows and compared with our own answers before it is called done.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { basename, dirname, extname } from "node:path";
import {
  type Assembler,
  encodeOnnx,
  exportGraph,
  Fault,
  findOnnxruntime,
  type NdArray,
  runApart,
  type Shape,
  type StringArray,
  sizeOf,
  trace,
} from "../../engine/index.ts";
import { replaceFile } from "../files/durable.ts";
import { writing } from "../files/writing.ts";
import { openFile } from "../imported/importedFile.ts";
import { writeWithHead } from "../imported/writeBack.ts";
import { type InputColumn, soleTensor } from "../preprocess/preprocessing.ts";
import { tokenWriter } from "../preprocess/tokens.ts";
import { createRandom } from "../random.ts";
import type { Registry } from "../registry/registry.ts";
import { outputNames, targetType } from "../targets/index.ts";
import { type CardValue, cardOf, type ModelCard } from "./card.ts";
import type { PredictionContext } from "./loaded.ts";
import { type FittedRecord, fitted, infer, previousInput, translates } from "./network.ts";
import { predictRows } from "./predict.ts";
import { inventRows } from "./samples.ts";
import { weightArrays } from "./weights.ts";

export interface ExportOptions {
  /** 17 to 21; 17 when left out. */
  readonly opset?: number | undefined;
  /** Run the file and compare; true when left out. */
  readonly verify?: boolean | undefined;
}

export interface ExportResult {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly opset: number;
  /** The model card beside the file. */
  readonly card: string;
  /** Null where the file was not run; `note` says why. */
  readonly verification: Verification | null;
  readonly note: string | null;
}

export interface Verification {
  readonly samples: number;
  /** The largest difference of any number in any result, onnxruntime against our engine. */
  readonly maxAbsDiff: number;
}

const SAMPLES = 64;
const DEFAULT_OPSET = 17;
/** A sample row larger than this is left out of the card. */
const LARGEST_SAMPLE = 4096;

/**
 * Writes `path`, and the model card beside it as `<name>.json`.
 * @throws INVALID_STATE for a model without weights; INVALID_PARAMS for an opset that is not offered;
 *   ONNX_OPERATOR_UNSUPPORTED where a layer has no ONNX form or onnxruntime refuses the file.
 */
export async function exportOnnx(
  context: PredictionContext,
  path: string,
  options: ExportOptions = {},
): Promise<ExportResult> {
  const { verify = true } = options;
  const record = fitted(context.record);
  const opset = opsetOf(record, options.opset);
  const name = basename(path, extname(path));
  const rows = inventRows(record.preprocessing, SAMPLES);
  const previous = inventPrevious(context.registry, record, SAMPLES);
  const answers = predictRows(context, rows, previous?.data as Int32Array | undefined);
  const card = withSample(cardOf(record, name, interfaceOf(context.registry, record)), record, rows, answers);
  const bytes = encodeOnnx(modelOf(context, record, card, opset));
  const sha256 = createHash("sha256").update(bytes).digest("hex");

  const presence = findOnnxruntime();
  const note = !verify
    ? "not asked for"
    : "missing" in presence
      ? `${presence.missing}, so the file was not run`
      : null;
  const verification =
    note === null
      ? await compare(
          bytes,
          { ...feedsOf(record, rows), ...(previous && { previous: wide(previous) }) },
          answers,
          SAMPLES,
        )
      : null;

  const cardPath = `${extname(path) === ".onnx" ? path.slice(0, -".onnx".length) : path}.json`;
  const file = { name: basename(path), sha256, bytes: bytes.byteLength, opset };
  await writing(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    await refuseOthers(cardPath);
    replaceFile(path, bytes);
    replaceFile(cardPath, `${JSON.stringify({ ...card, file, verification }, null, 2)}\n`);
  });
  return { path, sha256, bytes: bytes.byteLength, opset, card: cardPath, verification, note };
}

/** Only the card of an earlier export is replaced: `model.onnx` in a saved model's folder would put its card over `model.json`. */
export async function refuseOthers(cardPath: string): Promise<void> {
  const text = await readFile(cardPath, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return null;
    throw cause;
  });
  if (text === null || isCard(text)) return;
  throw new Fault("ALREADY_EXISTS", `\`${cardPath}\`, where the model's card would go, is something else`, {
    violations: [{ path: "path", message: "its card would replace a file", expected: "no such file", got: cardPath }],
    hint: "choose another name for the ONNX file",
  });
}

function isCard(text: string): boolean {
  try {
    return typeof (JSON.parse(text) as { file?: { opset?: unknown } }).file?.opset === "number";
  } catch {
    return false;
  }
}

/** The file's inputs and outputs, which are the host's contract with it. */
function interfaceOf(registry: Registry, record: FittedRecord): Pick<ModelCard, "inputs" | "outputs" | "labels"> {
  const { preprocessing, signature, target } = record;
  const sole = soleTensor(preprocessing);
  const inputs =
    sole === undefined ? preprocessing.columns.map(inputOf) : [{ ...inputOf(sole), name: soleName(record) }];
  const outputs = Object.entries(signature.results).map(
    ([name, { dtype, shape }]): CardValue => ({
      name,
      dtype: dtype === "I32" ? "I64" : dtype,
      shape: ["batch", ...shape],
      description: RESULTS[name] ?? `result \`${name}\``,
    }),
  );
  const written = translates(registry, record.spec) ? [previousValue(record)] : [];
  return { inputs: [...inputs, ...written], outputs, labels: outputNames(target) };
}

const RESULTS: Readonly<Record<string, string>> = {
  label: "index of the most likely class, into `labels`",
  probabilities: "probability of each of `labels`, in their order",
  values: "the predicted numbers, in the targets' own units, in the order of `labels`",
};

const DESCRIPTIONS: Readonly<Record<InputColumn["kind"], string>> = {
  number: "a number",
  boolean: "1 for true, 0 for false",
  date: "days since 1970-01-01 UTC, with fractions",
  category: "a string; an empty one is a missing value",
  tensor: "an array of numbers",
  tokens: "a text, a number for each character or word: its place among `categories`, counted from 1; 0 after its end",
};

function inputOf({ name, kind, shape, categories, steps }: InputColumn): CardValue {
  const takesMissing = kind !== "category" && kind !== "tokens" && steps.some(({ type }) => type === "impute");
  return {
    name,
    dtype: kind === "category" ? "STRING" : "F32",
    shape: ["batch", ...(shape.length === 0 ? [1] : shape)],
    description: DESCRIPTIONS[kind] + (takesMissing ? "; NaN is a missing value" : ""),
    ...(categories === undefined ? {} : { categories }),
  };
}

/** The asked one; a file that the model came from keeps its own. */
const opsetOf = ({ imported }: FittedRecord, asked: number | undefined): number =>
  imported === undefined ? (asked ?? DEFAULT_OPSET) : openFile(imported).opened.opset;

/** What a file calls its only input: as the file that the model came from does, if it came from one. */
const soleName = ({ imported }: FittedRecord): string =>
  imported === undefined ? "inputs" : openFile(imported).opened.inputs[0]!.name;

function modelOf({ registry }: PredictionContext, record: FittedRecord, card: ModelCard, opset: number) {
  const { imported } = record;
  const metadata = { labels: JSON.stringify(card.labels), card: JSON.stringify(card) };
  if (imported !== undefined) return writeWithHead(registry, { ...record, imported }, metadata);
  const weights = weightArrays(record.weights!);
  const { signature, preprocessing } = record;
  return exportGraph({
    name: card.name,
    opset,
    weights: (path) => weights[path]!,
    metadata,
    trace: (batch) =>
      trace((t) => ({
        outputs: infer(
          t,
          registry,
          record,
          t.input("raw", { dtype: "F32", shape: [batch, ...signature.raw] }),
          previousInput(t, registry, record, batch),
        ),
      })),
    before: (assembler) => ({
      raw: rawRows(assembler, preprocessing.columns, card.inputs, signature.raw),
      ...previousTokens(assembler, registry, record),
    }),
    after(assembler, values) {
      for (const [name, { dtype, shape }] of Object.entries(signature.results)) {
        const type = dtype === "I32" ? "I64" : dtype;
        const value = type === dtype ? values[name]! : assembler.cast(values[name]!, type);
        assembler.output(name, value, type, [assembler.batch, ...shape]);
      }
    },
  });
}

/** Of a model that writes element by element: an input of what it has written. */
function previousValue({ target, preprocessing: _ }: FittedRecord): CardValue {
  const { shape } = targetType(target, 1);
  const start = outputNames(target).length;
  return {
    name: "previous",
    dtype: "I64",
    shape: ["batch", ...shape.slice(1)],
    description: `indices into \`labels\` of what has been written before each place; the first is ${start}`,
  };
}

function previousTokens(assembler: Assembler, registry: Registry, record: FittedRecord): Record<string, string> {
  if (!translates(registry, record.spec)) return {};
  const { name, dtype, shape } = previousValue(record);
  const own = shape.map((size) => (size === "batch" ? assembler.batch : size));
  return { previous: assembler.cast(assembler.input(name, dtype, own), "I32") };
}

/** Any tokens, to compare two executors on. */
function inventPrevious(registry: Registry, record: FittedRecord, rows: number): NdArray | undefined {
  if (!translates(registry, record.spec)) return undefined;
  const [, length] = targetType(record.target, 1).shape as [number, number];
  const stream = createRandom(0, "export", "previous");
  const start = outputNames(record.target).length;
  const data = Int32Array.from({ length: rows * length }, (_, index) =>
    index % length === 0 ? start : stream.integer(start),
  );
  return { dtype: "I32", shape: [rows, length], data };
}

const wide = ({ shape, data }: NdArray): NdArray => ({
  dtype: "I64",
  shape,
  data: BigInt64Array.from(data as Int32Array, BigInt),
});

/** Declares the inputs and joins them to raw rows [batch, rawWidth], as `encodeRows` makes them; or [batch, ...shape]. */
function rawRows(
  assembler: Assembler,
  columns: readonly InputColumn[],
  inputs: readonly CardValue[],
  raw: Shape,
): string {
  const { batch } = assembler;
  const parts = columns.map((column, index) => {
    const { name, dtype, shape } = inputs[index]!;
    const own = shape.map((size) => (size === "batch" ? batch : size));
    const value = assembler.input(name, dtype, own);
    if (column.kind === "category") return codesOf(assembler, value, column);
    const wanted = columns.length === 1 ? [batch, ...raw] : [batch, column.width];
    return own.join() === wanted.join() ? value : assembler.node("Reshape", [value, assembler.shape(wanted)]);
  });
  return parts.length === 1 ? parts[0]! : assembler.node("Concat", parts, { axis: { int: 1 } });
}

/** Strings [batch, 1] to codes [batch, 1], F32: NaN for the empty string, which stands for a missing value. */
function codesOf(assembler: Assembler, value: string, { categories, unknownCode }: InputColumn): string {
  const known = categories!.filter((category) => category !== "");
  return assembler.node("ai.onnx.ml.LabelEncoder", [value], {
    keys_strings: { strings: ["", ...known] },
    values_floats: { floats: [Number.NaN, ...known.map((category) => categories!.indexOf(category))] },
    default_float: { float: unknownCode! },
  });
}

type Rows = ReturnType<typeof inventRows>;

/** The same rows as the file takes them. */
function feedsOf(record: FittedRecord, rows: Rows): Record<string, NdArray | StringArray> {
  if (!Array.isArray(rows)) return { [soleName(record)]: rows as NdArray };
  return Object.fromEntries(
    record.preprocessing.columns.map((column) => {
      const { name, kind, shape, width } = column;
      const cells = rows.map((row) => row[name]);
      const dimensions = [rows.length, ...(shape.length === 0 ? [1] : shape)];
      if (kind === "tokens") return [name, tokensOf(column, cells as string[], dimensions)];
      if (kind === "category") {
        return [name, { dtype: "STRING", shape: dimensions, data: cells.map((cell) => String(cell ?? "")) }];
      }
      const data = new Float32Array(rows.length * width);
      cells.forEach((cell, row) => {
        data.set(([cell ?? Number.NaN] as unknown[]).flat(Number.POSITIVE_INFINITY) as number[], row * width);
      });
      return [name, { dtype: "F32", shape: dimensions, data }];
    }),
  );
}

function tokensOf(column: InputColumn, texts: readonly string[], shape: Shape): NdArray {
  const write = tokenWriter(column);
  const data = new Float32Array(texts.length * column.width);
  for (const [row, text] of texts.entries()) write(text, data, row * column.width, column.name);
  return { dtype: "F32", shape, data };
}

async function compare(
  bytes: Uint8Array,
  feeds: Readonly<Record<string, NdArray | StringArray>>,
  answers: Readonly<Record<string, NdArray>>,
  samples: number,
): Promise<Verification> {
  let maxAbsDiff = 0;
  for (const [name, { data, dtype }] of Object.entries(await runApart(bytes, feeds))) {
    if (dtype !== "F32") continue; // indices differ where two classes are as good as equal
    const own = answers[name]!;
    for (let index = 0; index < data.length; index++) {
      const difference = Math.abs(Number(data[index]) - Number(own.data[index]));
      if (!(difference <= maxAbsDiff)) maxAbsDiff = difference; // a NaN on one side counts, too
    }
  }
  return { samples, maxAbsDiff };
}

function withSample(
  card: ModelCard,
  record: FittedRecord,
  rows: Rows,
  answers: Readonly<Record<string, NdArray>>,
): ModelCard {
  const feeds = feedsOf(record, rows);
  const first = ({ shape, data }: NdArray | StringArray): unknown[] =>
    Array.from(data.slice(0, sizeOf(shape.slice(1))) as ArrayLike<number | string>, plain);
  const size = Object.values(feeds).reduce((sum, { shape }) => sum + sizeOf(shape.slice(1)), 0);
  if (size > LARGEST_SAMPLE) return card;
  const inputs = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, first(feed)]));
  const outputs = Object.fromEntries(card.outputs.map(({ name }) => [name, first(answers[name]!)]));
  return { ...card, sample: { inputs, outputs } };
}

/** JSON has no NaN. */
const plain = (value: number | string): number | string =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
