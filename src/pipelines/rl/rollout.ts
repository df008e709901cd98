/** @file A rollout: what all copies saw, did and got in some steps, in arrays made once. Groups lie one after the other. */
import { maskWidth } from "./distributions.ts";
import { memoryWidths, type PolicySpec } from "./policy.ts";
import { spaceSize } from "./spaces.ts";

/** Row t · count + i is step t of copy i. */
export interface Rollout {
  readonly observations: Float32Array;
  /** Raw actions. */
  readonly actions: Int32Array | Float32Array;
  readonly logProbs: Float32Array;
  readonly values: Float32Array;
  readonly rewards: Float32Array;
  readonly terminated: Uint8Array;
  readonly truncated: Uint8Array;
  readonly bootstraps: Float32Array;
  readonly counts: Float32Array;
  /** 1 where an episode begins and the memory is empty. */
  readonly starts: Uint8Array;
  readonly mask: Uint8Array | null;
  readonly advantages: Float32Array;
  readonly returns: Float32Array;
  /** [copies, width] each: the memories before the first step. */
  readonly memory: readonly Float32Array[];
  /** [copies]: what is expected after the last step. */
  readonly lastValues: Float32Array;
}

/** What `newRollout` takes of so many rows, memories apart. */
export function rolloutBytes(spec: PolicySpec, rows: number): number {
  const numbers = spaceSize(spec.observation) + spaceSize(spec.action) + 7;
  return rows * (4 * numbers + 3 + (spec.masked ? maskWidth(spec.action) : 0));
}

export function newRollout(spec: PolicySpec, steps: number, copies: number): Rollout {
  const rows = steps * copies;
  const size = spaceSize(spec.action);
  return {
    observations: new Float32Array(rows * spaceSize(spec.observation)),
    actions: spec.action.type === "box" ? new Float32Array(rows * size) : new Int32Array(rows * size),
    logProbs: new Float32Array(rows),
    values: new Float32Array(rows),
    rewards: new Float32Array(rows),
    terminated: new Uint8Array(rows),
    truncated: new Uint8Array(rows),
    bootstraps: new Float32Array(rows),
    counts: new Float32Array(rows),
    starts: new Uint8Array(rows),
    mask: spec.masked ? new Uint8Array(rows * maskWidth(spec.action)) : null,
    advantages: new Float32Array(rows),
    returns: new Float32Array(rows),
    memory: memoryWidths(spec).map((width) => new Float32Array(copies * width)),
    lastValues: new Float32Array(copies),
  };
}

/** The part of group `group` of `groups`: views, not copies. */
export function partOf(whole: Rollout, group: number, groups: number): Rollout {
  const part = <A extends Float32Array | Int32Array | Uint8Array>(all: A): A => {
    const length = all.length / groups;
    return all.subarray(group * length, (group + 1) * length) as A;
  };
  const entries = Object.entries(whole).map(([name, value]) => [
    name,
    value === null ? null : Array.isArray(value) ? value.map(part) : part(value),
  ]);
  return Object.fromEntries(entries) as Rollout;
}
