/**
 * @file Operations of a chain that are made one: what an intermediate value costs is its way through the first-level cache,
 * and these save optimizers six of nine. The same roundings in the same order, so no result changes by a bit.
 */
import type { Buffer } from "../../plan/plan.ts";
import type { Operand } from "./instruction.ts";
import * as code from "./kernels/layout.ts";

/** A value inside a chain's program: made by one operation, or standing in memory. */
export type Value = { readonly memory: Buffer } | { register: number; lastUse: number };

export interface Operation {
  readonly operation: number;
  readonly to: Value;
  /** Values, numbers and untagged places, in the order of the words. */
  readonly operands: readonly (Value | { readonly raw: Operand })[];
}

type Operands = Operation["operands"];

/** The operands of the `operation` that made a value which nothing else reads. */
type Made = (value: Operands[number] | undefined, operation: number) => Operands | undefined;

/** For an operation that may be the last of a fusion: what it becomes, given its operands. */
type Fusion = (operands: Operands, made: Made) => Pick<Operation, "operation" | "operands"> | undefined;

const FUSIONS: Readonly<Record<number, Fusion>> = {
  [code.P_FMA]([x, factor, addend], made) {
    const [b, a] = made(x, code.P_SUB) ?? [];
    if (a !== undefined && a === addend) return { operation: code.P_TOWARD, operands: [a, b!, factor!] };
    const [root] = made(x, code.P_SQUARE) ?? [];
    const product = made(addend, code.P_MUL);
    return root && product && { operation: code.P_MEAN_SQUARE, operands: [root, factor!, ...product] };
  },
  [code.P_DIV]([a, divisor], made) {
    const [root, factor, addend] = made(divisor, code.P_FMA) ?? [];
    const [b] = made(root, code.P_SQRT) ?? [];
    return b && { operation: code.P_OVER_ROOT, operands: [a!, b, factor!, addend!] };
  },
  [code.P_FNMA]([x, factor, from], made) {
    const quotient = made(x, code.P_OVER_ROOT);
    return quotient && { operation: code.P_ROOT_STEP, operands: [from!, factor!, ...quotient] };
  },
};

/** Until there is nothing left to make one. @param program operations that write registers alone, but for copies at its end */
export function fuse(program: readonly Operation[]): Operation[] {
  const fused = fuseOnce(program);
  return fused.length < program.length ? fuse(fused) : fused;
}

function fuseOnce(program: readonly Operation[]): Operation[] {
  const uses = new Map<Operands[number], number>();
  for (const { operands } of program) for (const operand of operands) uses.set(operand, (uses.get(operand) ?? 0) + 1);
  const makers = new Map<Operands[number], Operation>(program.map((operation) => [operation.to, operation]));
  const absorbed = new Set<Operation>();
  const fused = program.map((operation): Operation => {
    const parts: Operation[] = [];
    const made: Made = (value, wanted) => {
      const maker = value && uses.get(value) === 1 ? makers.get(value) : undefined;
      if (maker?.operation !== wanted) return undefined;
      parts.push(maker);
      return maker.operands;
    };
    const whole = FUSIONS[operation.operation]?.(operation.operands, made);
    if (whole === undefined) return operation;
    for (const part of parts) absorbed.add(part);
    return { ...whole, to: operation.to };
  });
  return fused.filter((_, index) => !absorbed.has(program[index]!));
}
