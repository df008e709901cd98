/** @file A tensor, or arrays nested like one, to raw rows. */
import { Fault, showShape } from "../../engine/index.ts";
import type { Inputs } from "../data/dataset.ts";
import { toArray, toFloats } from "../data/tensors.ts";
import type { Preprocessing } from "./preprocessing.ts";
import { mismatch, notFinite } from "./refuse.ts";

/**
 * Raw rows of numbers `[batch, ...rowShape]`, or flat `[batch, rawWidth]`.
 * Faults: SHAPE_MISMATCH with the shapes expected and got; DATA_INVALID for strings; NON_FINITE where no step handles it.
 */
export function encodeTensor(
  inputs: Inputs,
  rowShape: readonly number[],
  { columns, rawWidth }: Preprocessing,
): Float32Array {
  const expected = `[batch, ${rowShape.join(", ")}]`;
  const given = toArray(inputs, "inputs");
  // No rows at all: nested arrays cannot say of which shape.
  const array = given.shape.length === 1 && given.shape[0] === 0 ? { ...given, shape: [0, ...rowShape] } : given;
  if (array.dtype === "STRING") {
    throw new Fault("DATA_INVALID", "`inputs` holds strings where the model takes numbers", {
      violations: [{ path: "inputs", message: "not numbers", expected, got: "strings" }],
      hint: "send numbers",
    });
  }
  const { shape } = array;
  const isFlat = (shape.length === 2 && shape[1] === rawWidth) || (shape.length === 1 && rawWidth === 1);
  const fits = shape.length === rowShape.length + 1 && rowShape.every((size, axis) => shape[axis + 1] === size);
  if (!fits && !isFlat) throw mismatch("inputs", expected, showShape(shape));
  const floats = toFloats(array);
  for (let index = 0; index < floats.length; index++) {
    if (Number.isFinite(floats[index])) continue;
    const element = index % rawWidth;
    const column = columns.length === 1 ? columns[0]! : columns[element]!;
    const handled = Number.isNaN(floats[index]) ? "impute" : "clip";
    if (!column.steps.some(({ type }) => type === handled))
      throw notFinite(`inputs[${Math.floor(index / rawWidth)}, ${element}]`, floats[index]!);
  }
  return floats;
}
