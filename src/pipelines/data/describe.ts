/** @file What is in a dataset, for a host to look at before it trains: counts, ranges, classes, and problems in words. */
import { type Column, type Dataset, type LoadReport, targetColumns, widthOf } from "./dataset.ts";

export interface ColumnDescription {
  readonly name: string;
  readonly kind: Column["kind"];
  readonly shape?: readonly number[];
  readonly missing: number;
  /** Different values; left out for tensors. */
  readonly unique?: number;
  /** Over all finite values; dates in days since 1970. */
  readonly min?: number;
  readonly max?: number;
  readonly mean?: number;
  /** Of the population (divided by the count). */
  readonly std?: number;
  /** Values that are infinite, if there are any. */
  readonly infinite?: number;
  /** The most frequent ones first, ten at most. */
  readonly top?: readonly { readonly value: string; readonly count: number }[];
  readonly constant?: boolean;
  readonly duplicateOf?: string;
}

export interface Description {
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly ColumnDescription[];
  readonly target: Dataset["target"];
  readonly hash: string;
  /** Of a target of few different values, in order of frequency. */
  readonly classes?: readonly { readonly name: string; readonly count: number }[];
  readonly problems: readonly string[];
  readonly report: LoadReport;
}

const MOST_CLASSES = 100;

export function describe(dataset: Dataset): Description {
  const duplicates = duplicatesOf(dataset.columns);
  const columns = dataset.columns.map((column) => describeColumn(column, dataset.rows, duplicates.get(column.name)));
  const classes = classesOf(dataset);
  return {
    name: dataset.name,
    rows: dataset.rows,
    columns,
    target: dataset.target,
    hash: dataset.hash,
    ...(classes === undefined ? {} : { classes }),
    problems: [...problemsOf(dataset, columns, classes), ...dataset.report.notes],
    report: dataset.report,
  };
}

function describeColumn(column: Column, rows: number, duplicateOf: string | undefined): ColumnDescription {
  const { name, kind, shape, missing } = column;
  const isNamed = kind === "category" || kind === "text";
  const counts = kind === "tensor" ? undefined : countValues(column);
  const constant = kind === "tensor" ? isConstantTensor(column) : counts!.size === 1 && missing === 0 && rows > 1;
  return {
    name,
    kind,
    ...(shape.length > 0 ? { shape } : {}),
    missing,
    ...(counts === undefined ? {} : { unique: counts.size }),
    ...(isNamed ? {} : momentsOf(column)),
    ...(isNamed || kind === "boolean"
      ? { top: mostFrequent(column, counts!, 10).map(({ name: value, count }) => ({ value, count })) }
      : {}),
    ...(constant ? { constant } : {}),
    ...(duplicateOf === undefined ? {} : { duplicateOf }),
  };
}

