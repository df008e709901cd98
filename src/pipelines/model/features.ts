/** @file Rows to features: preprocessing run once over many, so that steps begin with features; or in the step, on raw rows. */
import { type Executor, Fault, sizeOf, type Tensor, type Tracer, trace } from "../../engine/index.ts";
import { applyPreprocessing } from "../preprocess/apply.ts";
import type { Preprocessing } from "../preprocess/preprocessing.ts";
import type { Rows } from "./batches.ts";
import { runWhole } from "./whole.ts";

const ROWS_AT_ONCE = 1024;

/** A batch's features, F32 [batch, ...featureShape], from an input of the program: rows as they are in `rows`. */
export function inputFeatures(
  t: Tracer,
  preprocessing: Preprocessing,
  { isRaw }: Pick<Rows, "isRaw">,
  batch: number,
  name = "features",
): Tensor {
  const { rawWidth, featureShape } = preprocessing;
  const input = t.input(name, { dtype: "F32", shape: [batch, ...(isRaw ? [rawWidth] : featureShape)] });
  return isRaw ? applyPreprocessing(t, input, preprocessing) : input;
}

/**
 * @param raw count × rawWidth, as `encodeInputs` makes it.
 * @returns count × prod(featureShape).
 * @throws NON_FINITE when a feature is NaN or infinite: missing values that no step fills, or numbers beyond float32.
 */
export function featuresOf(
  executor: Executor,
  preprocessing: Preprocessing,
  raw: Float32Array,
  count: number,
): Float32Array {
  const width = sizeOf(preprocessing.featureShape);
  const features = new Float32Array(count * width);
  const batch = Math.min(ROWS_AT_ONCE, Math.max(1, count));
  const traced = trace((t) => {
    const input = t.input("raw", { dtype: "F32", shape: [batch, preprocessing.rawWidth] });
    return { outputs: { features: applyPreprocessing(t, input, preprocessing) } };
  });
  const state = executor.createState({});
  const program = executor.compile(traced, state);
  try {
    const into = program.inputs.raw as Float32Array;
    const from = program.outputs.features as Float32Array;
    for (let row = 0; row < count; row += batch) {
      const rows = Math.min(batch, count - row);
      into.set(raw.subarray(row * preprocessing.rawWidth, (row + rows) * preprocessing.rawWidth));
      runWhole(program);
      features.set(from.subarray(0, rows * width), row * width);
    }
  } finally {
    program.release();
    state.release();
  }
  if (preprocessing.deferred) refuseMissing(features, preprocessing);
  else refuseNonFinite(features, width);
  return features;
}

/** What a step would make of raw rows with a NaN that nothing fills. @throws NON_FINITE as `featuresOf` does. */
export function refuseMissing(raw: Float32Array, { columns, rawWidth }: Preprocessing): void {
  const takesMissing = columns.flatMap(({ width, steps }) =>
    new Array<boolean>(width).fill(steps.some(({ type }) => type === "impute" || type === "oneHot")),
  );
  if (takesMissing.every((takes) => takes)) return;
  refuseNonFinite(raw, rawWidth, (element) => takesMissing[element]!);
}

function refuseNonFinite(features: Float32Array, width: number, mayMiss: (element: number) => boolean = () => false) {
  const at = features.findIndex((value, index) => !Number.isFinite(value) && !mayMiss(index % width));
  if (at < 0) return;
  const got = `${features[at]} in row ${Math.floor(at / width) + 1}, feature ${(at % width) + 1}`;
  throw new Fault("NON_FINITE", `a feature is not a finite number: ${got}`, {
    violations: [{ path: "data", message: "not finite after preprocessing", expected: "finite numbers", got }],
    hint: "fill missing values with an `impute` step and limit huge ones with `clip`",
  });
}
