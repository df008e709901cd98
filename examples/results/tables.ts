/** @file The tables under `data/`, and five folds of each that any program can make again: row k of a class is in fold k mod 5. */
import { readFileSync } from "node:fs";

const FOLDS = 5;

export type Row = Readonly<Record<string, number | string>>;

/** What a model learns from, and what it is judged by. */
export interface Part {
  readonly training: object;
  readonly test: object;
}

/** The rows of a CSV file without quotes. */
function readTable(name: string): Row[] {
  const text = readFileSync(new URL(`../../data/${name}.csv`, import.meta.url), "utf8");
  const [names, ...rows] = text
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  const value = (cell: string): number | string => (Number.isNaN(Number(cell)) ? cell : Number(cell));
  return rows.map((cells) => Object.fromEntries(cells.map((cell, column) => [names![column]!, value(cell)])));
}

/** @param byClass whether each class is spread evenly; numbers are spread as they come */
export function foldsOf(name: string, target: string, byClass: boolean): Part[] {
  const rows = readTable(name);
  const seen = new Map<unknown, number>();
  const folds = rows.map((row) => {
    const key = byClass ? row[target] : null;
    const place = seen.get(key) ?? 0;
    seen.set(key, place + 1);
    return place % FOLDS;
  });
  return Array.from({ length: FOLDS }, (_, fold) => ({
    training: { rows: rows.filter((_row, index) => folds[index] !== fold), target },
    test: { rows: rows.filter((_row, index) => folds[index] === fold), target },
  }));
}
