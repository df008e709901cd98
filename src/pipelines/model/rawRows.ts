/** @file Rows as a host gives them, on their way into a network: encoded, looked through, counted. */
import { sizeOf } from "../../engine/index.ts";
import type { Inputs } from "../data/dataset.ts";
import { encodeInputs } from "../preprocess/encode.ts";
import { refuseForeign } from "./foreign.ts";
import type { FittedRecord } from "./network.ts";

export interface RawRows {
  /** count × signature.raw, as `encodeInputs` makes it. */
  readonly raw: Float32Array;
  readonly count: number;
}

/** @throws SHAPE_MISMATCH or DATA_INVALID for rows that do not fit, naming column or row, what was expected and what came */
export function rawRows(record: FittedRecord, inputs: Inputs): RawRows {
  const raw = encodeInputs(inputs, record.preprocessing);
  refuseForeign(record, raw, "inputs");
  return { raw, count: raw.length / sizeOf(record.signature.raw) };
}
