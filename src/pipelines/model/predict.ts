/** @file Prediction: compiled programs by batch size, kept for the models asked last, fed with whatever rows come. */
import { type Executor, type NdArray, type Program, type State, sizeOf, trace } from "../../engine/index.ts";
import type { Inputs } from "../data/dataset.ts";
import { encodeInputs } from "../preprocess/encode.ts";
import type { Registry } from "../registry/registry.ts";
import { namedOutputs, type Outputs } from "./naming.ts";
import { type FittedRecord, fitted, infer, previousInput } from "./network.ts";
import type { ModelRecord, Weights } from "./record.ts";
import { weightArrays } from "./weights.ts";
import { runWhole } from "./whole.ts";

export interface PredictionContext {
  readonly registry: Registry;
  readonly executor: Executor;
  readonly record: ModelRecord;
}

/** Larger inputs go through in pieces of this many rows. */
const LARGEST_BATCH = 1024;
/** Models whose weights stay loaded in an executor, and programs kept for each. */
const MODELS_KEPT = 8;
const PROGRAMS_KEPT = 6;

/** A model's weights in an executor, and its programs by batch size, the one used last at the end. */
interface Loaded {
  readonly state: State;
  version: number;
  readonly programs: Map<number, Program>;
}

const loadedBy = new WeakMap<Executor, Map<string, Loaded>>();

/** Moves `key` to the end of `map`, makes its value when it is new, and drops the first entries beyond `limit`. */
function recent<Key, Value>(
  map: Map<Key, Value>,
  key: Key,
  limit: number,
  make: () => Value,
  drop: (value: Value) => void,
): Value {
  const value = map.get(key) ?? make();
  map.delete(key);
  map.set(key, value);
  for (const [oldest, dropped] of map) {
    if (map.size <= limit) break;
    map.delete(oldest);
    drop(dropped);
  }
  return value;
}

/** A state that holds a snapshot's weights. */
export function stateOf(executor: Executor, weights: Weights): State {
  const state = executor.createState(
    Object.fromEntries(weights.layout.map(({ path, dtype, shape }) => [path, { dtype, shape }])),
  );
  writeWeights(state, weights);
  return state;
}

export function writeWeights(state: State, weights: Weights): void {
  for (const [path, value] of Object.entries(weightArrays(weights))) state.write(path, value);
}

function load(executor: Executor, weights: Weights): Loaded {
  const models = loadedBy.get(executor) ?? new Map<string, Loaded>();
  loadedBy.set(executor, models);
  const make = (): Loaded => ({ state: stateOf(executor, weights), version: weights.version, programs: new Map() });
  const drop = ({ programs, state }: Loaded): void => {
    for (const program of programs.values()) program.release();
    state.release();
  };
  const loaded = recent(models, weights.lineage, MODELS_KEPT, make, drop);
  if (loaded.version !== weights.version) writeWeights(loaded.state, weights);
  loaded.version = weights.version;
  return loaded;
}

function compile(
  { registry, executor }: PredictionContext,
  record: FittedRecord,
  state: State,
  batch: number,
): Program {
  const traced = trace((t) => ({
    outputs: infer(
      t,
      registry,
      record,
      t.input("raw", { dtype: "F32", shape: [batch, ...record.signature.raw] }),
      previousInput(t, registry, record, batch),
    ),
  }));
  return executor.compile(traced, state);
}

/** The smallest power of two that is not below `count`. */
function roundUp(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)));
}

/**
 * The model's answer for each row. Batches are rounded up to powers of two, so that few programs serve all sizes.
 * @throws INVALID_STATE before the first weights are published; SHAPE_MISMATCH or DATA_INVALID for rows that do not fit,
 *   naming the column, what was expected and what came.
 */
export function predict(context: PredictionContext, inputs: Inputs): Outputs {
  return namedOutputs(context.registry, fitted(context.record), predictRows(context, inputs));
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
  const raw = encodeInputs(inputs, record.preprocessing);
  return predictRaw(context, record, raw, raw.length / sizeOf(record.signature.raw), previous);
}

/** Raw rows through the network, in pieces. @returns the head's results, [rows, ...]. */
function predictRaw(
  context: PredictionContext,
  record: FittedRecord,
  raw: Float32Array,
  rows: number,
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
  const loaded = load(context.executor, record.weights!);
  for (let row = 0; row < rows; row += LARGEST_BATCH) {
    const count = Math.min(LARGEST_BATCH, rows - row);
    const batch = roundUp(count);
    const make = (): Program => compile(context, record, loaded.state, batch);
    const program = recent(loaded.programs, batch, PROGRAMS_KEPT, make, (dropped) => dropped.release());
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
