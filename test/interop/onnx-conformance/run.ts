/** @file A case raised, compiled and run, and its outputs beside those it should have. */
import type { Executor } from "../../../src/engine/executors/executor.ts";
import { isDecidedByData } from "../../../src/engine/onnx/import/known.ts";
import { type OpenedOnnx, openModel } from "../../../src/engine/onnx/import/open.ts";
import type { Read } from "../../../src/engine/onnx/import/tensor.ts";
import { factsOf } from "../../../src/engine/onnx/import/value.ts";
import { showShape } from "../../../src/engine/shape.ts";
import type { Tensor } from "../../../src/engine/tensor.ts";
import { trace } from "../../../src/engine/trace.ts";
import type { Case, DataSet } from "./case.ts";

/** Inputs up to this size may be given while the program is traced, where the model's shapes depend on them. */
const SMALL = 8;

export type Raised = Readonly<Record<string, Tensor>>;

/** The model's outputs for tensors made from the data set's inputs, under names that meet no input's. */
export function raiseCase(
  opened: OpenedOnnx,
  t: Parameters<Parameters<typeof trace>[0]>[0],
  { inputs }: DataSet,
  areGiven: boolean,
): { outputs: Raised; reals: Raised } {
  const tensors: Record<string, Tensor> = {};
  const reals: Record<string, Tensor> = {};
  for (const [name, { type, array }] of inputs) {
    const { computed } = factsOf(type);
    const isKnown = areGiven && (computed !== "F32" || array.data.length <= SMALL);
    tensors[name] = isKnown ? t.constant(array) : t.input(name, { dtype: computed, shape: array.shape });
    if (!isKnown && computed === "F32") reals[name] = tensors[name];
  }
  const raised = opened.raise(t, tensors, (_name, value) => t.constant(value));
  return {
    outputs: Object.fromEntries(Object.entries(raised).map(([name, { tensor }]) => [`=${name}`, tensor])),
    reals,
  };
}

/** First with all inputs open; if a shape depends on one, with the small ones given. */
export function withInputs<T>(attempt: (areGiven: boolean) => T): T {
  try {
    return attempt(false);
  } catch (error) {
    if (isDecidedByData(error)) return attempt(true);
    throw error;
  }
}

/**
 * @returns the largest error of a float in units in the last place, those below the absolute tolerance left out
 * @throws Error that says where an output is wrong
 */
export function runCase({ model, sets, relative, absolute }: Case, executor: Executor): number {
  const opened = openModel(model);
  return sets.reduce((worst, set) => {
    const results = withInputs((areGiven) => execute(opened, executor, set, areGiven));
    const errors = [...set.outputs].map(([name, expected]) =>
      compare(name, results.get(name)!, expected, relative, absolute),
    );
    return Math.max(worst, ...errors);
  }, 0);
}

function execute(opened: OpenedOnnx, executor: Executor, set: DataSet, areGiven: boolean): Map<string, Result> {
  const traced = trace((t) => ({ outputs: raiseCase(opened, t, set, areGiven).outputs }));
  const state = executor.createState({});
  const program = executor.compile(traced, state);
  for (const [name, view] of Object.entries(program.inputs)) view.set(set.inputs.get(name)!.array.data as never);
  program.run();
  const results = Object.entries(program.outputs).map(([name, view]): [string, Result] => [
    name.slice(1),
    { shape: traced.outputs[name]!.shape, values: Array.from(view as ArrayLike<number>) },
  ]);
  program.release();
  state.release();
  return new Map(results);
}

interface Result {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

function compare(
  name: string,
  { shape, values }: Result,
  { type, array }: Read,
  relative: number,
  absolute: number,
): number {
  if (showShape(shape) !== showShape(array.shape)) {
    throw new Error(`output ${name} is ${showShape(shape)} instead of ${showShape(array.shape)}`);
  }
  let worst = 0;
  values.forEach((value, index) => {
    const expected = Number(array.data[index]);
    if (Object.is(value, expected) || value === expected || (Number.isNaN(value) && Number.isNaN(expected))) return;
    if (!(Math.abs(value - expected) <= absolute + relative * Math.abs(expected))) {
      throw new Error(`output ${name}[${index}] is ${value} instead of ${expected}`);
    }
    if (factsOf(type).name === "float" && Math.abs(value - expected) > absolute)
      worst = Math.max(worst, distance(value, expected));
  });
  return worst;
}

const single = new Float32Array(2);
const words = new Int32Array(single.buffer);
/** Floats in the order of their size as integers. */
const rank = (word: number): number => (word < 0 ? -(2 ** 31) - word : word);

function distance(a: number, b: number): number {
  single[0] = a;
  single[1] = b;
  return Math.abs(rank(words[0]!) - rank(words[1]!));
}
