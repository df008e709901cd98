/** @file What is said when data cannot become raw rows. */
import { Fault, type Violation } from "../../engine/index.ts";
import type { Dataset } from "../data/dataset.ts";
import type { InputColumn } from "./preprocessing.ts";

/** What a float32 can hold. */
export const LARGEST_F32 = 3.4028234663852886e38;

export function refuse(violations: readonly Violation[], hint: string): void {
  if (violations.length === 0) return;
  const { path, message, expected, got } = violations[0]!;
  throw new Fault("DATA_INVALID", `\`${path}\`: ${message}: expected ${expected}, got ${got}`, { violations, hint });
}

export function mismatch(path: string, expected: string, got: string): Fault {
  return new Fault("SHAPE_MISMATCH", `${path}: expected ${expected}, got ${got}`, {
    violations: [{ path, message: "wrong shape", expected, got }],
    hint: "the first axis is the batch; one row still needs it: [[…]]",
  });
}

export function missingColumns(names: readonly string[], dataset: Dataset): Fault {
  return new Fault(
    "DATA_INVALID",
    `\`${dataset.name}\` lacks ${names.map((name) => `\`${name}\``).join(", ")}, which the model takes`,
    {
      violations: names.map((name) => ({
        path: `data.${name}`,
        message: "missing column",
        expected: name,
        got: "nothing",
      })),
      hint: `its columns are ${dataset.columns.map(({ name }) => name).join(", ")}`,
    },
  );
}

export function wrongKind(column: InputColumn, row: number, got: string): Fault {
  return new Fault(
    "DATA_INVALID",
    `column \`${column.name}\`, row ${row + 1}: expected a ${column.kind}, got \`${got}\``,
    {
      violations: [{ path: `data.${column.name}[${row}]`, message: "wrong kind", expected: column.kind, got }],
      hint: `the model learned \`${column.name}\` as a ${column.kind}; mend the values, or say "types": {"${column.name}": "${column.kind}"} to count them as missing`,
    },
  );
}

export function notFinite(path: string, value: number): Fault {
  return new Fault("NON_FINITE", `\`${path}\` is ${value}: not a finite float32`, {
    violations: [{ path, message: "not finite", expected: "a finite number", got: String(value) }],
    hint: "mend the value, or train with a `clip` (or, for NaN, an `impute`) step on its column",
  });
}

/** A step that a column cannot take. */
export function unsuitable(name: string, got: string, expected: string, path = `preprocess.columns.${name}`): Fault {
  return new Fault("INVALID_PARAMS", `column \`${name}\` cannot take step \`${got}\`: expected ${expected}`, {
    violations: [{ path, message: "unsuitable step", expected, got }],
    hint: `change \`${path}\`, or the column's kind with \`types\` where it is loaded`,
  });
}
