/** @file CSV files: delimiter, header and decimal mark sniffed where the host does not say, rows read by csv-parse. */
import { isUtf8 } from "node:buffer";
import { type Options as ParserOptions, parse } from "csv-parse/sync";
import { Fault } from "../../engine/index.ts";
import { readRegularFile } from "../files/regular.ts";
import { type DateOrder, parseBoolean, READERS } from "./cells.ts";
import type { FormOptions } from "./reference.ts";
import { addBadRow, noBadRows, type RecordSource } from "./table.ts";

export type CsvOptions = FormOptions<"csv">["csv"];

const DELIMITERS = [",", ";", "\t", "|"];
const SNIFFED_BYTES = 256 * 1024;
const SNIFFED_ROWS = 100;

export interface CsvSource extends RecordSource {
  readonly inferred: Readonly<Record<string, string | boolean>>;
  readonly notes: readonly string[];
}

/** Opens a CSV file. Faults: those of `readRegularFile`, and DATA_INVALID for what is no text or no table. */
export async function openCsv(options: CsvOptions, roots: readonly string[] | undefined): Promise<CsvSource> {
  const bytes = decodeText(await readRegularFile(options.path, { roots }), options);
  const head =
    bytes.length <= SNIFFED_BYTES
      ? bytes
      : bytes.subarray(0, bytes.lastIndexOf(10, SNIFFED_BYTES) + 1 || SNIFFED_BYTES);
  const delimiter = options.delimiter ?? sniffDelimiter(head, options);
  const records = readRecords(head, options, delimiter, SNIFFED_ROWS);
  if (records.length === 0) throw noTable(options.path, "it holds no rows");
  const header = options.header ?? looksLikeHeader(records);
  const width = Array.isArray(header)
    ? header.length
    : header
      ? records[0]!.length
      : commonest(records.map(({ length }) => length));
  const written = Array.isArray(header) ? header : header ? records[0]! : new Array<string>(width).fill("");
  const { names, notes } = uniqueNames(written);
  const skipped = header === true ? 1 : 0;

  return {
    names,
    notes,
    unit: "line",
    decimalComma: options.decimal === undefined ? (delimiter === "," ? false : undefined) : options.decimal === ",",
    inferred: { delimiter, header: header !== false },
    visit(each, limit) {
      const badRows = noBadRows();
      let seen = 0;
      let lastLine = 0;
      parse(bytes, {
        ...parserOptions(options, delimiter),
        ...(limit === undefined ? {} : { to: limit + skipped }),
        on_record(record: string[], { lines }) {
          lastLine = lines;
          if (seen++ < skipped) return null;
          if (record.length === width) each(record, lines);
          else {
            const problem = `${record.length} fields, expected ${width}`;
            addBadRow(badRows, lines - rowSpan(record), problem, record.join(delimiter));
          }
          return null;
        },
        on_skip(error) {
          if (error?.code === "CSV_QUOTE_NOT_CLOSED") throw unclosedQuote(options.path, lastLine);
          addBadRow(badRows, lastLine + 1, error?.message ?? "unreadable", "");
        },
      });
      if (badRows.count > 0 && options.badRows === "error") {
        const { line: first, problem, text } = badRows.first[0]!;
        throw new Fault(
          "DATA_INVALID",
          `\`${options.path}\`: ${badRows.count} rows cannot be read; first: line ${first}: ${problem}`,
          {
            violations: badRows.first.map((row) => ({ path: `line ${row.line}`, message: row.problem, got: row.text })),
            hint: `mend line ${first} (${text}), or leave such rows out with "badRows": "skip"`,
          },
        );
      }
      if (limit === undefined && badRows.count > seen / 2) {
        const { line: first, problem, text } = badRows.first[0]!;
        throw noTable(
          options.path,
          `${badRows.count} of ${seen} rows do not have its ${width} columns; line ${first}: ${problem}: ${text}`,
        );
      }
      return badRows;
    },
  };
}

/** Lines that a record spans beyond its first. */
function rowSpan(record: readonly string[]): number {
  return record.reduce((lines, field) => lines + field.split("\n").length - 1, 0);
}

