/** @file Acting for single episodes, as many as are asked at once: by programs for a few numbers of rows, in pieces where there are more. */
import type { Acting } from "../acting.ts";
import type { FreeChoice, FreeLearner } from "../algorithm.ts";
import { blindChoices } from "../masks.ts";
import type { Normaliser } from "../normalise.ts";
import { memoryWidths, type PolicySpec } from "../policy.ts";
import { choicesOf, spaceSize } from "../spaces.ts";

/** What acting for single episodes needs. */
export interface ActsAlone {
  readonly policy: PolicySpec;
  /** Acting on so many rows. */
  open(rows: number): Acting;
  readonly normaliser: Normaliser;
  /** Draws of actions so far, and choices of which none was allowed. */
  readonly progress: { acts: number; allMasked: number };
}

type Rows = Parameters<FreeLearner["decide"]>[0];

/** Draws of single rows are apart from those of groups. */
const DRAWS = 2047;
const LARGEST_BATCH = 256;

export function openFreeActing({ policy, open, normaliser, progress }: ActsAlone) {
  const width = spaceSize(policy.observation);
  const widths = memoryWidths(policy);
  const actings = new Map<number, Acting>();

  function actingOf(rows: number): Acting {
    const count = Math.min(LARGEST_BATCH, 2 ** Math.ceil(Math.log2(rows)));
    const known = actings.get(count);
    if (known !== undefined) return known;
    const made = open(count);
    actings.set(count, made);
    return made;
  }

  /** The rows from `from` on, as many as fit. */
  function decidePiece({ count: all, mask, memory, starts }: Rows, seen: Float32Array, from: number): FreeChoice {
    const count = Math.min(LARGEST_BATCH, all - from);
    const acting = actingOf(count);
    const own = <A extends Float32Array | Uint8Array>(rows: A): A => {
      const each = rows.length / all;
      return rows.subarray(from * each, (from + count) * each) as A;
    };
    acting.observations.fill(0);
    acting.observations.set(own(seen));
    acting.mask?.fill(1);
    if (mask !== null) acting.mask?.set(own(mask));
    acting.starts?.fill(1);
    acting.starts?.set(own(starts));
    for (const [index, each] of memory.entries()) acting.memory[index]!.set(own(each));
    acting.run(progress.acts++, DRAWS);
    const part = <A extends Int32Array | Float32Array>(rows: A): A =>
      rows.slice(0, (rows.length / acting.count) * count) as A;
    return {
      seen: own(seen),
      raw: part(acting.raw),
      applied: part(acting.applied),
      logProbs: part(acting.logProb),
      values: part(acting.value),
      memory: acting.remembered.map(part),
    };
  }

  return {
    decide(rows: Rows): FreeChoice {
      const { count, observations, mask } = rows;
      const seen = new Float32Array(count * width);
      normaliser.take(observations, seen, count);
      if (mask !== null) {
        progress.allMasked += blindChoices(mask, choicesOf(policy.action) ?? [], new Uint8Array(count));
      }
      const pieces = Array.from({ length: Math.ceil(count / LARGEST_BATCH) }, (_, piece) =>
        decidePiece(rows, seen, piece * LARGEST_BATCH),
      );
      return {
        seen,
        raw: joined(pieces.map(({ raw }) => raw)),
        applied: joined(pieces.map(({ applied }) => applied)),
        logProbs: joined(pieces.map(({ logProbs }) => logProbs)),
        values: joined(pieces.map(({ values }) => values)),
        memory: widths.map((_, index) => joined(pieces.map(({ memory }) => memory[index]!))),
      };
    },
    release() {
      for (const acting of actings.values()) acting.release();
    },
  };
}

/** Arrays of one kind, one behind the other. */
function joined<A extends Int32Array | Float32Array>(parts: readonly A[]): A {
  const [first, ...others] = parts as readonly [A, ...A[]];
  if (others.length === 0) return first;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = (first instanceof Int32Array ? new Int32Array(length) : new Float32Array(length)) as A;
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
