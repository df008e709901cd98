/** @file Fitting: the steps that a spec asks for, column by column, with their numbers taken from the training rows. */
import { Fault } from "../../engine/index.ts";
import { type Column, type Dataset, inputColumns, widthOf } from "../data/dataset.ts";
import { suggest } from "../registry/nearest.ts";
import { fitValues } from "./fitValues.ts";
import { fitCategories, fitTokens } from "./fitWords.ts";
import type { InputColumn, Preprocessing } from "./preprocessing.ts";
import { unsuitable } from "./refuse.ts";
import { listSteps, type PreprocessSpec, type StepOptions, type StepType } from "./spec.ts";

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
