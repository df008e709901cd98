/** @file What a host sends of its environments, checked before anything moves: shapes, ranges and finite numbers, by copy and field. */
import { Fault, type NdArray } from "../../engine/index.ts";
import { type Space, spaceSize } from "./spaces.ts";

/** Where something stands, for errors. */
export interface Place {
  readonly field: string;
  readonly group: number;
}

const shown = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/** @returns the same fault with the copy it is about. */
function refusal(
  reason: "SHAPE_MISMATCH" | "NON_FINITE" | "INVALID_PARAMS",
  { field, group }: Place,
  problem: { message: string; expected: string; got: string; environment?: number; element?: string; hint: string },
): Fault {
  const { message, expected, got, environment, element = "", hint } = problem;
  const path = environment === undefined ? field : `${field}[${environment}]${element}`;
  const whose = environment === undefined ? "" : `environment ${environment}: `;
  return new Fault(reason, `${whose}\`${path}\` ${message}`, {
    violations: [{ path, message, expected, got }],
    hint,
    context: { group, field, ...(environment === undefined ? {} : { environment }) },
  });
}

export function missing(place: Place, expected: string, hint: string): Fault {
  return refusal("INVALID_PARAMS", place, { message: "is missing", expected, got: "nothing", hint });
}

/** What nobody would look at, so that a host does not take for allowed what it has masked. */
export function undeclaredMask(): Fault {
  return new Fault("INVALID_PARAMS", "`mask` was not declared", {
    violations: [{ path: "mask", message: "not declared", expected: "nothing", got: "a mask" }],
    hint: 'create the run with `"mask": true` in its environment',
  });
}

/** Shapes that [count, ...shape] may be written in. */
function expectShape(place: Place, { shape }: NdArray, count: number, own: readonly number[]): void {
  const single = [[count], [count, 1]];
  const accepted = own.length === 0 ? single : own.join() === "1" ? single.toReversed() : [[count, ...own]];
  if (accepted.some((each) => each.join() === shape.join())) return;
  const environments =
    shape[0] === count ? "each environment's value" : `there are ${count} environments here, and each one's value`;
  throw refusal("SHAPE_MISMATCH", place, {
    message: `has another shape: ${environments} has the shape of the space`,
    expected: shown(accepted[0]!),
    got: shown(shape),
    hint: "send one row for each environment of the group, in order",
  });
}

/** Observations [count, ...shape of the space] into `into`. @throws SHAPE_MISMATCH, NON_FINITE, INVALID_PARAMS */
export function readObservations(place: Place, value: NdArray, space: Space, count: number, into: Float32Array): void {
  const size = spaceSize(space);
  expectShape(place, value, count, space.type === "box" ? space.shape : [size]);
  const { data } = value;
  for (let at = 0; at < into.length; at++) {
    const number = Math.fround(Number(data[at])); // as networks see it: what is too large for that is not finite there
    const reason = problemOf(space, number, at % size);
    if (reason === null) into[at] = number;
    else throw refusedElement(place, reason, number, at, size);
  }
}

/** What is wrong with one number of an observation; null for nothing. */
function problemOf(space: Space, value: number, element: number): string | null {
  if (!Number.isFinite(value)) return "a finite number";
  switch (space.type) {
    case "box":
      return null;
    case "discrete": {
      const start = space.start ?? 0;
      return isChoice(value - start, space.n) ? null : `${start} to ${start + space.n - 1}`;
    }
    case "multiDiscrete":
      return isChoice(value, space.nvec[element]!) ? null : `0 to ${space.nvec[element]! - 1}`;
    case "multiBinary":
      return isChoice(value, 2) ? null : "0 or 1";
  }
}

const isChoice = (value: number, count: number): boolean => Number.isInteger(value) && value >= 0 && value < count;

function refusedElement(place: Place, expected: string, value: number, at: number, size: number): Fault {
  const isNumber = Number.isFinite(Math.fround(value));
  return refusal(isNumber ? "INVALID_PARAMS" : "NON_FINITE", place, {
    message: isNumber ? "lies outside the space" : "is not a finite number",
    expected,
    got: String(value),
    environment: Math.floor(at / size),
    ...(size === 1 ? {} : { element: `[${at % size}]` }),
    hint: "nothing of this step was taken: send it again with what is right, or the group's first observations with `reset`",
  });
}

/** Rewards [count]. @throws SHAPE_MISMATCH, NON_FINITE */
export function readRewards(place: Place, value: NdArray, count: number, into: Float64Array): void {
  expectShape(place, value, count, []);
  for (let copy = 0; copy < count; copy++) {
    const reward = Number(value.data[copy]);
    if (!Number.isFinite(Math.fround(reward))) throw refusedElement(place, "a finite number", reward, copy, 1);
    into[copy] = reward;
  }
}

/** What a policy remembered, [count, width] each. @throws INVALID_PARAMS, SHAPE_MISMATCH, NON_FINITE */
export function readMemory(values: readonly NdArray[], widths: readonly number[], count: number): Float32Array[] {
  if (values.length !== widths.length) {
    throw refusal(
      "INVALID_PARAMS",
      { field: "state", group: 0 },
      {
        message: "is not what this policy remembers",
        expected: `${widths.length} tensors`,
        got: `${values.length} tensors`,
        hint:
          widths.length === 0 ? "this policy has no memory: leave `state` out" : "send the last answer's `state` back",
      },
    );
  }
  return values.map((value, index) => {
    const place = { field: `state[${index}]`, group: 0 };
    const width = widths[index]!;
    expectShape(place, value, count, [width]);
    const into = Float32Array.from(value.data as Float32Array, Number);
    const at = into.findIndex((each) => !Number.isFinite(each));
    if (at >= 0) throw refusedElement(place, "a finite number", into[at]!, at, width);
    return into;
  });
}

/** Flags [count] or [count, width]: 0 or 1. @throws SHAPE_MISMATCH, INVALID_PARAMS */
export function readFlags(place: Place, value: NdArray, count: number, width: number, into: Uint8Array): void {
  expectShape(place, value, count, width === 1 ? [] : [width]);
  for (let at = 0; at < into.length; at++) {
    const flag = Number(value.data[at]);
    if (flag !== 0 && flag !== 1) throw refusedElement(place, "0 or 1", flag, at, width);
    into[at] = flag;
  }
}
