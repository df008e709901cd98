/** @file Datasets as rows of texts: what heads that write texts learn from. */
import { Fault, type Tensor } from "../../engine/index.ts";
import { type Column, type Dataset, inputColumns, targetColumns } from "../data/dataset.ts";
import { textColumn } from "../data/text.ts";
import { lengthsOfTokens } from "../layers/sequence.ts";
import { PADDING } from "../preprocess/tokens.ts";
import type { FeaturePart } from "../registry/define.ts";
import { nameOf } from "../targets/names.ts";

/** A column's values as their source wrote them; what is missing is empty. */
export function textsOf(column: Column): string[] {
  return Array.from(column.values, (value, row) => (Number.isNaN(value) || value === -1 ? "" : nameOf(column, row)));
}

/** Columns of a dataset in place of those of the same names; `target` names the new ones' target. */
export function withColumns(dataset: Dataset, columns: readonly Column[], target: string, rows: number): Dataset {
  const kinds = Object.fromEntries(columns.map(({ name, kind }) => [name, kind]));
  return { ...dataset, columns, target, rows, report: { ...dataset.report, rows, kinds } };
}

/** The one column of a dataset that is not its target. @throws DATA_INVALID when there are several, or none */
export function soleInput(dataset: Dataset, what: string): Column {
  const inputs = inputColumns(dataset);
  const [input] = inputs;
  if (input !== undefined && inputs.length === 1) return input;
  const names = inputs.map(({ name }) => name).join(", ");
  throw new Fault("DATA_INVALID", `${what} takes one input column, \`${dataset.name}\` has ${inputs.length}`, {
    violations: [{ path: "data", message: "not one input column", expected: "one column", got: names || "none" }],
    hint: "leave the other columns out of the data",
  });
}

/** All inputs and the target as texts, but for tensors, which stay as they are. */
export function asTexts(dataset: Dataset): Dataset {
  const input = soleInput(dataset, "a sequence that is written");
  const targets = targetColumns(dataset);
  const columns = [input, ...targets].map((column) =>
    column.kind === "tensor" ? column : textColumn(column.name, textsOf(column)),
  );
  return { ...dataset, columns };
}

/** Words and names among the columns as texts, whatever they were taken for. */
export function withTexts(dataset: Dataset): Dataset {
  const named = (column: Column): Column =>
    column.kind === "category" ? textColumn(column.name, textsOf(column)) : column;
  return { ...dataset, columns: dataset.columns.map(named) };
}

/** How many elements of texts count, I32 [batch]; undefined for what is no text. @param features what the backbone saw */
export function lengthsOfText(features: Tensor, parts: readonly FeaturePart[]): Tensor | undefined {
  return parts.length === 1 && parts[0]!.kind === "tokens" ? lengthsOfTokens(features, PADDING) : undefined;
}
