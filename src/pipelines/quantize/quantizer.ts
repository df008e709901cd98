/**
 * @file Quantising as a step on the way to a file: a float ONNX model in, one of integers out, with a report of what that
 * changed and our engine's own answers of it, which the file is then checked against.
 */
import {
  type Executor,
  encodeOnnx,
  type ModelProto,
  type NdArray,
  type Prepared,
  prepareQuantization,
  quantizeModel,
  type Shape,
  type StringArray,
} from "../../engine/index.ts";
import type { Dataset } from "../data/dataset.ts";
import type { PredictionContext } from "../model/loaded.ts";
import type { FittedRecord } from "../model/network.ts";
import { type Difference, differenceOf } from "../model/onnxFile.ts";
import { matches } from "../registry/paths.ts";
import { calibrate } from "./calibrate.ts";
import { damageOf } from "./damage.ts";
import { type QuantizeChoice, refusal } from "./options.ts";
import { qualityOf } from "./quality.ts";
import { type QuantizationReport, reportOf } from "./report.ts";
import { computedValues, createRunner, type Feeds, shapesIn } from "./runGraph.ts";
import { batchFor, datasetSamples, inventedSamples, plainSamples, rowSize, type Samples } from "./samples.ts";
import { withoutStrings } from "./strings.ts";

type Arrays = Readonly<Record<string, NdArray | StringArray>>;

export interface QuantizedFile {
  readonly model: ModelProto;
  readonly report: QuantizationReport;
  /** What the file answered to the rows that it was made with, against our engine's answers. */
  compare(theirs: Arrays): Difference;
}

/** @param made the float model, and made-up rows for it */
export type Quantizer = (made: { readonly model: ModelProto; readonly feeds: Arrays }) => QuantizedFile;

/**
 * @param dataset to measure ranges and damage on; null: the made-up rows, on which int8-static refuses to measure
 * Faults of the quantiser: INVALID_PARAMS where data are missing, a pattern of `exclude` fits nothing, or nothing is left
 * to quantise; those of data that do not fit the model
 */
export function createQuantizer(
  context: PredictionContext,
  choice: QuantizeChoice,
  dataset: Dataset | null,
): Quantizer {
  const { executor, record } = context;
  return ({ model, feeds }) => {
    if (dataset === null && choice.mode === "int8-static") throw withoutData();
    const plain = withoutStrings(model);
    const { samples: most } = choice.calibration;
    const samples =
      dataset === null
        ? inventedSamples(model, feeds)
        : isOfColumns(record)
          ? datasetSamples(context, record, plain, dataset, most)
          : plainSamples(model, feeds, dataset, most);
    const trial = samples.fixed ?? Math.min(TRIAL_ROWS, samples.count);
    const shapes = shapesIn(plain, samples.feeds(0, trial));
    const prepared = prepare(model, choice, shapes);
    const computed = new Set(computedValues(plain));
    const outputs = (model.graph!.output ?? []).map(({ name = "" }) => name).filter((name) => computed.has(name));
    const seen = [...prepared.layers.map(({ output }) => output), ...prepared.measured, ...outputs];
    const perRow = rowSize(
      seen.map((name) => shapes[name] ?? []),
      trial,
    );
    const batch = samples.fixed ?? batchFor(2 * perRow);
    const ranges = calibrate(executor, plain, prepared.measured, samples, batch, choice.calibration);
    const quantized = quantizeModel({ ...prepared, model: withoutSample(prepared.model) }, { ...choice, ranges });
    const after = withoutStrings(quantized.model);
    const names = [...new Set([...prepared.layers.map(({ output }) => output), ...outputs])];
    const damage = damageOf(executor, [plain, after], names, samples, batch);
    const quality =
      dataset !== null && isOfColumns(record) ? qualityOf(context, record, [plain, after], dataset, batch) : null;
    const bytes = { before: encodeOnnx(model).byteLength, after: encodeOnnx(quantized.model).byteLength };
    const measured = { choice, prepared, quantized, damage, samples, bytes, outputs, quality };
    const invented = inventedSamples(model, feeds);
    const answered = (): Feeds => answersOf(executor, after, outputs, invented);
    return { model: quantized.model, report: reportOf(measured), compare: (theirs) => compare(theirs, answered()) };
  };
}

const TRIAL_ROWS = 2;

/** A model of ours, its inputs being columns; a policy takes observations. */
const isOfColumns = (record: PredictionContext["record"]): record is FittedRecord => record.preprocessing !== null;

function prepare(model: ModelProto, choice: QuantizeChoice, shapes: Readonly<Record<string, Shape>>): Prepared {
  const used = new Set<string>();
  const isExcluded = (path: string): boolean => {
    const found = choice.exclude.filter((pattern) => matches(pattern, path));
    for (const pattern of found) used.add(pattern);
    return found.length > 0;
  };
  const prepared = prepareQuantization(model, choice.mode, (name) => shapes[name]?.length, isExcluded);
  const idle = choice.exclude.findIndex((pattern) => !used.has(pattern));
  const paths = [...new Set([...prepared.layers, ...prepared.kept].map(({ path }) => path))];
  if (idle >= 0) {
    const [expected, got] = [paths.slice(0, 20).join(", "), choice.exclude[idle]!];
    throw refusal(`exclude[${idle}]`, "matches no layer", expected, got, "`*` stands for one part of a path");
  }
  if (prepared.layers.length === 0) {
    const hint = choice.exclude.length > 0 ? "exclude less" : "export the model without `quantize`";
    throw refusal("mode", "leaves every layer as it is", "a layer with weights to quantise", "none", hint);
  }
  return prepared;
}

function withoutData() {
  const hint =
    'give `data`, such as the rows that the model was trained on: {"builtin":"digits"}; or take "int8-dynamic", which needs none';
  return refusal("data", "int8-static measures the ranges of values on data", "a data reference", "nothing", hint);
}

/** The card inside the file shows what the model answers to a row; this file answers a little else. */
function withoutSample(model: ModelProto): ModelProto {
  const metadataProps = (model.metadataProps ?? []).map((entry) => {
    if (entry.key !== "card") return entry;
    const { sample: _, ...card } = JSON.parse(entry.value ?? "{}") as { sample?: unknown };
    return { ...entry, value: JSON.stringify(card) };
  });
  return { ...model, metadataProps };
}

/** All made-up rows at once, as the file is run: what is measured while it runs, is measured over the batch. */
function answersOf(executor: Executor, model: ModelProto, names: readonly string[], samples: Samples): Feeds {
  const runner = createRunner(executor, model, names);
  try {
    const answers = runner.run(samples.feeds(0, samples.count));
    return Object.fromEntries(
      Object.entries(answers).map(([name, value]) => [name, { ...value, data: value.data.slice() }]),
    );
  } finally {
    runner.release();
  }
}

function compare(theirs: Arrays, ours: Feeds): Difference {
  const rows = Math.max(0, ...Object.values(ours).map(({ shape }) => shape[0]!));
  let difference: Difference = { samples: rows, maxAbsDiff: 0, largest: 0 };
  for (const [name, { data, dtype }] of Object.entries(ours)) {
    const given = theirs[name];
    // indices differ where two classes are as good as equal
    if (given === undefined || dtype !== "F32") continue;
    const shown = (values: ArrayLike<unknown>) =>
      Array.from(values, (value, index) => (Number(data[index]) <= NEVER ? 0 : value));
    difference = differenceOf(shown(given.data), shown(data), difference);
  }
  return difference;
}

/** What stands for the logit of a choice that is not allowed. */
const NEVER = -1e7;
