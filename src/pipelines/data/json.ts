/** @file JSON and NDJSON files as records: an array of objects, an object of columns, or one object a line. */
import { isUtf8 } from "node:buffer";
import { Fault } from "../../engine/index.ts";
import { readRegularFile } from "../files/regular.ts";
import { show } from "../registry/parse.ts";
import type { FormOptions } from "./reference.ts";
import { cellOf, openRows } from "./rows.ts";
import { addBadRow, noBadRows, type RecordSource } from "./table.ts";

/** Opens `[{…}, …]` or `{"columns": {"name": […], …}}`. Faults: DATA_INVALID for anything else. */
export async function openJson(
  { path }: FormOptions<"json">["json"],
  roots: readonly string[] | undefined,
): Promise<RecordSource> {
  const text = await readText(path, roots);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, `it is not JSON (${(cause as Error).message})`, "is it one object a line? then it is `ndjson`");
  }
  if (Array.isArray(content)) return openRows(content, path);
  const columns = (content as { columns?: unknown } | null)?.columns;
  if (typeof columns === "object" && columns !== null && !Array.isArray(columns)) return openColumns(columns, path);
  throw invalid(
    path,
    `it holds ${show(content)}`,
    'expected `[{"column": value, …}, …]` or `{"columns": {"column": [values], …}}`',
  );
}

function openColumns(columns: object, path: string): RecordSource {
  const entries = Object.entries(columns) as [string, unknown][];
  const first = entries[0]?.[1];
  const rows = Array.isArray(first) ? first.length : 0;
  for (const [name, values] of entries) {
    if (!Array.isArray(values) || values.length !== rows) {
      const got = Array.isArray(values) ? `${values.length} values` : show(values);
      throw new Fault(
        "DATA_INVALID",
        `\`${path}\`: column \`${name}\`: expected an array of ${rows} values, got ${got}`,
        {
          violations: [
            { path: `columns.${name}`, message: "columns differ in length", expected: `${rows} values`, got },
          ],
          hint: "give every column as many values as the first",
        },
      );
    }
  }
  const arrays = entries.map(([, values]) => values as unknown[]);
  return {
    names: entries.map(([name]) => name),
    decimalComma: false,
    unit: "row",
    visit(each, limit = rows) {
      const cells = new Array<unknown>(arrays.length);
      for (let row = 0; row < Math.min(rows, limit); row++) {
        for (let column = 0; column < arrays.length; column++) cells[column] = arrays[column]![row];
        each(cells, row + 1);
      }
      return noBadRows();
    },
  };
}

/** Opens a file of one JSON object a line; lines that are none are bad rows. Names are gathered in a first pass. */
export async function openNdjson(
  { path, badRows: onBadRows }: FormOptions<"ndjson">["ndjson"],
  roots: readonly string[] | undefined,
): Promise<RecordSource> {
  const text = await readText(path, roots);
  const names = new Set<string>();
  const badRows = noBadRows();
  for (const [line, number] of linesOf(text)) {
    const row = parseObject(line);
    if (row === undefined) addBadRow(badRows, number, "not a JSON object", line);
    else for (const name of Object.keys(row)) names.add(name);
  }
  if (badRows.count > 0 && onBadRows === "error") {
    throw new Fault(
      "DATA_INVALID",
      `\`${path}\`: ${badRows.count} lines are no JSON objects; first: line ${badRows.first[0]!.line}`,
      {
        violations: badRows.first.map(({ line, problem, text }) => ({
          path: `line ${line}`,
          message: problem,
          got: text,
        })),
        hint: 'mend them, or leave them out with "badRows": "skip"',
      },
    );
  }
  if (names.size === 0) throw invalid(path, "it holds no JSON objects", "expected one object a line");
  const order = [...names];
  return {
    names: order,
    decimalComma: false,
    unit: "line",
    visit(each, limit = Number.POSITIVE_INFINITY) {
      const cells = new Array<unknown>(order.length);
      let seen = 0;
      for (const [line, number] of linesOf(text)) {
        const row = parseObject(line);
        if (row === undefined) continue;
        for (let column = 0; column < order.length; column++) cells[column] = cellOf(row, order[column]!);
        each(cells, number);
        if (++seen === limit) break;
      }
      return badRows;
    },
  };
}

/** Each line that is not blank, and its number, counted from 1. */
function* linesOf(text: string): Generator<readonly [line: string, number: number]> {
  for (let start = 0, number = 1; start < text.length; number++) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end).trim();
    if (line !== "") yield [line, number];
    start = end + 1;
  }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

async function readText(path: string, roots: readonly string[] | undefined): Promise<string> {
  const bytes = await readRegularFile(path, { roots });
  if (!isUtf8(bytes)) throw invalid(path, "it is not UTF-8 text", "save it as UTF-8");
  const text = bytes.toString();
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

function invalid(path: string, problem: string, hint: string): Fault {
  return new Fault("DATA_INVALID", `\`${path}\` cannot be read: ${problem}`, {
    violations: [{ path: "path", message: problem }],
    hint,
  });
}
