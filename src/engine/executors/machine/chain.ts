/** @file From a group of pointwise nodes to one instruction: a register program over strips of their common size. */
import type { Node } from "../../graph.ts";
import type { Buffer } from "../../plan/plan.ts";
import { sizeOf } from "../../shape.ts";
import { broadcastAccess, SCALAR, source } from "./access.ts";
import { isConversion } from "./conversion.ts";
import { fuse, fuseAdaptive, fuseGelu, type Operation, type Value } from "./fusion.ts";
import { bitsOf, type Instruction, type Operand } from "./instruction.ts";
import * as code from "./kernels/layout.ts";
import { CASTS, POINTWISE, type PointwiseForm } from "./pointwise.ts";

/** Marks an operand as memory that is walked with the strip. */
const STREAMED = 1;
/** Strips that are worth a thread: no more than this, and fewer where they take this many nanoseconds. */
const GRAIN = 8;
const WORTH = 3000;
/** Of looking up and starting one operation on one strip, in nanoseconds. */
const DISPATCH = 4;

/** Where groups find and leave their values. */
export interface Values {
  /** Where the value of a node stands that another group, or nobody, computes. */
  read(node: Node): Buffer;
  /** Where this node's value is wanted beyond the group: none, or several (an output, a state). */
  wanted(node: Node): readonly Buffer[];
}

const formOf = (node: Node): PointwiseForm => (POINTWISE as Readonly<Record<string, PointwiseForm>>)[node.op]!;

/** Whether chains can compute this node: `uniform`, and `cast` among 32-bit values, beside the table's ops. */
export function isChainable(node: Node): boolean {
  return node.op in POINTWISE || (node.op === "cast" && !isConversion(node)) || node.op === "uniform";
}

/** Whether a chainable node takes no longer than a write and a read of what it gives. */
export function isCheap(node: Node): boolean {
  return node.op !== "uniform" && (formOf(node)?.cost ?? 0) < 0.1;
}

/** @param states the buffers of states, so that writing one marks the point of no return */
export function chain(nodes: readonly Node[], values: Values, states: ReadonlySet<Buffer>): Instruction {
  const size = sizeOf(nodes[0]!.shape);
  const inside = new Set(nodes);
  const prologue: Operation[] = [];
  const body: Operation[] = [];
  const known = new Map<string | Node, Value>();
  const reads = new Set<Buffer>();
  const writes = new Set<Buffer>();
  let nanoseconds = 0;

  function once(key: string, list: Operation[], operation: number, operands: readonly Operand[]): Value {
    const before = known.get(key);
    if (before !== undefined) return before;
    const to: Value = { register: -1, lastUse: -1 };
    list.push({ operation, to, operands: operands.map((raw) => ({ raw })) });
    known.set(key, to);
    return to;
  }

  function constant(value: number, node: Node): Value {
    const bits = node.dtype === "F32" ? bitsOf(value) : value | 0;
    return once(`constant ${bits}`, prologue, code.P_CONSTANT, [bits]);
  }

  /** An operand of a node of the group. */
  function operand(input: Node): Value {
    const node = source(input);
    const before = known.get(node);
    if (before !== undefined) return before;
    if (node.op === "constant" && typeof node.attributes.value === "number")
      return constant(node.attributes.value, node);
    if (node.op === "broadcast") {
      const access = broadcastAccess(node);
      if (access !== undefined) {
        const { base, pattern: walk } = access;
        if (base.op === "constant" && typeof base.attributes.value === "number")
          return constant(base.attributes.value, base);
        const buffer = values.read(base);
        reads.add(buffer);
        const list = walk === SCALAR ? prologue : body;
        return once(`broadcast ${base.id} ${walk.inner} ${walk.middle}`, list, code.P_BROADCAST, [
          { buffer },
          walk.inner,
          walk.middle,
        ]);
      }
    }
    const buffer = values.read(node);
    reads.add(buffer);
    const value: Value = { memory: buffer };
    known.set(node, value);
    return value;
  }

  const uses = new Map<Node, number>();
  for (const node of nodes)
    for (const input of node.inputs) uses.set(source(input), (uses.get(source(input)) ?? 0) + 1);

  /** A product that only a sum reads need not be rounded, nor stored. */
  function fusableProduct(input: Node): Node | undefined {
    const node = source(input);
    const isFree = inside.has(node) && uses.get(node) === 1 && values.wanted(node).length === 0;
    return isFree && node.op === "mul" && node.dtype === "F32" ? node : undefined;
  }

  function fusedWith(node: Node): { operation: number; product: Node; addend: Node } | undefined {
    if (node.dtype !== "F32" || (node.op !== "add" && node.op !== "sub")) return undefined;
    const [left, right] = node.inputs as readonly [Node, Node];
    const second = fusableProduct(right);
    if (second !== undefined) {
      return { operation: node.op === "add" ? code.P_FMA : code.P_FNMA, product: second, addend: left };
    }
    const first = node.op === "add" ? fusableProduct(left) : undefined;
    return first && { operation: code.P_FMA, product: first, addend: right };
  }

  const absorbed = new Set(nodes.flatMap((node) => fusedWith(node)?.product ?? []));
  const finalCopies: Operation[] = [];
  for (const node of nodes) {
    if (absorbed.has(node)) continue;
    const [operation, operands] = operationOf(node);
    nanoseconds += (formOf(node)?.cost ?? 0.08) * size;
    const to: Value = { register: -1, lastUse: -1 };
    body.push({ operation, to, operands });
    known.set(node, to);
    for (const buffer of values.wanted(node)) {
      finalCopies.push({ operation: code.P_COPY, to: { memory: buffer }, operands: [to] });
      writes.add(buffer);
    }
  }

  function operationOf(node: Node): [number, Operation["operands"]] {
    if (node.op === "uniform") {
      const buffer = values.read(source(node.inputs[0]!));
      reads.add(buffer);
      return [code.P_UNIFORM, [{ raw: { buffer } }, { raw: node.attributes.stream as number }]];
    }
    if (node.op === "cast") return [CASTS[`${node.inputs[0]!.dtype}→${node.dtype}`]!, [operand(node.inputs[0]!)]];
    const fused = fusedWith(node);
    if (fused !== undefined) {
      const [a, b] = fused.product.inputs as readonly [Node, Node];
      return [fused.operation, [operand(a), operand(b), operand(fused.addend)]];
    }
    const form = formOf(node);
    const operands = node.inputs.map(operand);
    if (form.swap) operands.reverse();
    return [form[node.inputs[0]!.dtype as "F32"]!, operands];
  }

  const uniform = new Set<unknown>(prologue.map(({ to }) => to));
  const program = fuseGelu(fuseAdaptive(storeDirectly(fuse([...body, ...finalCopies])), uniform));
  assignRegisters(prologue, program);
  const wordsOf = ({ operation, to, operands }: Operation): Operand[] => {
    const words = [to, ...operands].map(encodeOperand);
    return [operation, ...words, ...new Array<number>((15 - words.length) % 8).fill(0)];
  };
  const operations = [...prologue, ...program];
  const strips = Math.ceil(size / code.STRIP);
  const time = nanoseconds + DISPATCH * program.length * strips;
  return {
    kind: "pointwise",
    label: `${nodes.map((node) => node.op).join("+")} ×${size}`,
    units: strips,
    grain: Math.max(1, Math.min(GRAIN, Math.ceil((WORTH * strips) / Math.max(time, 1)))),
    operands: [size, prologue.length, program.length, ...operations.flatMap(wordsOf)],
    reads: [...reads],
    writes: [...writes],
    flops: size * nodes.length,
    nanoseconds: time,
    commits: [...writes].some((buffer) => states.has(buffer)),
  };
}

