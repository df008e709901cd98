/** @file Fitted preprocessing as part of a graph: raw rows in, features out. The same graph trains, predicts and is exported. */
import { concat, type Tensor, type Tracer } from "../../engine/index.ts";
import type { FittedStep, InputColumn, PerElement, Preprocessing } from "./preprocessing.ts";

/** Of a tracer or a scope: all that preprocessing needs. */
export type Constants = Pick<Tracer, "constant">;

/**
 * @param raw F32 `[batch, rawWidth]` as `encodeInputs` makes it, or `[batch, ...shape]` when the model takes one tensor.
 * @returns F32 `[batch, ...featureShape]`.
 */
export function applyPreprocessing(t: Constants, raw: Tensor, preprocessing: Preprocessing): Tensor {
  const { columns, rawWidth, featureShape, deferred = false } = preprocessing;
  const batch = raw.shape[0]!;
  if (deferred) return raw.reshape([batch, ...featureShape]);
  const flat = raw.shape.length === 2 ? raw : raw.reshape([batch, rawWidth]);
  const parts = runsOf(columns).map((run) => {
    const from = run[0]!.offset;
    const to = run.at(-1)!.offset + run.at(-1)!.width;
    const part = from === 0 && to === rawWidth ? flat : flat.slice([0, from], [batch, to]);
    return run[0]!.steps.reduce((x, _, place) => applyStep(t, x, run, place), part);
  });
  const features = parts.length === 1 ? parts[0]! : concat(parts, 1);
  return featureShape.length === 1 ? features : features.reshape([batch, ...featureShape]);
}

/** Neighbours that take the same steps become one slice, so that thirty number columns cost two operations, not sixty. */
function runsOf(columns: readonly InputColumn[]): InputColumn[][] {
  const runs: InputColumn[][] = [];
  for (const column of columns) {
    const last = runs.at(-1);
    if (last !== undefined && canJoin(last[0]!, column)) last.push(column);
    else runs.push([column]);
  }
  return runs;
}

function canJoin(a: InputColumn, b: InputColumn): boolean {
  return signatureOf(a) === signatureOf(b) && a.steps.every(({ type }) => type !== "oneHot");
}

function signatureOf({ steps }: InputColumn): string {
  return steps
    .map((step) =>
      step.type === "clip" ? `clip${step.low === null ? "" : "<"}${step.high === null ? "" : ">"}` : step.type,
    )
    .join();
}

type Step<Type extends FittedStep["type"]> = Extract<FittedStep, { type: Type }>;

/** One step of all columns of a run. `gather` lines up one number for each element of the run. */
const STEPS: {
  [Type in FittedStep["type"]]: (
    x: Tensor,
    gather: (of: (step: Step<Type>) => PerElement) => Tensor,
    first: Step<Type>,
  ) => Tensor;
} = {
  impute: (x, gather) =>
    x.isNaN().where(
      gather(({ value }) => value),
      x,
    ),
  clip(x, gather, { low, high }) {
    const raised = low === null ? x : x.maximum(gather((step) => step.low!));
    return high === null ? raised : raised.minimum(gather((step) => step.high!));
  },
  log: (x) => x.sign().mul(x.abs().log1p()),
  standardise: (x, gather) => x.sub(gather(({ center }) => center)).mul(gather(({ scale }) => scale)),
  minMax: (x, gather) =>
    x
      .sub(gather(({ center }) => center))
      .mul(gather(({ scale }) => scale))
      .add(gather(({ low }) => [low])),
  oneHot: (x, gather) => x.equal(gather(({ values }) => values)).cast("F32"),
};

function applyStep(t: Constants, x: Tensor, run: readonly InputColumn[], place: number): Tensor {
  const first = run[0]!.steps[place]!;
  const gather = (of: (step: FittedStep) => PerElement) => {
    const numbers = run.flatMap(({ steps, width }) => {
      const own = of(steps[place]!);
      return own.length === 1 ? new Array<number>(width).fill(own[0]!) : own;
    });
    return constantOf(t, numbers, first.type === "oneHot");
  };
  return (STEPS[first.type] as (x: Tensor, gather: unknown, first: FittedStep) => Tensor)(x, gather, first);
}

/** `[1, numbers]`; a scalar where all are equal. */
function constantOf(t: Constants, numbers: readonly number[], isVector: boolean): Tensor {
  if (!isVector && numbers.every((value) => value === numbers[0])) return t.constant(numbers[0]!);
  return t.constant({ dtype: "F32", shape: [1, numbers.length], data: Float32Array.from(numbers) });
}
