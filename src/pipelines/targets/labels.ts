/** @file Any number of labels a row, as zeros and ones. */
import { type Column, widthOf } from "../data/dataset.ts";
import type { Codec } from "./codec.ts";
import { byNumberThenName, distinctNames, nameOf } from "./names.ts";
import { strangeClass, wrongTarget } from "./refusals.ts";
import { numbersOf } from "./values.ts";

const TAG_SEPARATOR = ";";

export const labels: Codec<"labels"> = {
  reads: true,
  dtype: "F32",
  shape: ({ labels: names }) => [names.length],
  names: ({ labels: names }) => names,

  fit(columns, rows, { classes: fixed }) {
    const names = columns.map(({ name }) => name);
    const [column] = columns as [Column];
    if (columns.length === 1 && column.kind === "tensor") {
      refuseNotBinary(column, rows);
      const found = fixed ?? Array.from({ length: widthOf(column) }, (_, label) => String(label));
      if (found.length !== widthOf(column)) {
        throw wrongTarget(
          column.name,
          `${found.length} labels a row`,
          `${widthOf(column)}`,
          "name as many labels as the target has columns",
        );
      }
      return { kind: "labels", columns: names, source: "tensor", labels: found };
    }
    if (columns.length === 1 && column.kind !== "number" && column.kind !== "boolean") {
      const found = new Set<string>();
      for (const name of distinctNames(column, rows)) for (const tag of tagsOf(name)) found.add(tag);
      const sorted = fixed ?? [...found].sort(byNumberThenName(found));
      return { kind: "labels", columns: names, source: "tags", labels: sorted };
    }
    for (const each of columns) refuseNotBinary(each, rows);
    return { kind: "labels", columns: names, source: "columns", labels: names };
  },

  encode(columns, rows, { source, labels: names }) {
    if (source !== "tags") {
      for (const column of columns) refuseNotBinary(column, rows);
      return Float32Array.from(numbersOf(columns, rows, names.length));
    }
    const column = columns[0]!;
    const codes = new Map(names.map((label, code) => [label, code]));
    const encoded = new Float32Array(rows.length * names.length);
    for (let index = 0; index < rows.length; index++) {
      for (const tag of tagsOf(nameOf(column, rows[index]!))) {
        const code = codes.get(tag);
        if (code === undefined) throw strangeClass(column.name, rows[index]!, names, tag);
        encoded[index * names.length + code] = 1;
      }
    }
    return encoded;
  },
};

function tagsOf(joined: string): string[] {
  return joined
    .split(TAG_SEPARATOR)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
}

function refuseNotBinary(column: Column, rows: Int32Array): void {
  const width = widthOf(column);
  for (const row of rows) {
    for (let element = 0; element < width; element++) {
      const value = column.values[row * width + element]!;
      const named = column.kind === "category" || column.kind === "text";
      if (named || (value !== 0 && value !== 1)) {
        const got = named ? `\`${nameOf(column, row)}\`` : String(value);
        throw wrongTarget(
          column.name,
          "0 or 1",
          `${got} in row ${row + 1}`,
          "give each label a column of 0 and 1, or one column of tags such as `red;round`",
        );
      }
    }
  }
}
