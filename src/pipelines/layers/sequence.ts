/** @file Sequences on their way in and out: tokens or vectors, which of their places count, and one vector for all of them. */
import { Fault, showShape, type Tensor } from "../../engine/index.ts";
import { embedding } from "./embedding.ts";
import { counted, withinLengths } from "./lengths.ts";
import type { Scope } from "./scope.ts";

export interface SequenceOptions {
  /** How many tokens there are; left out, the sequence is one of vectors. */
  readonly vocabulary?: number | undefined;
  /** Of a token's vector. */
  readonly width: number;
  /** The token that fills rows up. */
  readonly padding?: number | undefined;
}

export interface Sequence {
  /** F32 [batch, time, width] */
  readonly elements: Tensor;
  /** I32 [batch], at least 1: how many elements count. Undefined when all do. */
  readonly lengths?: Tensor;
}

/**
 * Rows of a dataset as sequences.
 * @param x F32 [batch, time] of token numbers below the vocabulary, or [batch, time, features]
 * @throws Fault when x is neither
 */
export function sequenceOf(scope: Scope, x: Tensor, { vocabulary, width, padding }: SequenceOptions): Sequence {
  const rank = vocabulary === undefined ? 3 : 2;
  if (x.shape.length !== rank) {
    const expected = rank === 3 ? "[batch, time, features]" : "[batch, time] of tokens";
    throw new Fault("SHAPE_MISMATCH", `\`${scope.path}\`: not a sequence`, {
      violations: [{ path: scope.path, message: "not a sequence", expected, got: showShape(x.shape) }],
      hint:
        rank === 3
          ? "give each row as [time, features]; rows of token numbers need `vocabulary`"
          : "give each row as token numbers; rows of vectors need no `vocabulary`",
    });
  }
  if (vocabulary === undefined) return { elements: x };
  const tokens = x.cast("I32");
  const elements = embedding(scope.child("tokens"), tokens, {
    vocabulary,
    width,
    ...(padding !== undefined && { padding }),
  });
  // What comes piece by piece is not filled up.
  if (padding === undefined || scope.past !== null) return { elements };
  return { elements, lengths: lengthsOfTokens(x, padding) };
}

/** The place of the last token that is no padding, counted from 1; of nothing but padding 1. @returns I32 [batch] */
export function lengthsOfTokens(x: Tensor, padding: number): Tensor {
  const places = counted(x, x.shape[1]!).add(1).cast("F32").broadcastTo(x.shape);
  return x.notEqual(padding).where(places, 1).max(1).cast("I32");
}

/** The mean, the largest or the last of the elements that count; `each` leaves the sequence as it is. */
export const SUMMARIES = {
  last(elements, lengths) {
    const [batch, time, width] = elements.shape as [number, number, number];
    if (lengths === undefined) return elements.slice([0, time - 1, 0], [batch, time, width]).reshape([batch, width]);
    const isLast = counted(elements, time).equal(lengths.sub(1).reshape([batch, 1]));
    return isLast.reshape([batch, time, 1]).where(elements, 0).sum(1);
  },
  mean(elements, lengths) {
    if (lengths === undefined) return elements.mean(1);
    return within(elements, lengths, 0)
      .sum(1)
      .div(lengths.cast("F32").reshape([elements.shape[0]!, 1]));
  },
  max: (elements, lengths) => (lengths === undefined ? elements : within(elements, lengths, -1e30)).max(1),
  each: (elements) => elements,
} as const satisfies Record<string, (elements: Tensor, lengths?: Tensor) => Tensor>;

export type Summary = keyof typeof SUMMARIES;
export const SUMMARY_NAMES = Object.keys(SUMMARIES) as [Summary, ...Summary[]];

/** The elements that count, and `other` in the place of those that do not. */
function within(elements: Tensor, lengths: Tensor, other: number): Tensor {
  const [batch, time] = elements.shape as [number, number];
  return withinLengths(lengths, time).reshape([batch, time, 1]).where(elements, other);
}
