/** @file Which of a model's outputs is explained: one that the host names, or each row's own answer. */
import { Fault, sizeOf } from "../../engine/index.ts";
import type { RawRows } from "../model/rawRows.ts";
import { nearest } from "../registry/nearest.ts";
import { outputNames, type TargetEncoding } from "../targets/index.ts";
import { type Trained, valuesOf } from "./activations.ts";

/** A class, label or target column by name or index; of outputs with more axes the index along each: `[place, class]`. */
export type TargetChoice = string | number | readonly (string | number)[];

export interface Chosen {
  readonly name: string | readonly (string | number)[];
  /** Among the numbers of a row's raw output. */
  readonly index: number;
  /** From what is learned to the target's own units: value · factor + shift. */
  readonly factor: number;
  readonly shift: number;
}

/** @throws INVALID_PARAMS for what is none of the outputs, and where several could be meant. */
export function chooseTargets(context: Trained, rows: RawRows, choice: TargetChoice | undefined): Chosen[] {
  const { target } = context.record;
  const names = outputNames(target);
  const output = valuesOf(context, rows);
  const shape = output.shape.slice(1);
  if (choice !== undefined) {
    const chosen = choose(choice, shape, names, context);
    return Array.from({ length: rows.count }, () => chosen);
  }
  const width = sizeOf(shape);
  const decides = target.kind === "classes" || target.kind === "labels";
  if (width > 1 && !(decides && shape.length === 1)) {
    throw wrongTarget("left out", shape, names, "name what is to be explained");
  }
  return Array.from({ length: rows.count }, (_, row) => {
    let best = 0;
    for (let index = 1; index < width; index++) {
      if (Number(output.data[row * width + index]) > Number(output.data[row * width + best])) best = index;
    }
    return choose(shape.length === 0 ? [] : [best], shape, names, context);
  });
}

function choose(choice: TargetChoice, shape: readonly number[], names: readonly string[], { record }: Trained): Chosen {
  const parts = (Array.isArray(choice) ? choice : [choice]) as readonly (string | number)[];
  if (parts.length !== shape.length) {
    throw wrongTarget(JSON.stringify(choice), shape, names, "give an index for each axis");
  }
  // Sequences are [time, classes]; everything else has its names first.
  const namedAxis = record.target.kind === "sequence" ? shape.length - 1 : 0;
  const places = parts.map((part, axis) => {
    const place = typeof part === "number" ? part : axis === namedAxis ? names.indexOf(part) : -1;
    if (Number.isInteger(place) && place >= 0 && place < shape[axis]!) return place;
    const near = typeof part === "string" ? nearest(part, names) : undefined;
    const hint = near === undefined ? "name one of them, or give an index" : `did you mean \`${near}\`?`;
    throw wrongTarget(JSON.stringify(part), shape, names, hint);
  });
  const named = parts.map((_, axis) => (axis === namedAxis ? (names[places[axis]!] ?? places[axis]!) : places[axis]!));
  return {
    name: named.length === 1 ? String(named[0]) : named,
    index: places.reduce((index, place, axis) => index * shape[axis]! + place, 0),
    ...unitsOf(record.target, places[0] ?? 0),
  };
}

/** Of one output, from what is learned to the target's own units. */
function unitsOf(target: TargetEncoding, output: number): { factor: number; shift: number } {
  if (target.kind === "values") return { factor: 1 / target.scale[output]!, shift: target.center[output]! };
  if (target.kind !== "tasks") return { factor: 1, shift: 0 };
  let start = 0;
  for (const own of Object.values(target.tasks)) {
    const width = outputNames(own).length;
    if (output < start + width) return unitsOf(own, output - start);
    start += width;
  }
  return { factor: 1, shift: 0 };
}

function wrongTarget(got: string, shape: readonly number[], names: readonly string[], hint: string): Fault {
  const known = names.slice(0, 50).join(" | ");
  return new Fault(
    "INVALID_PARAMS",
    `\`target\`: ${got} is not one of the model's outputs, [${shape.join(", ")}] a row`,
    {
      violations: [
        { path: "target", message: "not an output", expected: known || `an index below ${shape.join(", ")}`, got },
      ],
      hint,
    },
  );
}
