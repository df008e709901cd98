/** @file Rows as objects keyed by column, from a request or a JSON file. A key that a row lacks is a missing value. */
import { Fault } from "../../engine/index.ts";
import { show } from "../registry/parse.ts";
import type { Row } from "./dataset.ts";
import { noBadRows, type RecordSource } from "./table.ts";

/** Faults: DATA_INVALID when a row is no object, or none has a key. */
export function openRows(rows: readonly unknown[], source: string): RecordSource {
  const names = new Set<string>();
  for (const [index, row] of rows.entries()) {
    if (!isRow(row)) {
      throw new Fault("DATA_INVALID", `${source}: row ${index + 1} is ${show(row)}`, {
        violations: [
          { path: `rows[${index}]`, message: "not an object", expected: "an object keyed by column", got: show(row) },
        ],
        hint: 'write each row as {"column": value, …}; for bare arrays use `x` and `y`',
      });
    }
    for (const name in row) names.add(name);
  }
  const order = [...names];
  return {
    names: order,
    decimalComma: false,
    unit: "row",
    visit(each, limit = rows.length) {
      const cells = new Array<unknown>(order.length);
      for (let index = 0; index < Math.min(rows.length, limit); index++) {
        const row = rows[index] as Row;
        for (let column = 0; column < order.length; column++) cells[column] = cellOf(row, order[column]!);
        each(cells, index + 1);
      }
      return noBadRows();
    },
  };
}

export function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** The row's own value under a name, never an inherited one. */
export function cellOf(row: Row, name: string): unknown {
  return Object.hasOwn(row, name) ? row[name] : undefined;
}
