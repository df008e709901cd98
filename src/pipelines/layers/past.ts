/**
 * @file What layers remember of a sequence that comes piece by piece, so that a new element costs no look at the old ones:
 * keys and values of attention, hidden states. Each memory is an input of the program, and what follows it an output.
 */
import type { Shape, Tensor, Tracer } from "../../engine/index.ts";

/** A piece of a sequence, [1, elements, ...], is being traced, and this is what came before it. */
export interface Past {
  /** I32 [1]: how many elements came before this piece. */
  readonly count: Tensor;
  /** Elements that a sequence may have. */
  readonly context: number;
  /** What is remembered of the whole past in one place, F32, zeros at first. */
  recall(path: string, shape: Shape): Tensor;
  /** What is remembered there from now on. */
  remember(path: string, value: Tensor): void;
  /**
   * What is remembered of each element, [..., elements, width], with this piece's own behind it.
   * @returns [..., context + elements, width], of which the first `context` places count as far as `count` says
   */
  gather(path: string, piece: Tensor): Tensor;
}

/** A memory as a program has it: its input and its output carry this name. */
export interface Memory {
  /** F32 */
  readonly shape: Shape;
  /** Whether its output is the piece's own elements, which belong behind those before them, rather than the whole. */
  readonly isByElement: boolean;
}

const nameOf = (path: string): string => `past.${path}`;

/** @returns what layers ask, and what they asked: memories by the name of their inputs, and the outputs under the same names. */
export function createPast(t: Tracer, count: Tensor, context: number) {
  const memories: Record<string, Memory> = {};
  const outputs: Record<string, Tensor> = {};
  const past: Past = {
    count,
    context,
    recall(path, shape) {
      memories[nameOf(path)] = { shape, isByElement: false };
      return t.input(nameOf(path), { dtype: "F32", shape });
    },
    remember(path, value) {
      outputs[nameOf(path)] = value;
    },
    gather(path, piece) {
      const name = nameOf(path);
      const shape = piece.shape.with(-2, context);
      memories[name] = { shape, isByElement: true };
      outputs[name] = piece;
      return t.input(name, { dtype: "F32", shape }).concat([piece], -2);
    },
  };
  return { past, memories, outputs };
}
