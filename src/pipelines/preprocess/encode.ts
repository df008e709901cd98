/**
 * @file From what a host wants predicted to raw rows: one float32 for each number, the category's code for a string, NaN for a
 * missing value. No statistics here: those are the graph's part. What kind of thing came decides who reads it.
 */
import type { Inputs, Row } from "../data/dataset.ts";
import { isRow } from "../data/rows.ts";
import { encodeRowArrays, encodeRowObjects } from "./encodeRows.ts";
import { encodeTensor } from "./encodeTensor.ts";
import { type Preprocessing, soleTensor, soleText } from "./preprocessing.ts";

/**
 * Raw rows `[rows, rawWidth]` of what a host wants predicted: rows as objects keyed by column (a missing key is refused,
 * null is a missing value, other keys are left out), rows as arrays in the order of the columns, or a tensor.
 * @param onNote told, once for each key, what was left out.
 * Faults: SHAPE_MISMATCH with the shapes expected and got; DATA_INVALID and NON_FINITE naming row and column.
 */
export function encodeInputs(
  inputs: Inputs,
  preprocessing: Preprocessing,
  onNote?: (note: string) => void,
): Float32Array {
  if (Array.isArray(inputs) && inputs.length > 0 && inputs.some(isRow))
    return encodeRowObjects(inputs, preprocessing, onNote);
  const text = soleText(preprocessing);
  if (text !== undefined && Array.isArray(inputs) && inputs.some((row) => typeof row === "string")) {
    const named = inputs.map((row): Row => ({ [text.name]: row as unknown }));
    return encodeRowObjects(named, preprocessing, onNote);
  }
  const sole = soleTensor(preprocessing) ?? text;
  const shape = sole === undefined ? [preprocessing.columns.length] : sole.shape;
  const isMixed =
    preprocessing.columns.some(({ kind }) => kind === "category" || kind === "tensor" || kind === "tokens") &&
    sole === undefined;
  if (isMixed || (sole === undefined && Array.isArray(inputs) && hasText(inputs)))
    return encodeRowArrays(inputs, preprocessing);
  return encodeTensor(inputs, shape, preprocessing);
}

function hasText(inputs: readonly unknown[]): boolean {
  return inputs.some(
    (row) =>
      Array.isArray(row) &&
      row.some((cell) => cell === null || (typeof cell === "string" && !Number.isFinite(Number(cell)))),
  );
}
