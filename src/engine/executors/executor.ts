/** @file What every executor offers: state that outlives programs, and programs that read and write it. */
import type { TypedArray } from "../dtype.ts";
import type { Traced } from "../graph.ts";
import type { NdArray, TensorType } from "../shape.ts";

/** Named tensors that several programs share (weights, optimizer slots, running statistics). */
export interface State {
  readonly types: Readonly<Record<string, TensorType>>;
  /** A copy of one tensor. */
  read(path: string): NdArray;
  write(path: string, value: NdArray): void;
  release(): void;
}

/**
 * A compiled trace for fixed shapes. Write the inputs' views, call `run`, read the outputs' views.
 * Views are live: an output holds until the next run of any program on the same executor.
 */
export interface Program {
  readonly inputs: Readonly<Record<string, TypedArray>>;
  readonly outputs: Readonly<Record<string, TypedArray>>;
  /**
   * One run: outputs and state updates together, or neither.
   * @returns false when it was interrupted; state is then as it was before.
   */
  run(): boolean;
  /** The plan in words: instructions, fused chains, bytes, estimated FLOPs. */
  explain(): string;
  /** Where an executor can tell: each instruction of one run (which counts as a run), in order, with its time. */
  profile?(): readonly ProfiledInstruction[];
  /** Estimated floating-point operations of one run, where an executor can tell. */
  readonly flops?: number;
  /** Bytes of working memory, states left out. */
  readonly bytes: number;
  release(): void;
}

export interface ProfiledInstruction {
  /** What it computes, for people. */
  readonly label: string;
  /** The instruction's name, to sum by. */
  readonly kind: string;
  readonly milliseconds: number;
  readonly flops: number;
}

export interface Executor {
  readonly name: string;
  createState(types: Readonly<Record<string, TensorType>>): State;
  /** Plans and compiles. A program that cannot fit in memory is refused with its forecast (`OUT_OF_MEMORY`). */
  compile(traced: Traced, state: State): Program;
  close(): void;
}
