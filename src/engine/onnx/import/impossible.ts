/** @file Faults of files that ask for what cannot be, such as the ninth of eight rows: they run nowhere, and are refused at import. */
import { Fault } from "../../fault.ts";
import { showShape } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { known } from "./known.ts";

const IMPOSSIBLE = "impossible";

interface Wrong {
  /** Within the node: `attribute.axis`, `input[1]`. */
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

export function impossible(message: string, { path, expected, got }: Wrong): Fault {
  return new Fault("DATA_INVALID", message, {
    violations: [{ path, message, expected, got }],
    hint: "the file is damaged, or the program that wrote it is wrong: no runtime takes it",
    context: { [IMPOSSIBLE]: true },
  });
}

export const isImpossible = (error: unknown): error is Fault =>
  error instanceof Fault && error.context?.[IMPOSSIBLE] === true;

/** @returns the axis counted from the first @throws Fault where a tensor of `rank` axes has no such */
export function expectAxis(axis: number, rank: number, path = "attribute.axis"): number {
  const at = axis < 0 ? axis + rank : axis;
  if (at >= 0 && at < rank) return at;
  const range = rank === 0 ? "none: a scalar has no axes" : `${-rank} to ${rank - 1}`;
  throw impossible(`axis ${axis} is out of range for ${rank} axes`, { path, expected: range, got: String(axis) });
}

/**
 * Places along one axis of `size`, or, in the last axis of `indices`, along the axes of `sizes`; negative ones count from the end.
 * What only the data decide passes.
 */
export function expectIndices(indices: Tensor, sizes: number | readonly number[]): void {
  const values = known(indices)?.data;
  if (values === undefined) return;
  const depth = indices.shape.at(-1) ?? 1;
  const sizeAt = (place: number): number => (typeof sizes === "number" ? sizes : sizes[place % depth]!);
  const wrong = values.findIndex((value, place) => value < -sizeAt(place) || value >= sizeAt(place));
  if (wrong < 0) return;
  const [index, size] = [values[wrong]!, sizeAt(wrong)];
  throw impossible(`index ${index} is out of range for an axis of ${size}`, {
    path: "input[1]",
    expected: size === 0 ? "none: the axis is empty" : `${-size} to ${size - 1}`,
    got: `${index}, element ${wrong} of ${showShape(indices.shape)}`,
  });
}