/** How often each value occurs, missing ones left out. */
function countValues({ kind, values }: Column): Map<number, number> {
  const counts = new Map<number, number>();
  const isNamed = kind === "category" || kind === "text";
  for (const value of values) {
    if (Number.isNaN(value) || (isNamed && value < 0)) continue;
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

function momentsOf({ values }: Column): Pick<ColumnDescription, "min" | "max" | "mean" | "std" | "infinite"> {
  let count = 0;
  let infinite = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let mean = 0;
  let squares = 0; // Welford (1962)
  for (const value of values) {
    if (!Number.isFinite(value)) {
      if (!Number.isNaN(value)) infinite++;
      continue;
    }
    count++;
    if (value < min) min = value;
    if (value > max) max = value;
    const from = value - mean;
    mean += from / count;
    squares += from * (value - mean);
  }
  return {
    ...(count === 0 ? {} : { min, max, mean, std: Math.sqrt(squares / count) }),
    ...(infinite === 0 ? {} : { infinite }),
  };
}

function mostFrequent(
  { categories, kind }: Column,
  counts: ReadonlyMap<number, number>,
  limit: number,
): { name: string; count: number }[] {
  return [...counts]
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, limit)
    .map(([value, count]) => ({
      name: kind !== "number" && kind !== "date" ? shown(categories?.[value] ?? String(value)) : String(value),
      count,
    }));
}

/** A text may be a book. */
const MOST_SHOWN = 200;
const shown = (name: string): string => (name.length > MOST_SHOWN ? `${name.slice(0, MOST_SHOWN - 1)}…` : name);

function isConstantTensor({ values }: Column): boolean {
  return values.length > 1 && values.every((value) => value === values[0]);
}

/** Later columns that hold the same values as an earlier one, by name. */
function duplicatesOf(columns: readonly Column[]): Map<string, string> {
  const firsts = new Map<string, Column[]>();
  const duplicates = new Map<string, string>();
  for (const column of columns) {
    const key = fingerprint(column);
    const alike = firsts.get(key) ?? [];
    const first = alike.find((earlier) => sameValues(earlier, column));
    if (first !== undefined) duplicates.set(column.name, first.name);
    else firsts.set(key, [...alike, column]);
  }
  return duplicates;
}

/** Equal for equal columns, and rarely otherwise: kind, size, and a sum with weights. */
function fingerprint({ kind, shape, missing, values }: Column): string {
  let sum = 0;
  for (let index = 0; index < values.length; index++)
    if (!Number.isNaN(values[index])) sum += values[index]! * ((index % 97) + 1);
  return `${kind}[${shape.join()}]${missing}:${sum}`;
}

function sameValues(a: Column, b: Column): boolean {
  if (a.categories?.length !== b.categories?.length || a.categories?.some((name, code) => name !== b.categories![code]))
    return false;
  for (let index = 0; index < a.values.length; index++) if (!Object.is(a.values[index], b.values[index])) return false;
  return true;
}

function classesOf(dataset: Dataset): Description["classes"] {
  const [column, ...others] = targetColumns(dataset);
  if (column === undefined || others.length > 0 || column.kind === "tensor" || column.kind === "date") return undefined;
  const counts = countValues(column);
  const isCounted = column.kind !== "number" || [...counts.keys()].every(Number.isInteger);
  if (!isCounted || counts.size > MOST_CLASSES || (column.kind === "number" && counts.size > dataset.rows / 2))
    return undefined;
  return mostFrequent(column, counts, MOST_CLASSES);
}

function problemsOf(
  dataset: Dataset,
  columns: readonly ColumnDescription[],
  classes: Description["classes"],
): string[] {
  const targets = dataset.target === null ? [] : [dataset.target].flat();
  const { badRows } = dataset.report;
  const problems: string[] = [];
  if (badRows.count > 0) {
    const first = badRows.first[0]!;
    problems.push(
      `${plural(badRows.count, "row")} could not be read and ${badRows.count === 1 ? "was" : "were"} left out; first: line ${first.line}: ${first.problem}`,
    );
  }
  if (dataset.target === null) problems.push("no target is named: fine for prediction, not for training");
  for (const column of columns) {
    for (const { applies, say } of COLUMN_PROBLEMS) {
      if (applies(column, dataset, targets.includes(column.name))) problems.push(say(column, dataset));
    }
  }
  if (classes?.length === 1)
    problems.push(`the target has one class only, \`${classes[0]!.name}\`: nothing can be learned from it`);
  if (classes !== undefined && classes.length > 1) {
    const rare = classes.at(-1)!;
    if (rare.count === 1) problems.push(`class \`${rare.name}\` occurs once: it cannot be both learned and checked`);
    else if (classes[0]!.count > rare.count * 10) {
      problems.push(
        `classes are unbalanced: \`${classes[0]!.name}\` ${classes[0]!.count} times, \`${rare.name}\` ${rare.count} times`,
      );
    }
  }
  return problems;
}

interface ColumnProblem {
  applies(column: ColumnDescription, dataset: Dataset, isTarget: boolean): boolean;
  say(column: ColumnDescription, dataset: Dataset): string;
}

const COLUMN_PROBLEMS: readonly ColumnProblem[] = [
  {
    applies: ({ missing }, _dataset, isTarget) => isTarget && missing > 0,
    say: ({ name, missing }, { rows }) => `target \`${name}\` is missing in ${missing} of ${rows} rows`,
  },
  {
    applies: ({ missing, shape = [] }, { rows }, isTarget) => !isTarget && missing > rows * widthOf({ shape }) * 0.2,
    say: ({ name, missing, shape = [] }, { rows }) =>
      `column \`${name}\` is missing in ${Math.round((100 * missing) / (rows * widthOf({ shape })))} % of its values`,
  },
  {
    applies: ({ constant }, _dataset, isTarget) => constant === true && !isTarget,
    say: ({ name }) => `column \`${name}\` has the same value in every row`,
  },
  {
    applies: ({ duplicateOf }) => duplicateOf !== undefined,
    say: ({ name, duplicateOf }) => `column \`${name}\` repeats column \`${duplicateOf}\``,
  },
  {
    applies: ({ kind }, _dataset, isTarget) => kind === "text" && !isTarget,
    say: ({ name, unique }) =>
      `column \`${name}\` is text with ${unique} different values: left out of training unless \`preprocess\` names steps for it`,
  },
  {
    applies: ({ kind, unique, min, max }, { rows }, isTarget) =>
      !isTarget && kind === "number" && rows > 20 && unique === rows && max! - min! === rows - 1,
    say: ({ name }) =>
      `column \`${name}\` counts the rows: an identifier tells a model nothing that holds for new rows; drop it`,
  },
  {
    applies: ({ kind, unique }, { rows }, isTarget) =>
      isTarget && kind === "number" && unique !== undefined && unique > 256 && unique * 5 > rows,
    say: ({ name, unique }) =>
      `target \`${name}\` is a number column with ${unique} different values: fit for the pipeline \`regression\`, too many for classes`,
  },
  {
    applies: ({ infinite }) => infinite !== undefined,
    say: ({ name, infinite }) => `column \`${name}\` holds ${plural(infinite!, "infinite value")}`,
  },
];

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
