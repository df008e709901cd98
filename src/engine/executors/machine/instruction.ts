/** @file Instructions before they are bytes: what the lowerings give, and what plan, barriers and encoding work on. */
import type { Buffer } from "../../plan/plan.ts";

/** A place in a buffer; `tag` is added to the encoded address (the lowest bit marks a pointwise operand in memory). */
export interface Place {
  readonly buffer: Buffer;
  readonly offset?: number;
  readonly tag?: number;
}

export type Operand = number | Place;

/** A buffer that an instruction touches. */
export interface Access {
  readonly buffer: Buffer;
  /**
   * Two instructions that touch a buffer in the same pattern give each thread the same part of it, so that they need no
   * barrier between them.
   */
  readonly pattern?: string;
}

export interface Instruction {
  readonly opcode: number;
  /** For people: "product 64×128×784". */
  readonly label: string;
  /** How many shares the work can be cut into, and the least that is worth a thread. */
  readonly units: number;
  readonly grain: number;
  readonly operands: readonly Operand[];
  readonly reads: readonly Access[];
  readonly writes: readonly Access[];
  /** Estimated floating-point operations, and nanoseconds on one thread. */
  readonly flops: number;
  readonly nanoseconds: number;
  /** It writes state: from here on a run cannot be taken back. */
  readonly commits?: boolean;
}

/** A float's bits, as an operand. */
export function bitsOf(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0]!;
}
