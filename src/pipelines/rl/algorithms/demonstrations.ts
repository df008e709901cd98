/** @file Recorded episodes as a learner takes them: the inputs of a dataset are what was seen, its target is what was done. */
import { Fault } from "../../../engine/index.ts";
import { type Column, type Dataset, inputColumns, targetColumns, widthOf } from "../../data/dataset.ts";
import { maskWidth } from "../distributions.ts";
import type { PolicySpec } from "../policy.ts";
import { choicesOf, spaceSize } from "../spaces.ts";

export interface Demonstrations {
  readonly rows: number;
  /** [rows, size of an observation] */
  readonly observations: Float32Array;
  /** [rows, size of an action]: choices from 0; of a box in [−1, 1] where the policy squashes, else as they are. */
  readonly actions: Float32Array | Int32Array;
  /** [rows, choices], 1 where a choice was allowed: all of them, since nothing else is recorded. */
  readonly mask: Uint8Array | null;
}

/** @throws DATA_INVALID, SHAPE_MISMATCH naming the column */
export function demonstrationsOf(dataset: Dataset, policy: PolicySpec): Demonstrations {
  const { rows } = dataset;
  const observations = gathered(inputColumns(dataset), rows, spaceSize(policy.observation), "what is seen");
  const done = gathered(targetColumns(dataset), rows, spaceSize(policy.action), "what is done");
  const width = policy.masked ? maskWidth(policy.action) : 0;
  return {
    rows,
    observations,
    actions: policy.action.type === "box" ? inUnits(done, policy) : chosen(done, policy),
    mask: width === 0 ? null : new Uint8Array(rows * width).fill(1),
  };
}

/** Columns side by side, row by row. */
function gathered(columns: readonly Column[], rows: number, wanted: number, what: string): Float32Array {
  const width = columns.reduce((sum, column) => sum + widthOf(column), 0);
  if (width !== wanted || rows === 0) {
    throw new Fault("SHAPE_MISMATCH", `the data do not hold ${what}`, {
      violations: [
        {
          path: "data",
          message: what,
          expected: `1 row or more of ${wanted} numbers`,
          got: `${rows} rows of ${width} numbers`,
        },
      ],
      hint: 'give {"x": observations, "y": actions}, or columns with the actions as `target`',
    });
  }
  const all = new Float32Array(rows * width);
  let offset = 0;
  for (const column of columns) {
    const own = widthOf(column);
    const read = reader(column);
    for (let row = 0; row < rows; row++) {
      for (let index = 0; index < own; index++) {
        const value = read(row * own + index);
        if (!Number.isFinite(value)) throw notANumber(column.name, row);
        all[row * width + offset + index] = value;
      }
    }
    offset += own;
  }
  return all;
}

/** Categories are numbers that were taken for names. */
function reader({ values, categories, kind }: Column): (at: number) => number {
  if (kind === "category" || kind === "text") return (at) => Number(categories![values[at]!] ?? Number.NaN);
  return (at) => values[at]!;
}

function chosen(done: Float32Array, { action }: PolicySpec): Int32Array {
  const choices = choicesOf(action)!;
  const start = action.type === "discrete" ? (action.start ?? 0) : 0;
  return Int32Array.from(done, (value, at) => {
    const choice = value - start;
    const most = choices[at % choices.length]!;
    if (Number.isInteger(choice) && choice >= 0 && choice < most) return choice;
    const row = Math.floor(at / choices.length);
    throw new Fault("DATA_INVALID", `row ${row} has no action ${value}`, {
      violations: [
        {
          path: `data.y[${row}]`,
          message: "outside the action space",
          expected: `${start} to ${start + most - 1}`,
          got: String(value),
        },
      ],
      hint: "actions are whole numbers of the run's action space",
    });
  });
}

function inUnits(done: Float32Array, { action, distribution }: PolicySpec): Float32Array {
  if (action.type !== "box" || distribution === "gaussian") return done;
  const { low, high } = action;
  return done.map((value, at) => {
    const place = at % low.length;
    return (2 * (value - low[place]!)) / (high[place]! - low[place]!) - 1;
  });
}

function notANumber(column: string, row: number): Fault {
  return new Fault("DATA_INVALID", `column \`${column}\` has no number in row ${row}`, {
    violations: [
      { path: `data.${column}[${row}]`, message: "missing, or not a number", expected: "a finite number", got: "none" },
    ],
    hint: "leave out rows in which something is missing",
  });
}
