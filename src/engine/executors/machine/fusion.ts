/**
 * @file Operations of a chain that are made one: what an intermediate value costs is its way through the first-level cache,
 * and these leave optimizers one of thirteen. The same roundings in the same order, so no result changes by a bit.
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

/** (x − mean) · scale + shift, of which all three are repeated in the same way, over whole vectors. */
function normalised(
  [x, mean]: Operands,
  scale: Operands[number] | undefined,
  shift: Operands[number] | undefined,
  made: Made,
) {
  const [means, inner, middle] = made(mean, code.P_BROADCAST) ?? [];
  const [scales, ...scaleWalk] = made(scale, code.P_BROADCAST) ?? [];
  const [shifts, ...shiftWalk] = made(shift, code.P_BROADCAST) ?? [];
  const walk = [inner, middle].map(numberIn);
  const isSame = [scaleWalk, shiftWalk].every((other) => other.every((word, i) => numberIn(word) === walk[i]));
  if (means === undefined || scales === undefined || shifts === undefined || !isSame || walk[0]! % 4 !== 0)
    return undefined;
  return { operation: code.P_NORMALISE, operands: [x!, means, scales, shifts, inner!, middle!] };
}

const numberIn = (operand: Operands[number] | undefined) =>
  operand !== undefined && "raw" in operand && typeof operand.raw === "number" ? operand.raw : Number.NaN;

