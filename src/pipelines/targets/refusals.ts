/** @file What is refused of targets, and how it is said. */
import { Fault } from "../../engine/index.ts";
import { type Column, widthOf } from "../data/dataset.ts";

export function wrongTarget(column: string, expected: string, got: string, hint: string): Fault {
  return new Fault("DATA_INVALID", `target \`${column}\`: expected ${expected}, got ${got}`, {
    violations: [{ path: `data.${column}`, message: "unsuitable target", expected, got }],
    hint,
  });
}

const SHOWN = 20;

/** @param what a class, a label */
export function strangeClass(column: string, row: number, classes: readonly string[], got: string): Fault {
  const shown = classes.slice(0, SHOWN).join(", ") + (classes.length > SHOWN ? `, … (${classes.length})` : "");
  return new Fault(
    "DATA_INVALID",
    `target \`${column}\`, row ${row + 1}: \`${got}\` is not one of the model's classes`,
    {
      violations: [{ path: `data.${column}[${row}]`, message: "unknown class", expected: `one of ${shown}`, got }],
      hint: "train a new model on data with this class, or remove such rows",
    },
  );
}

export function refuseMissing(columns: readonly Column[], rows: Int32Array): void {
  for (const column of columns) {
    if (column.missing === 0) continue;
    const width = widthOf(column);
    const isMissing = (row: number) => {
      for (let element = 0; element < width; element++) {
        const value = column.values[row * width + element]!;
        if (Number.isNaN(value) || (value === -1 && (column.kind === "category" || column.kind === "text")))
          return true;
      }
      return false;
    };
    const lost = rows.filter(isMissing);
    if (lost.length === 0) continue;
    throw new Fault("DATA_INVALID", `target \`${column.name}\` is missing in ${lost.length} of ${rows.length} rows`, {
      violations: [
        { path: `data.${column.name}[${lost[0]}]`, message: "missing target", expected: "a value", got: "nothing" },
      ],
      hint: 'fill them in, or drop such rows with `"missingTarget": "drop"` in the data reference',
    });
  }
}
