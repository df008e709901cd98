/** @file Which inputs a model's answer comes from: attributions by column, named as Captum names their methods. */
import { Fault, type NdArray, sizeOf } from "../../engine/index.ts";
import type { Inputs } from "../data/dataset.ts";
import type { PredictionContext } from "../model/loaded.ts";
import { fitted } from "../model/network.ts";
import { type RawRows, rawRows } from "../model/rawRows.ts";
import { encodeInputs } from "../preprocess/encode.ts";
import type { InputColumn } from "../preprocess/preprocessing.ts";
import { createRandom } from "../random.ts";
import type { Trained } from "./activations.ts";
import { type Attribution, createAttributions } from "./attributions.ts";
import { integrate } from "./integrate.ts";
import { refuseWriting } from "./select.ts";
import { compileSlopes, type Slopes } from "./slopes.ts";
import { type Chosen, chooseTargets, type TargetChoice } from "./target.ts";

export const METHODS = ["saliency", "inputXGradient", "integratedGradients", "smoothGrad"] as const;

export interface ExplainOptions {
  readonly method: (typeof METHODS)[number];
  readonly target: TargetChoice | undefined;
  /** Of classes and labels: what is explained, the logit or its probability. */
  readonly output: "logits" | "probabilities";
  /** Saliency and SmoothGrad: magnitudes. */
  readonly abs: boolean;
  /** Integrated gradients: looks along the way. */
  readonly steps: number;
  /** A row of inputs, or a number for all of them; left out: zeros where the network begins. */
  readonly baseline: Inputs | number | undefined;
  /** SmoothGrad: noisy copies of each row, the noise's share of each column's range, and its seed. */
  readonly samples: number;
  readonly noise: number;
  readonly seed: number;
}

export interface Explanation {
  readonly method: (typeof METHODS)[number];
  /** By column, [rows, ...shape of the column]; of a category [rows]. */
  readonly attributions: Readonly<Record<string, NdArray>>;
  /** What was explained, by row. */
  readonly targets: readonly Chosen["name"][];
  /** f(x) by row. */
  readonly outputs: readonly number[];
  /** Integrated gradients: f(baseline) by row, and |sum of attributions − (f(x) − f(baseline))|. */
  readonly baselineOutputs?: readonly number[];
  readonly completenessError?: readonly number[];
}

/** Evaluations that one call may ask for. */
const MOST_LOOKS = 1 << 20;

/**
 * Saliency: the slope of the output in each input (Simonyan et al. 2014). Input × gradient (Shrikumar et al. 2016).
 * Integrated gradients (Sundararajan et al. 2017, equation 1), by Gauss–Legendre quadrature. SmoothGrad: the mean saliency of
 * noisy copies (Smilkov et al. 2017). Slopes are in the units of the inputs; paths are straight in features.
 */
export function explain(given: PredictionContext, inputs: Inputs, options: ExplainOptions): Explanation {
  const record = fitted(given.record);
  const context = { ...given, record };
  refuseWriting(given.registry, record);
  const rows = rawRows(record, inputs);
  refuseLooks(rows.count, options);
  const targets = chooseTargets(context, rows, options.target);
  const asked = { targets, output: options.output };
  const found =
    options.method === "integratedGradients"
      ? integrate(context, rows, { ...asked, steps: options.steps, baseline: baselineOf(context, options.baseline) })
      : locally(context, rows, { ...asked, options });
  return { method: options.method, targets: targets.map(({ name }) => name), ...found };
}

function refuseLooks(rows: number, { method, steps, samples }: ExplainOptions): void {
  const looks = rows * (method === "integratedGradients" ? steps : method === "smoothGrad" ? samples : 1);
  if (looks <= MOST_LOOKS) return;
  throw new Fault("LIMIT_EXCEEDED", `${looks.toLocaleString("en-US")} evaluations in one call`, {
    violations: [{ path: "inputs", message: "too much at once", expected: `at most ${MOST_LOOKS}`, got: `${looks}` }],
    hint: "give fewer rows, or take fewer `steps` or `samples`",
  });
}