const FUSIONS: Readonly<Record<number, Fusion>> = {
  [code.P_FMA]([x, factor, addend], made) {
    const [b, a] = made(x, code.P_SUB) ?? [];
    if (a !== undefined && a === addend) return { operation: code.P_TOWARD, operands: [a, b!, factor!] };
    const [root] = made(x, code.P_SQUARE) ?? [];
    const product = made(addend, code.P_MUL);
    if (root && product) return { operation: code.P_MEAN_SQUARE, operands: [root, factor!, ...product] };
    const first = made(x, code.P_SUB);
    if (first !== undefined) return normalised(first, factor, addend, made);
    const second = made(factor, code.P_SUB);
    return second && normalised(second, x, addend, made);
  },
  [code.P_RELU]([x], made) {
    const operands = made(x, code.P_NORMALISE);
    return operands && { operation: code.P_NORMALISE_RELU, operands };
  },
  [code.P_SUB]([x, taken], made) {
    const [faded, added] = made(x, code.P_ADD) ?? [];
    return faded !== undefined && added === taken ? { operation: code.P_FADE, operands: [faded, added!] } : undefined;
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

type Uses = ReadonlyMap<Operands[number], number>;

/** How often each value is read. */
function usesIn(program: readonly Operation[]): Uses {
  const uses = new Map<Operands[number], number>();
  for (const { operands } of program) for (const operand of operands) uses.set(operand, (uses.get(operand) ?? 0) + 1);
  return uses;
}

/** Until there is nothing left to make one. @param program operations that write registers alone, but for copies at its end */
export function fuse(program: readonly Operation[]): Operation[] {
  const uses = usesIn(program);
  const makers = new Map<Operands[number], Operation>();
  const absorbed = new Set<Operation>();
  const fused: Operation[] = [];
  for (const plain of program) {
    let operation = plain;
    for (let fusion = FUSIONS[operation.operation]; fusion !== undefined; fusion = FUSIONS[operation.operation]) {
      const parts: Operation[] = [];
      const whole = fusion(operation.operands, (value, wanted) => {
        const maker = value && uses.get(value) === 1 ? makers.get(value) : undefined;
        if (maker?.operation !== wanted) return undefined;
        parts.push(maker);
        return maker.operands;
      });
      if (whole === undefined) break;
      for (const part of parts) absorbed.add(part);
      operation = { ...whole, to: operation.to };
    }
    makers.set(operation.to, operation);
    fused.push(operation);
  }
  return absorbed.size === 0 ? fused : fused.filter((operation) => !absorbed.has(operation));
}

/** The operations of `P_ADAPTIVE_STEP`, one after the other. */
const ADAPTIVE = [code.P_TOWARD, code.P_FADE, code.P_MEAN_SQUARE, code.P_FADE, code.P_ROOT_STEP];
/** Which of its operands the kernel reads once. */
const CONSTANTS = [1, 4, 5, 7, 8, 9, 10];

/**
 * Adam's step from its five operations, where they read each other and both averages go to memory.
 * @param program whose places in memory are known @param uniform values that are the same for all elements
 */
export function fuseAdaptive(program: readonly Operation[], uniform: ReadonlySet<unknown>): Operation[] {
  const fused: Operation[] = [];
  const uses = usesIn(program);
  for (let at = 0; at < program.length; at++) {
    const whole = adaptiveStep(program.slice(at, at + ADAPTIVE.length), uses);
    const isFused = whole !== undefined && CONSTANTS.every((index) => uniform.has(whole.operands[index]));
    fused.push(isFused ? whole : program[at]!);
    if (isFused) at += ADAPTIVE.length - 1;
  }
  return fused;
}

function adaptiveStep(operations: readonly Operation[], uses: Uses): Operation | undefined {
  if (!ADAPTIVE.every((operation, index) => operations[index]?.operation === operation)) return undefined;
  const [toward, mean, meanSquare, square, step] = operations as [
    Operation,
    Operation,
    Operation,
    Operation,
    Operation,
  ];
  const [before, gradient, share] = toward.operands;
  const [root, squareShare, squareBefore, decay] = meanSquare.operands;
  const [weight, length, above, below, rootScale, epsilon] = step.operands;
  const isOne =
    mean.operands[0] === toward.to &&
    square.operands[0] === meanSquare.to &&
    mean.operands[1] === square.operands[1] &&
    isSamePlace(root, gradient) &&
    isSamePlace(above, mean.to) &&
    isSamePlace(below, square.to) &&
    uses.get(toward.to) === 1 &&
    uses.get(meanSquare.to) === 1 &&
    "memory" in mean.to &&
    "memory" in square.to;
  if (!isOne) return undefined;
  const averages = [before, gradient, share, squareShare, squareBefore, decay];
  const rest = [rootScale, epsilon, mean.operands[1], mean.to, square.to];
  return { operation: code.P_ADAPTIVE_STEP, to: step.to, operands: [weight, length, ...averages, ...rest] as Operands };
}

const isSamePlace = (a: Operands[number] | undefined, b: Operands[number] | undefined) =>
  a === b || (a !== undefined && b !== undefined && "memory" in a && "memory" in b && a.memory === b.memory);

/** GELU and its slope of the same numbers share all that is dear. The slope must be on its way to memory. @param program whose places are known */
export function fuseGelu(program: readonly Operation[]): Operation[] {
  const at = program.findIndex(
    ({ operation }, index) => operation === code.P_GELU && slopeBeside(program, index) !== -1,
  );
  if (at === -1) return [...program];
  const other = slopeBeside(program, at);
  const [x] = program[at]!.operands as readonly [Value];
  const both = { ...program[at]!, operation: code.P_GELU_BOTH, operands: [x, program[other]!.to] };
  return fuseGelu(program.with(Math.min(at, other), both).toSpliced(Math.max(at, other), 1));
}

/** Where the slope of the GELU at `at` is made, if one of the two can be made where the other is; else −1. */
function slopeBeside(program: readonly Operation[], at: number): number {
  const [x] = program[at]!.operands;
  const other = program.findIndex(
    ({ operation, operands, to }) => operation === code.P_GELU_SLOPE && operands[0] === x && "memory" in to,
  );
  const between = program.slice(Math.min(at, other) + 1, Math.max(at, other));
  const { to } = program[Math.max(at, other)]!;
  return between.some(({ operands }) => operands.some((operand) => isSamePlace(operand as Value, to))) ? -1 : other;
}
