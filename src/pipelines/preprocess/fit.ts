/** @file Fitting: the steps that a spec asks for, column by column, with their numbers taken from the training rows. */
import { Fault } from "../../engine/index.ts";
import { READERS } from "../data/cells.ts";
import { type Column, type Dataset, inputColumns, widthOf } from "../data/dataset.ts";
import { suggest } from "../registry/nearest.ts";
import { byNumberThenName } from "../targets/names.ts";
import type { FittedStep, InputColumn, PerElement, Preprocessing } from "./preprocessing.ts";
import { listSteps, type PreprocessSpec, type StepOptions, type StepType } from "./spec.ts";
import { partsOf, vocabularyOf } from "./tokens.ts";

/** Which steps a kind can take, and those that it gets when the spec says nothing. */
const KINDS: Readonly<
  Record<
    Column["kind"],
    { allowed: readonly StepType[]; usual: (spec: PreprocessSpec) => readonly StepOptions[] | undefined }
  >
> = {
  number: {
    allowed: ["impute", "clip", "log", "standardise", "minMax", "oneHot", "none"],
    usual: (spec) => listSteps(spec.default),
  },
  date: {
    allowed: ["impute", "clip", "log", "standardise", "minMax", "none"],
    usual: (spec) => listSteps(spec.default),
  },
  tensor: {
    allowed: ["impute", "clip", "log", "standardise", "minMax", "none"],
    usual: (spec) => listSteps(spec.default),
  },
  boolean: { allowed: ["impute", "standardise", "minMax", "oneHot", "none"], usual: () => [] },
  category: { allowed: ["impute", "oneHot", "tokens", "none"], usual: () => listSteps("oneHot") },
  text: {
    allowed: ["impute", "oneHot", "tokens", "none"],
    usual: (spec) => (spec.text === undefined ? undefined : listSteps(spec.text)),
  },
};

/**
 * Fits preprocessing on `rows` of a dataset and on nothing else.
 * Faults: INVALID_PARAMS for columns that do not exist and steps that their kind cannot take; DATA_INVALID when no column is
 * left, or a column holds infinite values that no step limits.
 */
export function fitPreprocessing(dataset: Dataset, rows: Int32Array, spec: PreprocessSpec): Preprocessing {
  const inputs = inputColumns(dataset);
  refuseUnknown(inputs, spec);
  const askedFor = new Map(Object.entries(spec.columns));
  const columns: InputColumn[] = [];
  const dropped: { name: string; why: string }[] = [];
  const notes: string[] = [];
  let offset = 0;
  for (const column of inputs) {
    const asked = askedFor.get(column.name);
    const steps = asked === undefined ? KINDS[column.kind].usual(spec) : listSteps(asked);
    const why = reasonToDrop(column, rows, spec, steps);
    if (why !== undefined) {
      dropped.push({ name: column.name, why });
      continue;
    }
    refuseUnsuitable(column, steps!, asked !== undefined);
    const fitColumn = steps!.some(({ type }) => type === "tokens")
      ? fitTokens
      : column.kind === "category" || column.kind === "text"
        ? fitCategories
        : fitValues;
    const fitted = fitColumn(column, rows, steps!, spec);
    notes.push(...fitted.notes);
    columns.push({ name: column.name, shape: [...column.shape], offset, width: widthOf(column), ...fitted.parts });
    offset += columns.at(-1)!.width;
  }
  if (columns.length === 0) {
    throw new Fault("DATA_INVALID", `no column of \`${dataset.name}\` is left to learn from`, {
      violations: dropped.map(({ name, why }) => ({ path: `data.${name}`, message: why })),
      hint: "name steps for text columns in `preprocess.columns`, such as `oneHot`",
    });
  }
  const features = columns.reduce((sum, column) => sum + featuresOf(column), 0);
  const isImage = columns.length === 1 && columns[0]!.shape.length > 1;
  return { columns, dropped, rawWidth: offset, featureShape: isImage ? columns[0]!.shape : [features], notes };
}

/** Numbers that a column becomes. */
function featuresOf({ width, steps }: InputColumn): number {
  const last = steps.at(-1);
  return last?.type === "oneHot" ? last.values.length : width;
}

/** A column's values, row after row; bytes as long as no step has changed them. */
type Numbers = Float32Array | Uint8Array;

interface Fitted {
  readonly parts: Pick<InputColumn, "kind" | "categories" | "unit" | "unknownCode" | "dateOrder" | "steps"> &
    Partial<Pick<InputColumn, "shape" | "width">>;
  readonly notes: readonly string[];
}

// Numbers, dates, truth values, tensors ------------------------------------------------------------------------------

