/** @file Numbers: encoded in their own units; standardised and restored inside the graph. */
import { Fault, type Tensor } from "../../engine/index.ts";
import { type Column, widthOf } from "../data/dataset.ts";
import type { Constants } from "../preprocess/apply.ts";
import type { Units } from "../registry/define.ts";
import type { Codec } from "./codec.ts";
import type { TargetEncoding, ValuesEncoding } from "./encoding.ts";
import { wrongTarget } from "./refusals.ts";

export const values: Codec<"values"> = {
  reads: true,
  dtype: "F32",
  shape: ({ width }) => [width],
  names: ({ columns, width }) =>
    columns.length === width ? columns : Array.from({ length: width }, (_, output) => `${columns[0]}[${output}]`),

  fit(columns, rows, { standardise = true }) {
    for (const column of columns) {
      if (column.kind === "category" || column.kind === "text") {
        throw wrongTarget(
          column.name,
          "numbers",
          `${column.kind} such as \`${column.categories![column.values[rows[0] ?? 0]!] ?? ""}\``,
          "to predict categories use pipeline `classification`",
        );
      }
    }
    const width = columns.reduce((sum, column) => sum + widthOf(column), 0);
    const numbers = numbersOf(columns, rows, width);
    const moments = Array.from({ length: width }, (_, output) =>
      standardise ? momentsOf(numbers, width, output) : { center: 0, scale: 1 },
    );
    return {
      kind: "values",
      columns: columns.map(({ name }) => name),
      width,
      center: moments.map(({ center }) => center),
      scale: moments.map(({ scale }) => scale),
    };
  },

  encode: (columns, rows, { width }) => Float32Array.from(numbersOf(columns, rows, width)),
};

function momentsOf(numbers: Float64Array, width: number, output: number): { center: number; scale: number } {
  const rows = numbers.length / width;
  let sum = 0;
  for (let row = 0; row < rows; row++) sum += numbers[row * width + output]!;
  const center = sum / rows;
  let squares = 0;
  for (let row = 0; row < rows; row++) squares += (numbers[row * width + output]! - center) ** 2;
  const deviation = Math.sqrt(squares / rows);
  return { center, scale: deviation > 0 ? 1 / deviation : 1 };
}

/** The columns' numbers side by side, rows × width. Faults: DATA_INVALID for one that is not finite; SHAPE_MISMATCH. */
export function numbersOf(columns: readonly Column[], rows: Int32Array, width: number): Float64Array {
  const numbers = new Float64Array(rows.length * width);
  let start = 0;
  for (const column of columns) {
    const size = widthOf(column);
    if (start + size > width) break;
    for (let index = 0; index < rows.length; index++) {
      for (let element = 0; element < size; element++) {
        const value = column.values[rows[index]! * size + element]!;
        if (!Number.isFinite(value))
          throw wrongTarget(
            column.name,
            "a finite number",
            `${value} in row ${rows[index]! + 1}`,
            "remove the row or limit the value",
          );
        numbers[index * width + start + element] = value;
      }
    }
    start += size;
  }
  if (start === width) return numbers;
  throw new Fault(
    "SHAPE_MISMATCH",
    `targets have ${columns.reduce((sum, column) => sum + widthOf(column), 0)} numbers a row, the model learned ${width}`,
    {
      violations: [
        { path: "data.target", message: "wrong width", expected: `[rows, ${width}]`, got: `[rows, ${start}]` },
      ],
      hint: "give as many targets as the model was trained with",
    },
  );
}

/** Values `[batch, width]` in their own units to what the network learns. */
export function standardiseTarget(t: Constants, own: Tensor, encoding: TargetEncoding): Tensor {
  if (encoding.kind !== "values" || isIdentity(encoding)) return own;
  return own.sub(vector(t, encoding.center, own)).mul(vector(t, encoding.scale, own));
}

/** What the network answers, back in the target's own units. */
export function unitsOf(t: Constants, encoding: TargetEncoding): Units {
  if (encoding.kind !== "values" || isIdentity(encoding)) return { value: (x) => x, spread: (x) => x };
  const deviations = encoding.scale.map((scale) => 1 / scale);
  const spread = (learned: Tensor): Tensor => learned.mul(vector(t, deviations, learned));
  return { spread, value: (learned) => spread(learned).add(vector(t, encoding.center, learned)) };
}

function isIdentity({ center, scale }: ValuesEncoding): boolean {
  return center.every((value) => value === 0) && scale.every((value) => value === 1);
}

/** One number for each output, along axis 1 of what it goes with. */
function vector(t: Constants, numbers: readonly number[], { shape }: Tensor): Tensor {
  const own = [numbers.length, ...new Array<number>(shape.length - 2).fill(1)];
  return t.constant({ dtype: "F32", shape: own, data: Float32Array.from(numbers) });
}
