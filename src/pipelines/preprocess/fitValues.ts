/** @file Fitting columns of numbers, dates, truth values and tensors: each step on what the one before leaves. */
import { Fault } from "../../engine/index.ts";
import { READERS } from "../data/cells.ts";
import { type Column, widthOf } from "../data/dataset.ts";
import type { Fitted, FittedStep, InputColumn, PerElement } from "./preprocessing.ts";
import { unsuitable } from "./refuse.ts";
import type { OptionsOf, PreprocessSpec, StepOptions, StepType } from "./spec.ts";
import { CENTRES, elementsOf, type Numbers, perElement, quantile, usualOver } from "./statistics.ts";

/**
 * Fits the steps of a column of numbers on `rows`.
 * Faults: DATA_INVALID for infinite values that no step limits; INVALID_PARAMS for a stand-in that is no number.
 */
export function fitValues(
  column: Column,
  rows: Int32Array,
  asked: readonly StepOptions[],
  spec: PreprocessSpec,
): Fitted {
  const width = widthOf(column);
  let values: Numbers = new (column.values instanceof Uint8Array ? Uint8Array : Float32Array)(rows.length * width);
  let missing = 0;
  let varies = false;
  for (let index = 0; index < rows.length; index++) {
    for (let element = 0; element < width; element++) {
      const value = column.values[rows[index]! * width + element]!;
      values[index * width + element] = value; // rounded as the graph will see it
      if (Number.isNaN(value)) missing++;
      else if (value !== column.values[rows[0]! * width]) varies = true;
    }
  }
  const notes: string[] = [];
  const steps: FittedStep[] = [];
  const wanted = withImpute(column.kind, asked, missing).filter(isFitted);
  for (const [place, options] of wanted.entries()) {
    const step = FITS[options.type](values, width, options as never, { column, spec });
    if (step.type === "standardise" || step.type === "minMax") refuseInfinite(column.name, values, width, rows);
    if (step.type === "standardise" && isConstant(values)) {
      const why = varies ? "differs too little for float32 (subtract an offset from it)" : "is constant";
      notes.push(`column \`${column.name}\` ${why} in the training rows`);
    }
    steps.push(step);
    if (place < wanted.length - 1) values = applyStep(values, width, step);
  }
  if (!steps.some(({ type }) => type === "clip")) refuseInfinite(column.name, values, width, rows);
  const named = column.kind === "boolean" ? { categories: [...(column.categories ?? ["false", "true"])] } : {};
  const dated = column.dateOrder === undefined ? {} : { dateOrder: column.dateOrder };
  return { parts: { kind: column.kind as InputColumn["kind"], ...named, ...dated, steps }, notes };
}

function isFitted(step: StepOptions): step is Exclude<StepOptions, { type: "none" | "tokens" }> {
  return step.type !== "none" && step.type !== "tokens";
}

/** Scalars always know what stands in for a missing value, since one may come at prediction; tensors when they have any. */
function withImpute(kind: Column["kind"], steps: readonly StepOptions[], missing: number): readonly StepOptions[] {
  if (steps.some(({ type }) => type === "impute" || type === "oneHot") || (kind === "tensor" && missing === 0))
    return steps;
  return [{ type: "impute", strategy: kind === "boolean" ? "mode" : "mean" }, ...steps];
}

interface FitContext {
  readonly column: Column;
  readonly spec: PreprocessSpec;
}

