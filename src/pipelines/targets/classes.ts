/** @file One class a row. */
import type { Column } from "../data/dataset.ts";
import type { Codec } from "./codec.ts";
import { byNumberThenName, distinctNames, nameOf } from "./names.ts";
import { strangeClass, wrongTarget } from "./refusals.ts";

export const classes: Codec<"classes"> = {
  reads: true,
  dtype: "I32",
  shape: () => [],
  names: ({ classes: names }) => names,

  fit(columns, rows, { classes: fixed }) {
    const [column] = columns;
    if (columns.length > 1) {
      throw wrongTarget(
        columns[1]!.name,
        "one target column",
        `${columns.length}`,
        "for several labels a row use pipeline `multilabel`, for several targets `multitask`",
      );
    }
    const found = distinctNames(column!, rows);
    refuseContinuous(column!, rows, found.size);
    const names = fixed ?? [...found].sort(byNumberThenName(found));
    refuseStrangers(column!, rows, names);
    if (names.length < 2) {
      throw wrongTarget(
        column!.name,
        "at least 2 classes",
        `only \`${names[0]}\``,
        "a classifier needs rows of at least two classes; was another column meant as the target?",
      );
    }
    return { kind: "classes", columns: [column!.name], classes: names };
  },

  encode([column], rows, { classes: names }) {
    refuseStrangers(column!, rows, names);
    const codes = new Map(names.map((name, code) => [name, code]));
    const byValue = new Map<number, number>();
    const encoded = new Int32Array(rows.length);
    for (let index = 0; index < rows.length; index++) {
      const value = column!.values[rows[index]!]!;
      let code = byValue.get(value);
      if (code === undefined) {
        code = codes.get(nameOf(column!, rows[index]!))!;
        byValue.set(value, code);
      }
      encoded[index] = code;
    }
    return encoded;
  },
};

function refuseStrangers(column: Column, rows: Int32Array, names: readonly string[]): void {
  const known = new Set(names);
  const seen = new Set<number>();
  for (const row of rows) {
    const value = column.values[row]!;
    if (seen.has(value)) continue;
    seen.add(value);
    const name = nameOf(column, row);
    if (!known.has(name)) throw strangeClass(column.name, row, names, name);
  }
}

/** Fractions with hardly a repetition are measurements, not class numbers. */
function refuseContinuous({ name, kind, values }: Column, rows: Int32Array, distinct: number): void {
  if (kind === "category" || kind === "boolean" || distinct <= 20 || distinct <= rows.length / 2) return;
  if (kind === "number" && rows.every((row) => Number.isInteger(values[row]))) return;
  throw wrongTarget(
    name,
    "classes",
    `${distinct} different values in ${rows.length} rows`,
    kind === "text"
      ? "nearly every row has a class of its own: is it the right column?"
      : "to predict numbers use pipeline `regression`",
  );
}
