/** @file What a lowering is: it emits the instructions of one node; and the instructions that any of them may need. */
import type { Node } from "../../graph.ts";
import type { Buffer } from "../../plan/plan.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import type { Instruction, InstructionKind, Operand } from "./instruction.ts";
import * as code from "./kernels/layout.ts";

/** What a lowering is given beside its node. */
export interface Lowered {
  /** The value of an input, in C order. */
  read(node: Node): Buffer;
  /** Where the node's own value belongs. */
  readonly out: Buffer;
  /** Where all its results belong, of which `out` is the first. */
  readonly outs: readonly Buffer[];
  /** Working memory that lasts as long as the instructions that name it. */
  temporary(elements: number): Buffer;
  /** Numbers that the program carries along. */
  constant(values: Int32Array): Buffer;
  emit(instruction: Instruction): void;
}

/** Emits the instructions of one node. */
export type Lowering = (node: Node, context: Lowered) => void;

/** Work worth a thread, in nanoseconds. */
const WORTH = 3000;

interface Kernel {
  readonly kind: InstructionKind;
  readonly label: string;
  readonly units: number;
  readonly operands: readonly Operand[];
  readonly reads: readonly Buffer[];
  readonly writes: readonly Buffer[];
  readonly flops?: number;
  readonly nanoseconds: number;
}

/** An instruction whose grain follows from its time. */
export function kernel({ flops = 0, units, nanoseconds, ...rest }: Kernel): Instruction {
  return {
    ...rest,
    units,
    flops,
    nanoseconds: nanoseconds + 20,
    grain: Math.max(1, Math.ceil((WORTH * units) / Math.max(nanoseconds, 1))),
  };
}

/** Copies `elements` from one buffer to another. */
export function copyInstruction(from: Buffer, to: Buffer, elements: number, label: string): Instruction {
  return kernel({
    kind: "copy",
    label,
    units: Math.ceil(elements / code.CHUNK),
    operands: [{ buffer: from }, { buffer: to }, elements],
    reads: [from],
    writes: [to],
    nanoseconds: elements * 0.1,
  });
}

export function fillInstruction(to: Buffer, elements: number, bits: number, label: string): Instruction {
  return kernel({
    kind: "fill",
    label,
    units: Math.ceil(elements / code.CHUNK),
    operands: [{ buffer: to }, elements, bits],
    reads: [],
    writes: [to],
    nanoseconds: elements * 0.05,
  });
}

/** Axes before, at and after one axis, as three sizes. */
export function around(shape: Shape, axis: number): [outer: number, length: number, inner: number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))];
}
