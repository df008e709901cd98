/** @file From records of cells to typed columns: kinds inferred from a first look, columns filled in one pass, mistakes widened. */
import { Fault, sizeOf } from "../../engine/index.ts";
import { show } from "../registry/parse.ts";
import { type MissingMarkers, missingMarkers, parseBoolean, READERS, type ReaderName, truthPair } from "./cells.ts";
import type { BadRow, Column } from "./dataset.ts";
import type { CellOptions } from "./reference.ts";
import { type ColumnWriter, createWriter, isNothing, nestedShape, type Plan, writeNested } from "./writers.ts";

/** Rows that could not be read: all counted, the first few kept. */
export interface BadRows {
  count: number;
  readonly first: BadRow[];
}

/** Something that can be read more than once, row by row. */
export interface RecordSource {
  /** Column names, unique. */
  readonly names: readonly string[];
  /** Whether `1,5` may be a number. Undefined: as the cells suggest. */
  readonly decimalComma: boolean | undefined;
  /**
   * Hands over each good row, cells in the order of `names` (in an array that is used again), and its line.
   * @param limit stop after so many rows.
   */
  visit(each: (cells: readonly unknown[], line: number) => void, limit?: number): BadRows;
  /** How to speak of a line: `line 7`, `row 7`. */
  readonly unit: "line" | "row";
}

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: number;
  readonly badRows: BadRows;
  readonly notes: readonly string[];
}

const SAMPLE_ROWS = 1000;
const BAD_ROWS_SHOWN = 10;
const TEXT_SHOWN = 120;

export function noBadRows(): BadRows {
  return { count: 0, first: [] };
}

export function addBadRow(badRows: BadRows, line: number, problem: string, text: string): void {
  badRows.count++;
  if (badRows.first.length < BAD_ROWS_SHOWN) badRows.first.push({ line, problem, text: text.slice(0, TEXT_SHOWN) });
}

/** A cell that did not fit its column's kind. */
interface Misfits {
  count: number;
  line: number;
  cell: unknown;
}

/**
 * Reads all rows. The kinds come from the first thousand; a column whose later cells disagree is read again as categories.
 * Faults: DATA_INVALID for an unknown column in `types`, and for cells that no column can hold (objects, ragged arrays).
 */
export function readTable(source: RecordSource, options: CellOptions): Table {
  const forced = new Map(Object.entries(options.types));
  for (const name of forced.keys()) {
    if (!source.names.includes(name)) throw unknownColumn(`types.${name}`, name, source.names);
  }
  const reading: Reading = { source, forced, markers: missingMarkers(options.missing), dates: options.dates };
  const notes: string[] = [];
  const first = fillColumns(reading, planColumns(reading, notes));
  const widened = first.misfits.map((misfit, index) => misfit !== undefined && !forced.has(source.names[index]!));
  for (const [index, misfit] of first.misfits.entries()) {
    if (misfit !== undefined) notes.push(explainMisfits(reading, first, index, misfit, widened[index]!));
  }
  const plans = first.plans.map((plan, index): Plan => (widened[index] ? { as: "strings" } : plan));
  const { writers, rows, badRows } = widened.includes(true) ? fillColumns(reading, plans) : first;
  return { columns: writers.map((writer, index) => writer.finish(source.names[index]!)), rows, badRows, notes };
}

/** What all steps of reading one table need. */
interface Reading {
  readonly source: RecordSource;
  /** Kinds that the host has named, by column. */
  readonly forced: ReadonlyMap<string, keyof typeof FORCED>;
  readonly markers: MissingMarkers;
  readonly dates: CellOptions["dates"];
}

function planColumns(reading: Reading, notes: string[]): Plan[] {
  const { source, forced, dates } = reading;
  const sample: unknown[][] = [];
  source.visit((cells) => sample.push([...cells]), SAMPLE_ROWS);
  return source.names.map((name, index) => {
    const cells = sample.map((row) => row[index]);
    const inferred = inferPlan(reading, cells);
    const kind = forced.get(name);
    if (kind !== undefined) return forcedPlan(kind, inferred, dates);
    if (inferred.ambiguousDates) {
      notes.push(
        `column \`${name}\` holds dates whose day and month cannot be told apart: read as text; say \`"dates": "dmy"\` or \`"mdy"\``,
      );
    }
    return inferred.plan;
  });
}

interface Filled {
  readonly plans: readonly Plan[];
  readonly writers: readonly ColumnWriter[];
  /** By column; undefined where every cell fitted. */
  readonly misfits: readonly (Misfits | undefined)[];
  readonly rows: number;
  readonly badRows: BadRows;
}

function fillColumns(reading: Reading, planned: readonly Plan[]): Filled {
  const { source, forced, markers } = reading;
  const plans = [...planned];
  const writers = plans.map((plan) => createWriter(plan, markers));
  const misfits = new Array<Misfits | undefined>(plans.length).fill(undefined);
  let rows = 0;
  const badRows = source.visit((cells, line) => {
    for (let index = 0; index < writers.length; index++) {
      const cell = cells[index];
      const writer = writers[index]!;
      const empty = writer.filled === 0;
      if (writer.add(cell)) continue;
      if (empty && !forced.has(source.names[index]!) && plans[index]!.as === "values") {
        plans[index] = inferPlan(reading, [cell]).plan;
        writers[index] = startLate(plans[index]!, markers, rows, cell);
        continue;
      }
      refuseNested(cell, plans[index]!, source, index, line);
      const earlier = misfits[index];
      if (earlier === undefined) misfits[index] = { count: 1, line, cell };
      else earlier.count++;
    }
    rows++;
  });
  return { plans, writers, misfits, rows, badRows };
}

