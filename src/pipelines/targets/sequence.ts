/**
 * @file A class for each element of a sequence. Rows are arrays of numbers, or strings, whose characters are the classes;
 * shorter ones are filled up with what does not count: the class `padding`, −1, a missing number, or what lies beyond
 * `lengths`.
 */
import { Fault } from "../../engine/index.ts";
import { type Column, type Dataset, widthOf } from "../data/dataset.ts";
import { partsOf } from "../preprocess/tokens.ts";
import type { TextUnit } from "../registry/define.ts";
import type { Codec } from "./codec.ts";
import { END, type SequenceEncoding } from "./encoding.ts";
import { byNumberThenName, nameOf } from "./names.ts";
import { strangeClass, wrongTarget } from "./refusals.ts";

/** What stands where nothing counts. */
export const NOTHING = -1;

export const sequence: Codec<"sequence"> = {
  reads: true,
  dtype: "I32",
  shape: ({ length }) => [length],
  names: ({ classes, ends }) => (ends ? [...classes, END] : classes),

  fit(columns, rows, options, dataset) {
    const [column] = columns as [Column];
    if (columns.length > 1) {
      throw wrongTarget(columns[1]!.name, "one target column", `${columns.length}`, "give each row one sequence");
    }
    const { classes: fixed, padding = null, lengths = null, ends = false, text = "characters" } = options;
    const read = readerOf(column, text, padding, lengthsOf(dataset, lengths));
    const found = new Set<string>();
    let longest = 0;
    for (const row of rows) {
      const names = read(row);
      longest = Math.max(longest, names.length);
      for (const name of names) if (name !== null) found.add(name);
    }
    const classes = fixed ?? [...found].sort(byNumberThenName(found));
    const known = new Set(classes);
    for (const row of fixed === undefined ? [] : rows) {
      for (const name of read(row))
        if (name !== null && !known.has(name)) throw strangeClass(column.name, row, classes, name);
    }
    if (classes.length < 2) {
      const got = classes.length === 0 ? "no element that counts" : `only \`${classes[0]}\``;
      throw wrongTarget(column.name, "at least 2 classes", got, "was another column meant as the target?");
    }
    const unit = column.kind === "tensor" ? "elements" : text;
    const length = unit !== "elements" || ends ? longest + (ends ? 1 : 0) : widthOf(column);
    return { kind: "sequence", columns: [column.name], classes, length, padding, lengths, unit, ends };
  },

  encode([column], rows, encoding, dataset) {
    const { classes, length, padding, lengths, unit, ends } = encoding;
    const text = unit === "words" ? unit : "characters";
    const read = readerOf(column!, text, padding, lengthsOf(dataset, lengths));
    const codes = new Map(classes.map((name, code) => [name, code]));
    const encoded = new Int32Array(rows.length * length).fill(NOTHING);
    for (let index = 0; index < rows.length; index++) {
      const names = read(rows[index]!);
      refuseLonger(column!, rows[index]!, names.length + (ends ? 1 : 0), encoding);
      for (const [place, name] of names.entries()) {
        if (name === null) continue;
        const code = codes.get(name);
        if (code === undefined) throw strangeClass(column!.name, rows[index]!, classes, name);
        encoded[index * length + place] = code;
      }
      if (ends) encoded[index * length + names.length] = classes.length;
    }
    return encoded;
  },
};

/** A row's elements by name, null where one does not count; none after the last that counts. */
function readerOf(
  column: Column,
  text: TextUnit,
  padding: string | null,
  lengths: Column | undefined,
): (row: number) => (string | null)[] {
  const width = widthOf(column);
  const all = (row: number): (string | null)[] => {
    if (column.kind !== "tensor") return partsOf(nameOf(column, row), text);
    return Array.from({ length: width }, (_, element) => {
      const value = column.values[row * width + element]!;
      return Number.isNaN(value) || value === NOTHING ? null : String(value);
    });
  };
  return (row) => {
    const names = all(row).slice(0, lengths?.values[row]);
    const counted = names.map((name) => (name === padding ? null : name));
    return counted.slice(0, counted.findLastIndex((name) => name !== null) + 1);
  };
}

function lengthsOf({ columns }: Dataset, name: string | null): Column | undefined {
  return columns.find((column) => column.name === name);
}

function refuseLonger(column: Column, row: number, got: number, { length }: SequenceEncoding): void {
  if (got <= length) return;
  throw new Fault("SHAPE_MISMATCH", `target \`${column.name}\`, row ${row + 1}: a sequence of ${got} is too long`, {
    violations: [
      {
        path: `data.${column.name}[${row}]`,
        message: "longer than any that the model was trained on",
        expected: `at most ${length} elements`,
        got: `${got} elements`,
      },
    ],
    hint: "cut the sequence, or train a new model on data with longer ones",
  });
}
