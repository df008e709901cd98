/** @file What layers give for some rows: their values, what those are like, and where attention looks. */
import { Fault, type NdArray, type Node, type Shape, sizeOf, type Tensor, trace } from "../../engine/index.ts";
import { type PredictionContext, stateOf } from "../model/loaded.ts";
import type { FittedRecord } from "../model/network.ts";
import type { RawRows } from "../model/rawRows.ts";
import { rowsAtOnce } from "../model/rowsApart.ts";
import { runWhole } from "../model/whole.ts";
import { applyPreprocessing } from "../preprocess/apply.ts";
import { ancestors, type Call, createRecorder } from "./recorder.ts";
import { refuseTooMany, select } from "./select.ts";
import { type Statistics, statisticsOf } from "./statistics.ts";
import { build } from "./traced.ts";

export type Trained = PredictionContext & { readonly record: FittedRecord };

export interface Activation extends Statistics {
  readonly path: string;
  readonly kind: string;
  /** Of one row. */
  readonly shape: Shape;
  /** Share of units (channels of images, features of anything else) that are 0 in every row and place: dead ones, after ReLU. */
  readonly dead: number;
  /** [rows, ...shape] */
  readonly values?: NdArray;
}

export interface ActivationOptions {
  readonly layers: readonly string[] | undefined;
  readonly bins: number;
  readonly values: boolean;
}

export function activationsOf(context: Trained, rows: RawRows, options: ActivationOptions): Activation[] {
  const taps = tap(context, rows, (calls) =>
    select(calls.filter(isOfRows), options.layers, "layer").map(({ path, kind, output }) => ({
      path,
      kind,
      tensor: output,
    })),
  );
  return taps.map(({ path, kind, array }) => ({
    path,
    kind,
    shape: array.shape.slice(1),
    ...statisticsOf(array.data as Float32Array, options.bins),
    dead: deadShare(array, unitAxis(kind, array.shape.length)),
    ...(options.values && { values: array }),
  }));
}

export interface AttentionMaps {
  /** Of the layer that attends. */
  readonly path: string;
  /** [rows, heads, query, key]; every row of it sums to 1, unless the query may look nowhere. */
  readonly weights: NdArray;
}

/** Attention is linear in its values, so that of the identity it gives its own weights. */
export function attentionOf(context: Trained, rows: RawRows, layers: readonly string[] | undefined): AttentionMaps[] {
  const taps = tap(context, rows, (calls, output) => {
    const found = [...ancestors([output.node])].filter(({ op }) => op === "attention").sort((a, b) => a.id - b.id);
    if (found.length === 0) throw noAttention(context.record.spec.backbone.type);
    const attending = found.map((node) => ({ ...innermost(calls, node), node }));
    return select(attending, layers, "layer with attention").map(({ path, kind, node }) => ({
      path,
      kind,
      tensor: weightsOf(output.handle(node)),
    }));
  });
  return taps.map(({ path, array }) => ({ path, weights: array }));
}

function noAttention(backbone: string): Fault {
  return new Fault("INVALID_PARAMS", `nothing in the model attends: its backbone is \`${backbone}\``, {
    violations: [{ path: "what", message: "nothing to show", expected: "parts that the model has", got: "attention" }],
    hint: "leave `attention` out, or inspect a model with a transformer in it",
  });
}

function weightsOf(attention: Tensor): Tensor {
  const [queries, keys, , mask] = attention.inputs as [Tensor, Tensor, Tensor, Tensor?];
  const [batch, heads, length] = keys.shape as [number, number, number];
  const data = new Float32Array(length * length);
  for (let place = 0; place < length; place++) data[place * (length + 1)] = 1;
  const identity = keys.constant({ dtype: "F32", shape: [length, length], data });
  const { causal, scale } = attention.node.attributes as { causal: boolean; scale: number };
  const values = identity.broadcastTo([batch, heads, length, length]);
  return queries.attention(keys, values, { causal, scale, ...(mask && { mask }) });
}

function innermost(calls: readonly Call[], { id }: Node): { path: string; kind: string } {
  const around = calls.filter(({ from, to }) => id >= from && id < to);
  return around.sort((a, b) => b.depth - a.depth)[0] ?? { path: "network", kind: "attention" };
}

