/** @file Recurrence as it is written: a function of the carries and of one element, applied along sequences. */
import { Fault } from "./fault.ts";
import { traceBody } from "./ops/body.ts";
import type { Tensor } from "./tensor.ts";

export interface Step {
  readonly carry: readonly Tensor[];
  /** Stacked over the steps. */
  readonly outputs?: readonly Tensor[];
}

export interface ScanOptions {
  /** What the first step begins with. */
  readonly carry: readonly Tensor[];
  /** Sequences [length, ...], of one length; each step gets one element [...] of each. */
  readonly over: readonly Tensor[];
  /**
   * What every step gets, such as weights. A step sees nothing but what it is given. Random numbers drawn from one given
   * state are the same in every step: for others, give a sequence of states.
   */
  readonly given?: readonly Tensor[];
  readonly reverse?: boolean;
}

/**
 * Runs `step` over the first axis of the sequences.
 * @returns the carries after the last step, and the outputs of all steps [length, ...], in the order of the sequences
 */
export function scan(
  { carry, over, given = [], reverse = false }: ScanOptions,
  step: (carry: readonly Tensor[], element: readonly Tensor[], given: readonly Tensor[]) => Step,
): { carry: Tensor[]; outputs: Tensor[] } {
  const [first, ...others] = [...carry, ...over, ...given];
  const length = over[0]?.shape[0];
  if (first === undefined || length === undefined) {
    throw new Fault("SHAPE_MISMATCH", "a scan over nothing", { hint: "give at least one sequence [length, ...]" });
  }
  const types = [...carry, ...over.map(({ dtype, shape }) => ({ dtype, shape: shape.slice(1) })), ...given];
  const body = traceBody(first, types, (inputs) => {
    const end = carry.length + over.length;
    const next = step(inputs.slice(0, carry.length), inputs.slice(carry.length, end), inputs.slice(end));
    return [...next.carry, ...(next.outputs ?? [])];
  });
  const results = first.scan(others, { body, carries: carry.length, sequences: over.length, length, reverse });
  return { carry: results.slice(0, carry.length), outputs: results.slice(carry.length) };
}
