/** @file Classes by name: what a cell is called, which names there are, in which order. */
import { type Column, widthOf } from "../data/dataset.ts";
import { wrongTarget } from "./refusals.ts";

/** A class's name as the source wrote it: a category, the name of a truth value, or a number's shortest form. */
export function nameOf({ kind, values, categories }: Column, row: number): string {
  const value = values[row]!;
  return kind !== "number" && kind !== "date" && categories !== undefined ? categories[value]! : String(value);
}

export function distinctNames(column: Column, rows: Int32Array): Set<string> {
  if (column.kind === "tensor" && widthOf(column) !== 1) {
    throw wrongTarget(
      column.name,
      "one class a row",
      `an array of shape [${column.shape.join(", ")}]`,
      "give class numbers, or use pipeline `multilabel`, or `tagging` for a class of each element",
    );
  }
  const distinct = new Set<number>();
  const names = new Set<string>();
  for (const row of rows) {
    const value = column.values[row]!;
    if (distinct.has(value)) continue;
    distinct.add(value);
    names.add(nameOf(column, row));
  }
  return names;
}

/** Numbers in numeric order if all names are numbers, else by code unit. */
export function byNumberThenName(names: ReadonlySet<string>): (a: string, b: string) => number {
  const numeric = [...names].every((name) => name.trim() !== "" && Number.isFinite(Number(name)));
  return numeric ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : a > b ? 1 : 0);
}