/**
 * A value that is only copied out is made where it is wanted in the first place, unless a later operation still reads
 * what stands there: a state that is updated in place.
 */
function storeDirectly(program: readonly Operation[]): Operation[] {
  const makers = new Map(program.map(({ to }, at) => [to, at]));
  /** Where in memory values are made. */
  const places = new Map<unknown, Value>();
  const gone = new Set<Operation>();
  for (let at = program.length - 1; at >= 0; at--) {
    const copy = program[at]!;
    if (copy.operation !== code.P_COPY || !("memory" in copy.to)) continue;
    const [value] = copy.operands;
    const target = copy.to.memory;
    const maker = value === undefined || !("register" in value) ? undefined : makers.get(value);
    if (maker === undefined || places.has(value!) || program[maker]!.operation === code.P_BROADCAST) continue;
    const isTarget = (operand: Operation["operands"][number]) => "memory" in operand && operand.memory === target;
    if (program.some(({ operands }, later) => later > maker && operands.some(isTarget))) continue;
    places.set(value!, { memory: target });
    gone.add(copy);
  }
  if (gone.size === 0) return [...program];
  const placed = <Operand>(operand: Operand): Operand | Value => places.get(operand) ?? operand;
  const kept = program.filter((each) => !gone.has(each));
  return kept.map((each) => ({ ...each, to: placed(each.to), operands: each.operands.map(placed) }));
}

/** Registers for the prologue's values for good, and for the body's until their last use. */
function assignRegisters(prologue: readonly Operation[], body: readonly Operation[]): void {
  body.forEach(({ operands }, at) => {
    for (const operand of operands) if ("register" in operand) operand.lastUse = at;
  });
  let count = 0;
  for (const { to } of prologue) if ("register" in to) to.register = count++;
  const isPermanent = new Set<Value>(prologue.map(({ to }) => to));
  const free: number[] = [];
  body.forEach(({ to, operands }, at) => {
    for (const operand of new Set(operands)) {
      if ("register" in operand && operand.lastUse === at && !isPermanent.has(operand)) free.push(operand.register);
    }
    if (!("register" in to)) return;
    to.register = free.pop() ?? count++;
    if (to.lastUse === -1) free.push(to.register);
  });
}

function encodeOperand(operand: Value | { readonly raw: Operand }): Operand {
  if ("raw" in operand) return operand.raw;
  if ("memory" in operand) return { buffer: operand.memory, tag: STREAMED };
  return operand.register * code.REGISTER_BYTES;
}
