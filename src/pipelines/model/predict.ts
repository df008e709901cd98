/** @file Prediction: whatever rows come, through programs for batches of a few sizes. */
import { Fault, type NdArray, sizeOf } from "../../engine/index.ts";
import type { Inputs } from "../data/dataset.ts";
import { type DecodingOptions, decode } from "./decode.ts";
import { compiled, type PredictionContext } from "./loaded.ts";
import { namedOutputs, type Outputs } from "./naming.ts";
import { type FittedRecord, fitted, translates } from "./network.ts";
import { type RawRows, rawRows } from "./rawRows.ts";
import { areRowsApart, rowsAtOnce, traceInference } from "./rowsApart.ts";
import { runWhole } from "./whole.ts";

/** Larger inputs go through in pieces of this many rows. */
const LARGEST_BATCH = 1024;

/** The smallest power of two that is not below `count`. */
function roundUp(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)));
}

/**
 * The model's answer for each row. Batches are rounded up to powers of two, so that few programs serve all sizes, unless
 * rows look at each other.
 * @throws INVALID_STATE before the first weights are published; SHAPE_MISMATCH or DATA_INVALID for rows that do not fit,
 *   naming the column, what was expected and what came.
 */
export function predict(context: PredictionContext, inputs: Inputs, decoding?: DecodingOptions): Outputs {
  const record = fitted(context.record);
  const isWritten = translates(context.registry, record.spec);
  if (!isWritten && decoding !== undefined) throw notWritten(record);
  const results = isWritten ? decode(context, record, rawRows(record, inputs), decoding) : predictRows(context, inputs);
  return namedOutputs(context.registry, record, results);
}

function notWritten({ spec: { pipeline } }: FittedRecord): Fault {
  return new Fault("INVALID_PARAMS", `a model of pipeline \`${pipeline}\` writes no sequences`, {
    violations: [{ path: "decoding", message: "nothing to decode", expected: "pipeline seq2seq", got: pipeline }],
    hint: "leave `decoding` out",
  });
}

/**
 * The same without names.
 * @param previous of a model that writes element by element: what it is to think it has written, rows × length
 */
export function predictRows(
  context: PredictionContext,
  inputs: Inputs,
  previous?: Int32Array,
): Record<string, NdArray> {
  const record = fitted(context.record);
  return predictRaw(context, record, rawRows(record, inputs), previous);
}

/** Raw rows through the network, in pieces. @returns the head's results, [rows, ...]. */
function predictRaw(
  context: PredictionContext,
  record: FittedRecord,
  { raw, count: rows }: RawRows,
  previous?: Int32Array,
): Record<string, NdArray> {
  const width = sizeOf(record.signature.raw);
  const results: Record<string, NdArray> = {};
  for (const [name, { dtype, shape }] of Object.entries(record.signature.results)) {
    const size = rows * sizeOf(shape);
    results[name] = {
      dtype,
      shape: [rows, ...shape],
      data: dtype === "F32" ? new Float32Array(size) : new Int32Array(size),
    };
  }
  const { registry } = context;
  const atOnce = rowsAtOnce(registry, record, rows, LARGEST_BATCH);
  for (let row = 0; row < rows; row += atOnce) {
    const count = Math.min(atOnce, rows - row);
    const batch = areRowsApart(registry, record) ? roundUp(count) : count;
    const program = compiled(context, record, `predict ${batch}`, () => traceInference(registry, record, batch));
    const input = program.inputs.raw as Float32Array;
    input.set(raw.subarray(row * width, (row + count) * width));
    input.fill(0, count * width);
    if (previous !== undefined) {
      const length = previous.length / rows;
      (program.inputs.previous as Int32Array).set(previous.subarray(row * length, (row + count) * length));
    }
    runWhole(program);
    for (const [name, { shape, data }] of Object.entries(results)) {
      const size = sizeOf(shape.slice(1));
      (data as Float32Array).set((program.outputs[name] as Float32Array).subarray(0, count * size), row * size);
    }
  }
  return results;
}