function fitValues(column: Column, rows: Int32Array, asked: readonly StepOptions[], spec: PreprocessSpec): Fitted {
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

type OptionsOf<Type extends StepType> = Extract<StepOptions, { type: Type }>;

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

/** Stand-ins for missing values; 0 where nothing is known. */
const CENTRES = {
  mean(values: Numbers): number {
    let sum = 0;
    for (let index = 0; index < values.length; index++) sum += values[index]!;
    return values.length === 0 ? 0 : sum / values.length;
  },
  median: (values: Numbers): number => quantile(values.slice().sort(), 0.5),
  /** The most frequent value; the smallest of several. */
  mode(values: Numbers): number {
    const counts = new Map<number, number>();
    for (const value of values.slice().sort()) counts.set(value, (counts.get(value) ?? 0) + 1);
    let best = 0;
    let most = 0;
    for (const [value, count] of counts) if (count > most) [best, most] = [value, count];
    return best;
  },
} as const;

/** Linear interpolation between order statistics, as NumPy's default; 0 of nothing. */
function quantile(sorted: Numbers, share: number): number {
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? 0;
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * Images share one scale, and so do vectors whose elements look like pixels: all have the same minimum, and at least half
 * the same maximum. Standardising each pixel by itself would blow up those that are hardly ever lit.
 */
function usualOver({ kind, shape }: Column, values: Numbers, width: number): "element" | "tensor" {
  if (kind !== "tensor" || width === 1) return "element";
  if (shape.length > 1) return "tensor";
  const least = new Float32Array(width).fill(Infinity);
  const most = new Float32Array(width).fill(-Infinity);
  for (let index = 0; index < values.length; index++) {
    const element = index % width;
    if (values[index]! < least[element]!) least[element] = values[index]!;
    if (values[index]! > most[element]!) most[element] = values[index]!;
  }
  const highest = CENTRES.mode(most);
  const agreeing = most.filter((value) => value === highest).length;
  return agreeing >= width / 2 && least.every((value) => value === least[0]) ? "tensor" : "element";
}

/** The values of each element of a row over all rows, or all of them as one. */
function elementsOf(values: Numbers, width: number, over: "element" | "tensor"): Numbers[] {
  if (over === "tensor" || width === 1) return [values];
  const rows = values.length / width;
  return Array.from({ length: width }, (_, element) => {
    const own = new Float32Array(rows);
    for (let row = 0; row < rows; row++) own[row] = values[row * width + element]!;
    return own;
  });
}

function perElement(values: Numbers, width: number, of: (element: Numbers) => number): PerElement {
  return elementsOf(values, width, "element").map(of);
}

/** What `applyPreprocessing` does in the graph, on the host in float64, so that each step is fitted on what it will see. */
function applyStep(given: Numbers, width: number, step: FittedStep): Float32Array {
  const values = given instanceof Float32Array ? given : new Float32Array(given);
  const at = (numbers: PerElement, index: number) => (numbers.length === 1 ? numbers[0]! : numbers[index % width]!);
  switch (step.type) {
    case "impute":
      return values.map((value, index) => (Number.isNaN(value) ? at(step.value, index) : value));
    case "clip":
      return values.map((value, index) =>
        Math.min(
          Math.max(value, step.low === null ? -Infinity : at(step.low, index)),
          step.high === null ? Infinity : at(step.high, index),
        ),
      );
    case "log":
      return values.map((value) => Math.sign(value) * Math.log1p(Math.abs(value)));
    case "standardise":
      return values.map((value, index) => (value - at(step.center, index)) * at(step.scale, index));
    case "minMax":
      return values.map((value, index) => (value - at(step.center, index)) * at(step.scale, index) + step.low);
    case "oneHot":
      return new Float32Array();
  }
}

function constantOf({ name, kind }: Column, value: number | string | undefined): number {
  const number = typeof value === "string" && kind === "date" ? READERS.iso.parse(value) : Number(value ?? 0);
  if (Number.isFinite(number)) return number;
  throw unsuitable(name, "impute", `a number to stand in for missing values, got \`${value}\``);
}

function isConstant(values: Numbers): boolean {
  return values.every((value) => value === values[0]);
}

// Texts ---------------------------------------------------------------------------------------------------------------

function fitTokens({ values, categories }: Column, rows: Int32Array, asked: readonly StepOptions[]): Fitted {
  const codes = new Set<number>();
  for (const row of rows) if (values[row]! >= 0) codes.add(values[row]!);
  const texts = Array.from(codes, (code) => categories![code]!);
  const { unit, length: wanted } = asked.find((step) => step.type === "tokens")!;
  const vocabulary = vocabularyOf(texts, unit);
  const length = wanted ?? texts.reduce((most, text) => Math.max(most, partsOf(text, unit).length), 1);
  const parts = { kind: "tokens", shape: [length], width: length, categories: vocabulary, steps: [] } as const;
  return { parts: unit === "words" ? { ...parts, unit } : parts, notes: [] };
}

// Categories ----------------------------------------------------------------------------------------------------------

const OTHER = "other";

function fitCategories(column: Column, rows: Int32Array, asked: readonly StepOptions[], spec: PreprocessSpec): Fitted {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const code = column.values[row]!;
    if (code >= 0) counts.set(column.categories![code]!, (counts.get(column.categories![code]!) ?? 0) + 1);
  }
  const frequent = [...counts]
    .sort(([a, often], [b, seldom]) => seldom - often || (a < b ? -1 : 1))
    .map(([name]) => name);
  const oneHot = asked.find((step) => step.type === "oneHot");
  const limit = oneHot?.maxCategories ?? spec.maxCategories;
  const isCapped = frequent.length > limit;
  const kept = frequent.slice(0, limit);
  const categories = kept.sort(byNumberThenName(new Set(kept)));
  if (isCapped) categories.push(uniqueName(OTHER, categories));

  const steps: FittedStep[] = [];
  const impute = asked.find((step) => step.type === "impute") ?? (oneHot === undefined ? MODE : undefined);
  if (impute !== undefined) {
    if (impute.strategy === "mean" || impute.strategy === "median")
      throw unsuitable(column.name, impute.strategy, "strategy `mode` or `constant`");
    const name = impute.strategy === "mode" ? frequent[0]! : String(impute.value ?? "");
    if (!categories.includes(name)) categories.push(name);
    steps.push({ type: "impute", value: [categories.indexOf(name)] });
  }
  if (oneHot !== undefined) steps.push({ type: "oneHot", values: categories.map((_, code) => code) });
  const note = `column \`${column.name}\`: ${limit} of ${frequent.length} categories kept, the others share one bucket`;
  return {
    parts: { kind: "category", categories, unknownCode: isCapped ? limit : -1, steps },
    notes: isCapped ? [note] : [],
  };
}

const MODE: OptionsOf<"impute"> = { type: "impute", strategy: "mode" };

function uniqueName(name: string, taken: readonly string[]): string {
  return taken.includes(name) ? uniqueName(`(${name})`, taken) : name;
}

// Refusals ------------------------------------------------------------------------------------------------------------

function reasonToDrop(
  column: Column,
  rows: Int32Array,
  spec: PreprocessSpec,
  steps: readonly StepOptions[] | undefined,
): string | undefined {
  if (spec.drop.includes(column.name)) return "dropped by `preprocess.drop`";
  if (steps === undefined) return `text with ${column.categories!.length} different values`;
  const width = widthOf(column);
  const isEmpty = rows.every((row) => {
    const value = column.values[row * width]!;
    return Number.isNaN(value) || (value === -1 && column.categories !== undefined && column.kind !== "boolean");
  });
  return isEmpty && column.missing > 0 && width === 1 ? "no value in any training row" : undefined;
}

function refuseUnknown(inputs: readonly Column[], spec: PreprocessSpec): void {
  const names = inputs.map(({ name }) => name);
  const asked = [
    ...Object.keys(spec.columns).map((name) => [`preprocess.columns.${name}`, name]),
    ...spec.drop.map((name) => ["preprocess.drop", name]),
  ];
  const violations = asked
    .filter(([, name]) => !names.includes(name!))
    .map(([path, name]) => ({
      path: path!,
      message: "no such input column",
      expected: names.slice(0, 50).join(" | "),
      got: name!,
    }));
  if (violations.length === 0) return;
  throw new Fault(
    "INVALID_PARAMS",
    `\`${violations[0]!.path}\`: the data have no input column \`${violations[0]!.got}\``,
    {
      violations,
      hint: suggest(violations[0]!.got, names),
    },
  );
}

function refuseUnsuitable({ name, kind }: Column, steps: readonly StepOptions[], isExplicit: boolean): void {
  const { allowed } = KINDS[kind];
  for (const [place, { type }] of steps.entries()) {
    if (!allowed.includes(type)) {
      if (!isExplicit)
        throw unsuitable(
          name,
          type,
          `one of ${allowed.join(", ")}, since it is a ${kind} column`,
          "preprocess.default",
        );
      throw unsuitable(name, type, `one of ${allowed.join(", ")}, since it is a ${kind} column`);
    }
    if (type === "oneHot" && place < steps.length - 1)
      throw unsuitable(name, steps[place + 1]!.type, "nothing after `oneHot`");
  }
}

function unsuitable(name: string, got: string, expected: string, path = `preprocess.columns.${name}`): Fault {
  return new Fault("INVALID_PARAMS", `column \`${name}\` cannot take step \`${got}\`: expected ${expected}`, {
    violations: [{ path, message: "unsuitable step", expected, got }],
    hint: `change \`${path}\`, or the column's kind with \`types\` where it is loaded`,
  });
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