/** A writer for a column of which nothing was known until now. */
function startLate(plan: Plan, markers: MissingMarkers, rows: number, cell: unknown): ColumnWriter {
  const writer = createWriter(plan, markers);
  for (let row = 0; row < rows; row++) writer.add(null);
  writer.add(cell);
  return writer;
}

interface Inferred {
  readonly plan: Plan;
  readonly ambiguousDates: boolean;
  /** The readers that every cell of the sample agreed with. */
  readonly readers: ReadonlySet<ReaderName>;
}

function inferPlan({ source: { decimalComma }, markers, dates }: Reading, cells: readonly unknown[]): Inferred {
  const candidates = new Set<ReaderName>(["number", "decimalComma", "boolean", "iso", "dmy", "mdy"]);
  if (decimalComma !== undefined) candidates.delete(decimalComma ? "number" : "decimalComma");
  if (dates !== undefined) for (const order of ["dmy", "mdy"] as const) if (order !== dates) candidates.delete(order);
  let pair: readonly [string, string] | undefined;
  let shape: readonly number[] | undefined;
  let isTensor = true;
  let seen = 0;
  for (const cell of cells) {
    if (isNothing(cell, markers)) continue;
    seen++;
    if (Array.isArray(cell)) {
      shape ??= nestedShape(cell);
      isTensor &&= fitsShape(cell, shape);
      candidates.clear();
      continue;
    }
    isTensor = false;
    for (const reader of candidates) if (!agrees(cell, reader)) candidates.delete(reader);
    if (candidates.has("boolean") && typeof cell === "string" && !Number.isNaN(parseBoolean(cell))) {
      pair ??= truthPair(cell);
      if (truthPair(cell) !== pair) candidates.delete("boolean");
    }
  }
  const readers: ReadonlySet<ReaderName> = candidates;
  if (seen === 0)
    return { plan: { as: "values", reader: decimalComma ? "decimalComma" : "number" }, ambiguousDates: false, readers };
  if (shape !== undefined)
    return { plan: isTensor ? { as: "tensor", shape } : { as: "strings" }, ambiguousDates: false, readers };
  const ambiguousDates = candidates.has("dmy") && candidates.has("mdy");
  const [reader] = candidates;
  return {
    plan: reader === undefined || ambiguousDates ? { as: "strings" } : { as: "values", reader },
    ambiguousDates,
    readers,
  };
}

function agrees(cell: unknown, reader: ReaderName): boolean {
  const { kind, parse } = READERS[reader];
  if (typeof cell === "string") return !Number.isNaN(parse(cell));
  return (typeof cell === "number" && kind === "number") || (typeof cell === "boolean" && kind === "boolean");
}

function fitsShape(cell: unknown, shape: readonly number[]): boolean {
  const width = sizeOf(shape);
  return width > 0 && width <= 2 ** 24 && writeNested(cell, shape, 0, new Float32Array(width), 0) === width;
}

/** A host's word on a column; what it left open (decimal mark, date order) as the cells suggest. */
function forcedPlan(kind: keyof typeof FORCED, { readers }: Inferred, dates: CellOptions["dates"]): Plan {
  const reader =
    FORCED[kind].find((name) => readers.has(name)) ?? (kind === "date" ? (dates ?? "iso") : FORCED[kind][0]);
  return reader === undefined ? { as: "strings", kind: kind as "category" | "text" } : { as: "values", reader };
}

const FORCED = {
  number: ["number", "decimalComma"],
  boolean: ["boolean"],
  date: ["iso", "dmy", "mdy"],
  category: [],
  text: [],
} as const satisfies Record<string, readonly ReaderName[]>;

function refuseNested(cell: unknown, plan: Plan, { names, unit }: RecordSource, index: number, line: number): void {
  const name = names[index]!;
  if (typeof cell !== "object" && plan.as !== "tensor") return;
  const [expected, got] =
    plan.as === "tensor"
      ? [
          `an array of shape [${plan.shape.join(", ")}]`,
          Array.isArray(cell) ? `shape [${nestedShape(cell).join(", ")}]` : show(cell),
        ]
      : ["a number, a string, true, false or null", show(cell)];
  throw new Fault("DATA_INVALID", `column \`${name}\`, ${unit} ${line}: expected ${expected}, got ${got}`, {
    violations: [{ path: `data.${name}[${line}]`, message: "value does not fit its column", expected, got }],
    hint:
      plan.as === "tensor"
        ? "give every row an array of the same shape"
        : "flatten nested objects into columns of their own",
  });
}

function explainMisfits(
  { source: { names, unit } }: Reading,
  { plans, writers }: Filled,
  index: number,
  { count, line, cell }: Misfits,
  widened: boolean,
): string {
  const plan = plans[index]!;
  const kind = plan.as === "values" ? READERS[plan.reader].kind : plan.as;
  const { filled } = writers[index]!;
  const name = names[index]!;
  const start = `column \`${name}\`: ${count} of ${filled + count} values are no ${kind} (first: ${show(cell)}, ${unit} ${line})`;
  return widened
    ? `${start}, so all were read as categories; \`"types": {"${name}": "${kind}"}\` would count them as missing instead`
    : `${start}: counted as missing`;
}

export function unknownColumn(path: string, name: string, names: readonly string[]): Fault {
  const shown = names.slice(0, 50).join(", ") + (names.length > 50 ? `, … (${names.length})` : "");
  return new Fault("DATA_INVALID", `there is no column \`${name}\``, {
    violations: [{ path, message: "unknown column", expected: `one of ${shown}`, got: name }],
    hint: `the columns are ${shown}`,
  });
}