function baselineOf({ record }: Trained, baseline: ExplainOptions["baseline"]): Float32Array | null {
  if (baseline === undefined) return null;
  const width = sizeOf(record.signature.raw);
  if (typeof baseline === "number") return new Float32Array(width).fill(baseline);
  const raw = asBaseline(() => encodeInputs(baseline, record.preprocessing));
  if (raw.length === width) return raw;
  throw new Fault("SHAPE_MISMATCH", `the baseline is ${raw.length / width} rows`, {
    violations: [{ path: "baseline", message: "not one row", expected: "one row", got: `${raw.length / width} rows` }],
    hint: "give one row in the form of `inputs`, or a number",
  });
}

/** What is wrong with a baseline is said of it, not of the inputs. */
function asBaseline<T>(encode: () => T): T {
  try {
    return encode();
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    const { reason, message, violations, hint } = thrown;
    const renamed = violations.map((violation) => ({
      ...violation,
      path: violation.path.replace(/^inputs\b/, "baseline"),
    }));
    throw new Fault(reason, message.replace(/^(`?)inputs\b/, "$1baseline"), {
      violations: renamed,
      ...(hint !== undefined && { hint }),
    });
  }
}

interface Local {
  readonly targets: readonly Chosen[];
  readonly output: ExplainOptions["output"];
  readonly options: ExplainOptions;
}

/** By the slopes at each row, or near it. */
function locally(context: Trained, rows: RawRows, { targets, output, options }: Local) {
  const { method, abs, samples, noise, seed } = options;
  const slopes = compileSlopes(context, rows.count, { output, replaced: false });
  try {
    const attributions = createAttributions(context.record, slopes.sources, rows.count);
    const outputs = new Array<number>(rows.count).fill(0);
    const how: Attribution = method === "inputXGradient" ? "product" : abs ? "magnitude" : "slope";
    slopes.forEachBatch(rows, targets, (batch) => {
      for (let row = 0; row < batch.count; row++) {
        outputs[batch.from + row] = batch.value(row);
        if (method !== "smoothGrad") attributions.add(batch, row, how, 1);
      }
    });
    if (method === "smoothGrad") {
      refuseTokens(slopes);
      for (let sample = 0; sample < samples; sample++) {
        const noisy = { ...rows, raw: withNoise(rows, context.record.preprocessing.columns, noise, seed, sample) };
        slopes.forEachBatch(noisy, targets, (batch) => {
          for (let row = 0; row < batch.count; row++) attributions.add(batch, row, how, 1 / samples);
        });
      }
    }
    return { attributions: attributions.byColumn(), outputs };
  } finally {
    slopes.release();
  }
}

function refuseTokens({ sources }: Slopes): void {
  if (!sources.some(({ spans }) => spans.some(({ kind }) => kind === "vectors"))) return;
  throw new Fault("INVALID_PARAMS", "`smoothGrad` adds noise to numbers, and tokens are none", {
    violations: [{ path: "method", message: "not for tokens", expected: "another method", got: "smoothGrad" }],
    hint: "use `saliency` or `integratedGradients`",
  });
}

/** Normal noise on every number: its deviation a share of the row's range in an array, of the training's spread in a scalar. */
function withNoise(
  { raw, count }: RawRows,
  columns: readonly InputColumn[],
  noise: number,
  seed: number,
  sample: number,
): Float32Array {
  const noisy = Float32Array.from(raw);
  const rowWidth = raw.length / count;
  const random = createRandom(seed, "smoothGrad", sample);
  for (let row = 0; row < count; row++) {
    for (const { kind, offset, width, steps } of columns) {
      if (kind === "category" || kind === "boolean") continue;
      const from = row * rowWidth + offset;
      const values = raw.subarray(from, from + width);
      const affine = steps.find(({ type }) => type === "standardise" || type === "minMax") as
        | { scale: readonly number[] }
        | undefined;
      const range = width > 1 ? rangeOf(values) : 1 / (affine?.scale[0] ?? 1);
      for (let element = 0; element < width; element++) noisy[from + element]! += noise * range * random.normal();
    }
  }
  return noisy;
}

function rangeOf(values: Float32Array): number {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high > low ? high - low : 0;
}