const FITS: {
  [Type in Exclude<StepType, "none" | "tokens">]: (
    values: Numbers,
    width: number,
    options: OptionsOf<Type>,
    context: FitContext,
  ) => FittedStep;
} = {
  impute(values, width, { strategy, value }, { column }) {
    if (strategy === "constant") return { type: "impute", value: [constantOf(column, value)] };
    return {
      type: "impute",
      value: perElement(values, width, (element) => CENTRES[strategy](element.filter(Number.isFinite))),
    };
  },
  clip(values, width, { low, high, quantiles }) {
    const at = (share: number) =>
      perElement(values, width, (element) => quantile(element.filter(Number.isFinite).sort(), share));
    return {
      type: "clip",
      low: quantiles === undefined ? (low === undefined ? null : [low]) : at(quantiles[0]),
      high: quantiles === undefined ? (high === undefined ? null : [high]) : at(quantiles[1]),
    };
  },
  log: () => ({ type: "log" }),
  standardise(values, width, { over }, { column }) {
    const moments = elementsOf(values, width, over ?? usualOver(column, values, width)).map((element) => {
      const mean = CENTRES.mean(element);
      let squares = 0;
      for (let index = 0; index < element.length; index++) squares += (element[index]! - mean) ** 2;
      // Rounding leaves a constant a tiny variance: compare with what the mean can resolve.
      const deviation = Math.sqrt(squares / element.length);
      return { mean, scale: deviation > Math.abs(mean) * 1e-12 ? 1 / deviation : 1 };
    });
    return { type: "standardise", center: moments.map(({ mean }) => mean), scale: moments.map(({ scale }) => scale) };
  },
  minMax(values, width, { low, high, over }, { column }) {
    const ranges = elementsOf(values, width, over ?? usualOver(column, values, width)).map((element) => {
      let least = Number.POSITIVE_INFINITY;
      let most = Number.NEGATIVE_INFINITY;
      for (const value of element) {
        if (value < least) least = value;
        if (value > most) most = value;
      }
      return { least, scale: most > least ? (high - low) / (most - least) : high - low };
    });
    return { type: "minMax", center: ranges.map(({ least }) => least), scale: ranges.map(({ scale }) => scale), low };
  },
  oneHot(values, _width, { maxCategories }, { spec }) {
    const counts = new Map<number, number>();
    for (const value of values) if (!Number.isNaN(value)) counts.set(value, (counts.get(value) ?? 0) + 1);
    const frequent = [...counts]
      .sort((a, b) => b[1] - a[1] || a[0] - b[0])
      .slice(0, maxCategories ?? spec.maxCategories);
    return { type: "oneHot", values: frequent.map(([value]) => value).sort((a, b) => a - b) };
  },
};

/** What `applyPreprocessing` does in the graph, on the host in float64, so that each step is fitted on what it will see. */
function applyStep(given: Numbers, width: number, step: FittedStep): Float32Array {
  const values = given instanceof Float32Array ? given : new Float32Array(given);
  const change = CHANGES[step.type] as Change<FittedStep>;
  let place = 0;
  const at = (numbers: PerElement) => (numbers.length === 1 ? numbers[0]! : numbers[place % width]!);
  return values.map((value, index) => {
    place = index;
    return change(value, step, at);
  });
}

/** One value's change. @param at the number that is its element's */
type Change<Step> = (value: number, step: Step, at: (numbers: PerElement) => number) => number;

/** `oneHot` is always last: nothing is fitted on what it leaves. */
const CHANGES: { readonly [Type in FittedStep["type"]]: Change<Extract<FittedStep, { type: Type }>> } = {
  impute: (value, step, at) => (Number.isNaN(value) ? at(step.value) : value),
  clip: (value, { low, high }, at) =>
    Math.min(Math.max(value, low === null ? -Infinity : at(low)), high === null ? Infinity : at(high)),
  log: (value) => Math.sign(value) * Math.log1p(Math.abs(value)),
  standardise: (value, { center, scale }, at) => (value - at(center)) * at(scale),
  minMax: (value, { center, scale, low }, at) => (value - at(center)) * at(scale) + low,
  oneHot: (value) => value,
};

function constantOf({ name, kind }: Column, value: number | string | undefined): number {
  const number = typeof value === "string" && kind === "date" ? READERS.iso.parse(value) : Number(value ?? 0);
  if (Number.isFinite(number)) return number;
  throw unsuitable(name, "impute", `a number to stand in for missing values, got \`${value}\``);
}

function isConstant(values: Numbers): boolean {
  return values.every((value) => value === values[0]);
}

function refuseInfinite(name: string, values: Numbers, width: number, rows: Int32Array): void {
  let place = 0;
  while (place < values.length && Math.abs(values[place]!) !== Infinity) place++;
  if (place === values.length) return;
  const row = rows[Math.floor(place / width)]! + 1;
  throw new Fault("DATA_INVALID", `column \`${name}\`, row ${row}: ${values[place]}`, {
    violations: [
      {
        path: `data.${name}[${row - 1}]`,
        message: "not finite",
        expected: "a finite number",
        got: String(values[place]),
      },
    ],
    hint: `mend the value, or limit the column: "preprocess": {"columns": {"${name}": [{"type": "clip", "quantiles": [0.01, 0.99]}, "standardise"]}}`,
  });
}
