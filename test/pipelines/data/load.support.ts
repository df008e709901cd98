/** @file What the data tests share: a folder for files, and loading by reference with the builtin sets registered. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DATASETS } from "../../../src/pipelines/data/builtin.ts";
import type { Column, Dataset } from "../../../src/pipelines/data/dataset.ts";
import { type LoadContext, loadData } from "../../../src/pipelines/data/load.ts";
import type { DataReference } from "../../../src/pipelines/data/reference.ts";

export const CONTEXT: LoadContext = {
  registry: { datasets: new Map(DATASETS.map((source) => [source.type, source])) },
  handles: {},
};

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "ml-sidecar-"));
}

export function writeTemporary(name: string, content: string | Uint8Array): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  return path;
}

export function load(reference: unknown, context: Partial<LoadContext> = {}): Promise<Dataset> {
  return loadData(reference as DataReference, { ...CONTEXT, ...context });
}

export function loadCsv(text: string | Uint8Array, options: object = {}): Promise<Dataset> {
  return load({ csv: { path: writeTemporary("table.csv", text), ...options } });
}

export function columnOf(dataset: Dataset, name: string): Column {
  const column = dataset.columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw new Error(`no column ${name} among ${dataset.columns.map((each) => each.name)}`);
  return column;
}

/** A column's values as a host would write them: strings for categories, null for missing ones. */
export function cellsOf({ kind, values, categories }: Column): (string | number | null)[] {
  return Array.from(values, (value) => {
    if (kind === "category" || kind === "text") return value < 0 ? null : categories![value]!;
    return Number.isNaN(value) ? null : value;
  });
}