/** UTF-8 without surprises: other encodings converted, a UTF-16 byte order mark obeyed, invalid bytes refused. */
function decodeText(bytes: Buffer, { path, encoding }: CsvOptions): Buffer {
  const isUtf16 = encoding === "utf16le" || (bytes[0] === 0xff && bytes[1] === 0xfe);
  if (isUtf16 || encoding === "latin1") return Buffer.from(bytes.toString(isUtf16 ? "utf16le" : "latin1"));
  if (!isUtf8(bytes)) {
    throw new Fault("DATA_INVALID", `\`${path}\` is not UTF-8 text`, {
      violations: [
        {
          path: "csv.encoding",
          message: "invalid UTF-8",
          expected: "UTF-8 bytes",
          got: bytes.includes(0) ? "binary data" : "other bytes",
        },
      ],
      hint: 'say `"encoding": "latin1"` (or "utf16le") if that is what it is',
    });
  }
  return bytes;
}

function parserOptions({ quote, comment }: CsvOptions, delimiter: string): ParserOptions {
  return {
    delimiter,
    quote,
    ...(comment === undefined ? {} : { comment, comment_no_infix: true }),
    bom: true,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
  };
}

function readRecords(bytes: Buffer, options: CsvOptions, delimiter: string, limit: number): string[][] {
  return parse(bytes, { ...parserOptions(options, delimiter), to: limit }) as unknown as string[][];
}

/** The delimiter that gives the most rows of one width, then the widest. */
function sniffDelimiter(head: Buffer, options: CsvOptions): string {
  const scored = DELIMITERS.map((delimiter) => {
    const widths = readRecords(head, options, delimiter, SNIFFED_ROWS).map(({ length }) => length);
    const width = widths.length === 0 ? 1 : commonest(widths);
    const agreeing = widths.filter((other) => other === width).length / Math.max(1, widths.length);
    return { delimiter, score: width > 1 ? agreeing + Math.min(width, 100) / 1000 : 0 };
  });
  return scored.reduce((best, candidate) => (candidate.score > best.score ? candidate : best)).delimiter;
}

function commonest(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}

/** Names are text: a first row with a number, a date or a truth value in it is data. */
function looksLikeHeader([first]: readonly (readonly string[])[]): boolean {
  const orders: readonly DateOrder[] = ["iso", "dmy", "mdy"];
  const isData = (cell: string) =>
    !Number.isNaN(READERS.number.parse(cell)) ||
    !Number.isNaN(READERS.decimalComma.parse(cell)) ||
    (cell.length > 1 && !Number.isNaN(parseBoolean(cell))) ||
    orders.some((order) => !Number.isNaN(READERS[order].parse(cell)));
  return first!.some((cell) => cell.trim() !== "") && !first!.some(isData);
}

/** Every column gets a name of its own: `column3` where there is none, `size_2` for the second `size`. */
function uniqueNames(written: readonly string[]): { names: string[]; notes: string[] } {
  const taken = new Set<string>();
  const copies = new Map<string, number>();
  const names = written.map((raw, index) => {
    const wanted = raw.trim() === "" ? `column${index + 1}` : raw.trim();
    let copy = copies.get(wanted) ?? 1;
    let name = copy === 1 ? wanted : `${wanted}_${copy}`;
    while (taken.has(name)) name = `${wanted}_${++copy}`;
    copies.set(wanted, copy + 1);
    taken.add(name);
    return name;
  });
  const repeated = [...copies].filter(([, next]) => next > 2).map(([name]) => `\`${name}\``);
  const shown = repeated.slice(0, 10).join(", ") + (repeated.length > 10 ? ", …" : "");
  const note = `several columns are called ${shown}: later ones end in _2, _3, … here`;
  return { names, notes: repeated.length > 0 ? [note] : [] };
}

/** It would swallow the rest of the file as one field, whether the file is cut off or a quote is stray. */
function unclosedQuote(path: string, line: number): Fault {
  const problem = `a quote that opens after line ${line} is never closed`;
  return new Fault("DATA_INVALID", `\`${path}\`: ${problem}`, {
    violations: [
      { path: `line ${line + 1}`, message: problem, expected: "a closing quote", got: "the end of the file" },
    ],
    hint: "the file may be cut off; where quotes mean nothing, name another `quote` character",
  });
}

function noTable(path: string, problem: string): Fault {
  return new Fault("DATA_INVALID", `\`${path}\` cannot be read as a CSV table: ${problem}`, {
    violations: [{ path: "csv.path", message: problem }],
    hint: "check `delimiter`, `quote` and `header`",
  });
}
