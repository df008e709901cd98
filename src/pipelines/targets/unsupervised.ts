/** @file Targets that are in no column: the inputs themselves, or nothing at all. */
import { Fault } from "../../engine/index.ts";
import type { Codec } from "./codec.ts";

const noNumbers = () => new Float32Array(0);

export const inputs: Codec<"inputs"> = {
  reads: false,
  dtype: "F32",
  shape: () => [0],
  names: ({ width }) => Array.from({ length: width }, (_, output) => `inputs[${output}]`),
  fit: (_columns, _rows, { width = 0 }) => ({ kind: "inputs", columns: [], width }),
  encode: noNumbers,
};

export const none: Codec<"none"> = {
  reads: false,
  dtype: "F32",
  shape: () => [0],
  names: ({ width }) => Array.from({ length: width }, (_, output) => `embedding[${output}]`),
  fit(_columns, _rows, { width = 0 }) {
    if (width > 0) return { kind: "none", columns: [], width };
    throw new Fault("INVALID_PARAMS", "the head does not say how many numbers it answers", {
      hint: "give it an option `dimensions`",
    });
  },
  encode: noNumbers,
};