interface Tap {
  readonly path: string;
  readonly kind: string;
  readonly tensor: Tensor;
}

const LARGEST_BATCH = 64;

/** Rows that are run at once; of none a network still has its shapes. */
export const batchOf = ({ registry, record }: Trained, count: number): number =>
  rowsAtOnce(registry, record, count, LARGEST_BATCH);

/** Runs the rows through the network. @param choose what is wanted of it. @returns each as [rows, ...]. */
function tap(
  context: Trained,
  { raw, count }: RawRows,
  choose: (calls: readonly Call[], output: Tensor) => readonly Tap[],
): { path: string; kind: string; array: NdArray }[] {
  const { registry, executor, record } = context;
  const batch = batchOf(context, count);
  let taps: readonly Tap[] = [];
  const traced = trace((t) => {
    const recorder = createRecorder();
    const rows = t.input("raw", { dtype: "F32", shape: [batch, ...record.signature.raw] });
    const features = applyPreprocessing(t, rows, record.preprocessing);
    const { output } = build(t, registry, record, features, { watch: recorder.watch });
    taps = choose(recorder.calls(), output);
    return { outputs: Object.fromEntries(taps.map(({ path, tensor }) => [path, floats(tensor)])) };
  });
  refuseTooMany(
    taps.reduce((sum, { tensor }) => sum + (sizeOf(tensor.shape) / batch) * count, 0),
    "give fewer rows, or name fewer `layers`",
  );
  const results = taps.map(({ path, kind, tensor: { shape } }) => ({
    path,
    kind,
    array: {
      dtype: "F32" as const,
      shape: [count, ...shape.slice(1)],
      data: new Float32Array((sizeOf(shape) / batch) * count),
    },
  }));
  if (taps.length === 0) return [];
  const state = stateOf(executor, record.weights!);
  try {
    const program = executor.compile(traced, state);
    const width = raw.length / count;
    for (let row = 0; row < count; row += batch) {
      const rows = Math.min(batch, count - row);
      const input = program.inputs.raw as Float32Array;
      input.fill(0);
      input.set(raw.subarray(row * width, (row + rows) * width));
      runWhole(program);
      for (const { path, array } of results) {
        const size = array.data.length / count;
        array.data.set((program.outputs[path] as Float32Array).subarray(0, rows * size), row * size);
      }
    }
    program.release();
  } finally {
    state.release();
  }
  return results;
}

/** Layers give something for each row; what they make of constants alone is not of the rows. */
const isOfRows = ({ input, output }: Call): boolean => output.shape[0] === input.shape[0];

const floats = (tensor: Tensor): Tensor => (tensor.dtype === "F32" ? tensor : tensor.cast("F32"));

/** Layers of images, which may have one axis of size only. */
const IMAGE_KINDS: ReadonlySet<string> = new Set([
  "conv",
  "convTranspose",
  "convNorm",
  "batchNorm",
  "groupNorm",
  "instanceNorm",
  "invertedResidual",
  "maxPool",
  "averagePool",
  "adaptivePool",
]);

/** Channels are axis 1 of images, features the last axis of rows and sequences. */
function unitAxis(kind: string, rank: number): number {
  return rank > 3 || (rank === 3 && IMAGE_KINDS.has(kind)) ? 1 : rank - 1;
}

function deadShare({ shape, data }: NdArray, axis: number): number {
  const units = shape[axis] ?? 1;
  const inner = sizeOf(shape.slice(axis + 1));
  const alive = new Uint8Array(units);
  for (let index = 0; index < data.length; index++) {
    if (data[index] !== 0) alive[Math.floor(index / inner) % units] = 1;
  }
  return data.length === 0 ? 0 : 1 - alive.reduce((sum, one) => sum + one, 0) / units;
}

/** The raw output of the network: what a loss judges. */
export function valuesOf(context: Trained, rows: RawRows): NdArray {
  return tap(context, rows, (_calls, output) => [{ path: "output", kind: "output", tensor: output }])[0]!.array;
}
