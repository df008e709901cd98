/**
 * @file The lowering table: for every op that is neither pointwise nor free, the instructions that compute it. An op that
 * has no entry here, none in the pointwise table, and no decomposition doesn't compile (see `compile.ts`).
 */
import type { Node } from "../../graph.ts";
import type { AttributesOf, OpName } from "../../ops/index.ts";
import type { Buffer } from "../../plan/plan.ts";
import { type Shape, sizeOf, stridesOf } from "../../shape.ts";
import { bitsOf, type Instruction, type InstructionKind, type Operand } from "./instruction.ts";
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
/** Of moving an element, and of one multiplication and addition at full speed, in nanoseconds. */
const MOVE = 0.3;
const MULTIPLY = 1 / 22;

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

interface Line {
  size: number;
  readonly from: number;
  readonly to: number;
}

/** Neighbouring axes that both sides walk as one become one. */
function merged(shape: Shape, from: readonly number[], to: readonly number[]): Line[] {
  const lines: Line[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const line = { size, from: from[axis]!, to: to[axis]! };
    const outer = lines.at(-1);
    if (outer !== undefined && outer.from === line.from * size && outer.to === line.to * size) {
      lines[lines.length - 1] = { ...line, size: outer.size * size };
    } else lines.push(line);
  });
  return lines.length > 0 ? lines : [{ size: 1, from: 1, to: 1 }];
}

interface StridedCopy {
  readonly label: string;
  readonly shape: Shape;
  readonly from: Buffer;
  readonly fromStrides: readonly number[];
  /** In elements. */
  readonly fromOffset?: number;
  readonly to: Buffer;
  readonly toStrides?: readonly number[];
  readonly toOffset?: number;
}

/** Copies a block of `shape`, walking both sides with strides of their own (in elements; 0 repeats). */
export function stridedCopy(copy: StridedCopy): Instruction {
  const { label, shape, from, to, fromOffset = 0, toOffset = 0 } = copy;
  const lines = merged(shape, copy.fromStrides, copy.toStrides ?? stridesOf(shape));
  const elements = sizeOf(shape);
  return kernel({
    kind: "copyStrided",
    label,
    units: elements === 0 ? 0 : lines.slice(0, -1).reduce((units, { size }) => units * size, 1),
    operands: [
      { buffer: from, offset: fromOffset * 4 },
      { buffer: to, offset: toOffset * 4 },
      lines.length,
      ...lines.flatMap((line) => [line.size, line.from, line.to]),
    ],
    reads: [from],
    writes: [to],
    nanoseconds: elements * MOVE,
  });
}

function permute(node: Node, { read, out, emit }: Lowered): void {
  const [x] = node.inputs as readonly [Node];
  const { axes } = node.attributes as AttributesOf<"permute">;
  const strides = stridesOf(x.shape);
  emit(
    stridedCopy({
      label: `permute [${x.shape}] by [${axes}]`,
      shape: node.shape,
      from: read(x),
      fromStrides: axes.map((axis) => strides[axis]!),
      to: out,
    }),
  );
}

function broadcast(node: Node, { read, out, emit }: Lowered): void {
  const [x] = node.inputs as readonly [Node];
  const strides = stridesOf(x.shape);
  const added = node.shape.length - x.shape.length;
  emit(
    stridedCopy({
      label: `broadcast [${x.shape}] to [${node.shape}]`,
      shape: node.shape,
      from: read(x),
      fromStrides: node.shape.map((_, axis) => ((x.shape[axis - added] ?? 1) === 1 ? 0 : strides[axis - added]!)),
      to: out,
    }),
  );
}

function slice(node: Node, { read, out, emit }: Lowered): void {
  const [x] = node.inputs as readonly [Node];
  const { starts, steps } = node.attributes as AttributesOf<"slice">;
  const strides = stridesOf(x.shape);
  emit(
    stridedCopy({
      label: `slice [${x.shape}] to [${node.shape}]`,
      shape: node.shape,
      from: read(x),
      fromStrides: strides.map((stride, axis) => stride * steps[axis]!),
      fromOffset: starts.reduce((offset, start, axis) => offset + start * strides[axis]!, 0),
      to: out,
    }),
  );
}

function pad(node: Node, { read, out, emit }: Lowered): void {
  const [x] = node.inputs as readonly [Node];
  const { before, value } = node.attributes as AttributesOf<"pad">;
  const strides = stridesOf(node.shape);
  emit(fillInstruction(out, sizeOf(node.shape), node.dtype === "F32" ? bitsOf(value) : value, `pad [${node.shape}]`));
  emit(
    stridedCopy({
      label: `pad [${x.shape}] to [${node.shape}]`,
      shape: x.shape,
      from: read(x),
      fromStrides: stridesOf(x.shape),
      to: out,
      toStrides: strides,
      toOffset: before.reduce((offset, count, axis) => offset + count * strides[axis]!, 0),
    }),
  );
}

function concat(node: Node, { read, out, emit }: Lowered): void {
  const { axis } = node.attributes as AttributesOf<"concat">;
  const strides = stridesOf(node.shape);
  let start = 0;
  for (const x of node.inputs) {
    emit(
      stridedCopy({
        label: `concat [${x.shape}] into [${node.shape}]`,
        shape: x.shape,
        from: read(x),
        fromStrides: stridesOf(x.shape),
        to: out,
        toStrides: strides,
        toOffset: start * strides[axis]!,
      }),
    );
    start += x.shape[axis]!;
  }
}

/** Axes before, at and after one axis, as three sizes. */
function around(shape: Shape, axis: number): [outer: number, length: number, inner: number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))];
}

function gather(node: Node, { read, out, emit }: Lowered): void {
  const [x, indices] = node.inputs as readonly [Node, Node];
  const [outer, length, inner] = around(x.shape, (node.attributes as AttributesOf<"gather">).axis);
  const count = sizeOf(indices.shape);
  const [from, by] = [read(x), read(indices)];
  emit(
    kernel({
      kind: "gather",
      label: `gather ${count} of [${x.shape}]`,
      units: outer * count,
      operands: [{ buffer: from }, { buffer: by }, { buffer: out }, length, count, inner],
      reads: [from, by],
      writes: [out],
      nanoseconds: outer * count * (5 + inner * 0.1),
    }),
  );
}

function scatterAdd(node: Node, { read, out, emit }: Lowered): void {
  const [updates, indices] = node.inputs as readonly [Node, Node];
  const [outer, length, inner] = around(node.shape, (node.attributes as AttributesOf<"scatterAdd">).axis);
  const count = sizeOf(indices.shape);
  const [from, by] = [read(updates), read(indices)];
  emit(
    kernel({
      kind: "scatterAdd",
      label: `scatterAdd ${count} into [${node.shape}]`,
      units: outer * Math.ceil(inner / code.COLUMN_CHUNK),
      operands: [{ buffer: from }, { buffer: by }, { buffer: out }, length, count, inner, Number(node.dtype === "I32")],
      reads: [from, by],
      writes: [out],
      nanoseconds: outer * count * inner * 0.6 + outer * length * inner * 0.1,
    }),
  );
}

function scatterAlong(node: Node, { read, out, emit }: Lowered): void {
  const [updates, indices] = node.inputs as readonly [Node, Node];
  const { axis } = node.attributes as AttributesOf<"scatterAlong">;
  const [outer, count, inner] = around(updates.shape, axis);
  const [from, by] = [read(updates), read(indices)];
  emit(
    kernel({
      kind: "scatterAlong",
      label: `scatterAlong [${updates.shape}] into [${node.shape}]`,
      units: sizeOf(node.shape) === 0 ? 0 : outer,
      operands: [
        { buffer: from },
        { buffer: by },
        { buffer: out },
        count,
        node.shape[axis]!,
        inner,
        Number(node.dtype === "I32"),
      ],
      reads: [from, by],
      writes: [out],
      nanoseconds: sizeOf(updates.shape) * 1.5 + sizeOf(node.shape) * 0.1,
    }),
  );
}

function oneHot(node: Node, { read, out, emit }: Lowered): void {
  const [indices] = node.inputs as readonly [Node];
  const { classes } = node.attributes as AttributesOf<"oneHot">;
  const rows = sizeOf(indices.shape);
  const by = read(indices);
  emit(
    kernel({
      kind: "oneHot",
      label: `oneHot [${node.shape}]`,
      units: classes === 0 ? 0 : rows,
      operands: [{ buffer: by }, { buffer: out }, classes],
      reads: [by],
      writes: [out],
      nanoseconds: rows * (4 + classes * 0.1),
    }),
  );
}

const extreme =
  (isLeast: boolean): Lowering =>
  (node, { read, out, emit }) => {
    const [x] = node.inputs as readonly [Node];
    const [outer, length, inner] = around(x.shape, (node.attributes as AttributesOf<"argMax">).axis);
    const from = read(x);
    emit(
      kernel({
        kind: "extremePosition",
        label: `${node.op} [${x.shape}]`,
        units: outer * inner,
        operands: [{ buffer: from }, { buffer: out }, length, inner, Number(isLeast), Number(x.dtype === "I32")],
        reads: [from],
        writes: [out],
        nanoseconds: outer * inner * length * 1.5,
      }),
    );
  };

/** The reduced axes as runs of neighbours: outermost first, each with its first axis and size. Axes of size 1 don't count. */
function reducedRuns(shape: Shape, axes: readonly number[]): number[][] {
  const runs: number[][] = [];
  let isOpen = false;
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const isReduced = axes.includes(axis);
    if (isReduced && isOpen) runs.at(-1)!.push(axis);
    else if (isReduced) runs.push([axis]);
    isOpen = isReduced;
  });
  return runs;
}

const reduction =
  (kind: number): Lowering =>
  (node, { read, out, temporary, emit }) => {
    const [x] = node.inputs as readonly [Node];
    const { axes } = node.attributes as AttributesOf<"sum">;
    const count = axes.reduce((product, axis) => product * x.shape[axis]!, 1);
    const scale = node.op === "mean" ? 1 / count : 1;
    const runs = reducedRuns(x.shape, axes);
    let from = read(x);
    const shape = [...x.shape];
    if (sizeOf(shape) > 0 && runs.length === 0) {
      emit(copyInstruction(from, out, sizeOf(shape), `${node.op} of nothing`));
      return;
    }
    // An empty axis has no runs of its own worth: the whole is one reduction over it.
    const passes = sizeOf(shape) === 0 ? [axes] : runs;
    passes.forEach((run, index) => {
      // Outermost runs last, so that each pass reads the most contiguous lines there are.
      const isLast = index === passes.length - 1;
      const first = run[0]!;
      const end = run.at(-1)! + 1;
      const outer = sizeOf(shape.slice(0, first));
      const isEmpty = sizeOf(shape) === 0;
      const length = isEmpty ? 0 : sizeOf(shape.slice(first, end));
      const inner = isEmpty ? 1 : sizeOf(shape.slice(end));
      const outputs = isEmpty ? sizeOf(node.shape) : outer * inner;
      const to = isLast ? out : temporary(outputs);
      const isRows = inner === 1;
      const isInteger = x.dtype === "I32";
      emit(
        kernel({
          kind: isInteger ? "reduceIntegers" : isRows ? "reduceRows" : "reduceColumns",
          label: `${node.op} [${isEmpty ? x.shape : [outer, length, inner]}] over ${isRows ? "rows" : "columns"}`,
          units: isInteger || isRows ? outputs : outer * Math.ceil(inner / code.COLUMN_CHUNK),
          operands: [{ buffer: from }, { buffer: to }, length, kind, bitsOf(isLast ? scale : 1), inner],
          reads: [from],
          writes: [to],
          flops: outputs * length,
          nanoseconds: outputs * length * (isInteger ? 1 : 0.12) + outputs * 2,
        }),
      );
      for (const axis of run) shape[axis] = 1;
      from = to;
    });
  };

/** The sum of `parts` that stand one behind the other. */
export function columnSum(parts: Buffer, to: Buffer, count: number, elements: number): Instruction {
  return kernel({
    kind: "reduceColumns",
    label: `sum of ${count} parts of ${elements}`,
    units: Math.ceil(elements / code.COLUMN_CHUNK),
    operands: [{ buffer: parts }, { buffer: to }, count, code.SUM, bitsOf(1), elements],
    reads: [parts],
    writes: [to],
    flops: count * elements,
    nanoseconds: elements * (count * 0.12 + 0.2),
  });
}

/** One operand of a product: which node's memory it reads, whether it is stored transposed, and the stride of its batch. */
interface Matrix {
  readonly node: Node;
  readonly isTransposed: boolean;
  readonly isShared: boolean;
}

/** Whether a node only swaps its last two axes. */
function isTranspose(node: Node): boolean {
  if (node.op !== "permute") return false;
  const { axes } = node.attributes as AttributesOf<"permute">;
  const rank = axes.length;
  return rank >= 2 && axes.every((axis, i) => axis === (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
}

/** Whether a node repeats one matrix over the batch. */
function isRepeatedMatrix(node: Node): boolean {
  if (node.op !== "broadcast") return false;
  const [x] = node.inputs as readonly [Node];
  const [rows, columns] = node.shape.slice(-2);
  return x.shape.at(-1) === columns && x.shape.at(-2) === rows && sizeOf(x.shape) === rows! * columns!;
}

/** The nodes that a product reads its operands from, past transposes and repeats that packing does on its way. */
export function matrixOf(input: Node): Matrix {
  let node = input;
  let isTransposed = false;
  let isShared = false;
  for (let changed = true; changed; ) {
    changed = false;
    if (isTranspose(node)) {
      isTransposed = !isTransposed;
      node = node.inputs[0]!;
      changed = true;
    } else if (isRepeatedMatrix(node)) {
      isShared = true;
      node = node.inputs[0]!;
      changed = true;
    }
  }
  return { node, isTransposed, isShared };
}

/** Fewer rows than this are not worth packing the right operand for. */
const THIN = 4;

/** A product as deep as this is summed in parts, in which threads find the rows that they have written themselves. */
const DEEP = 512;
const DEPTH_PARTS = 4;
/** Below this, in nanoseconds, the sum of the parts is not worth an instruction of its own. */
const WORTH_PARTS = 50_000;

/** The gradient of a weight: both operands stand row by row, and are summed over their rows. Parts must not outgrow the operands. */
function isDeep(rows: number, columns: number, depth: number): boolean {
  const fits = depth >= DEEP && DEPTH_PARTS * rows * columns <= depth * (rows + columns);
  return fits && productTime(rows, columns, depth) >= WORTH_PARTS;
}

function deepProduct(
  [a, b]: readonly [Buffer, Buffer],
  [rows, columns, depth]: readonly [number, number, number],
  { out, temporary, emit }: Lowered,
): void {
  const share = Math.ceil(depth / DEPTH_PARTS);
  const sums = temporary(DEPTH_PARTS * rows * columns);
  emit(
    kernel({
      kind: "product",
      label: `product ${rows}×${columns}×${depth} Aᵀ`,
      units: DEPTH_PARTS,
      operands: [
        ...[a, b, sums].map((buffer) => ({ buffer })),
        ...[rows, columns, share, rows, columns, 1, DEPTH_PARTS, share * rows, share * columns],
        code.SPLIT_DEPTH,
        depth - (DEPTH_PARTS - 1) * share,
        0,
      ],
      reads: [a, b],
      writes: [sums],
      flops: 2 * rows * columns * depth,
      nanoseconds: productTime(rows, columns, depth),
    }),
  );
  emit(columnSum(sums, out, DEPTH_PARTS, rows * columns));
}

/** On one thread, in nanoseconds. */
function productTime(rows: number, columns: number, depth: number): number {
  return Math.ceil(rows / 4) * 4 * Math.ceil(columns / 8) * 8 * depth * MULTIPLY + (rows + columns) * depth * 0.1;
}

/** A product as its kernel sees it. */
interface ProductForm {
  readonly left: Matrix;
  readonly right: Matrix;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly matrices: number;
  readonly isThin: boolean;
  readonly isDeep: boolean;
}

function productForm(node: Node): ProductForm {
  const left = matrixOf(node.inputs[0]!);
  const right = matrixOf(node.inputs[1]!);
  const [height, columns] = node.shape.slice(-2) as [number, number];
  const depth = node.inputs[0]!.shape.at(-1)!;
  const count = sizeOf(node.shape.slice(0, -2));
  // Many matrices times one are one tall matrix times it.
  const isTall = count > 1 && right.isShared && !left.isShared && !left.isTransposed;
  const [rows, matrices] = isTall ? [height * count, 1] : [height, count];
  return {
    ...{ left, right, rows, columns, depth, matrices },
    isThin: rows < THIN && matrices === 1,
    isDeep: matrices === 1 && left.isTransposed && !right.isTransposed && isDeep(rows, columns, depth),
  };
}

/** Whether a product's kernel may take further steps on its result. */
export function canFinish(node: Node): boolean {
  const { depth, matrices, isThin, isDeep } = productForm(node);
  return depth > 0 && matrices === 1 && !isThin && !isDeep && sizeOf(node.shape) > 0;
}

/** What a product does to its result, with the places of what it reads for it. */
export interface ProductStep {
  readonly kind: number;
  readonly operand?: Buffer;
}

/** @param steps see `finish.ts`; only where `canFinish` */
export function matmul(node: Node, context: Lowered, steps: readonly ProductStep[] = [], suffix = ""): void {
  const { read, out, emit } = context;
  const { left, right, rows, columns, depth, matrices, isThin, isDeep } = productForm(node);
  if (depth === 0) {
    emit(fillInstruction(out, sizeOf(node.shape), 0, "product of nothing"));
    return;
  }
  const [a, b] = [read(left.node), read(right.node)];
  if (isDeep) {
    deepProduct([a, b], [rows, columns, depth], context);
    return;
  }
  const panels = Math.ceil(columns / 8);
  const quads = Math.ceil(rows / 4);
  const split = matrices >= 8 ? code.SPLIT_BATCH : panels * 2 >= quads ? code.SPLIT_COLUMNS : code.SPLIT_ROWS;
  const units = isThin
    ? Math.ceil(columns / 16)
    : split === code.SPLIT_BATCH
      ? matrices
      : split === code.SPLIT_COLUMNS
        ? panels
        : quads;
  const operands = steps.flatMap(({ operand }) => operand ?? []);
  const turned = `${left.isTransposed ? " Aᵀ" : ""}${right.isTransposed ? " Bᵀ" : ""}`;
  emit(
    kernel({
      kind: isThin ? "thinProduct" : "product",
      label: `product ${matrices > 1 ? `${matrices} of ` : ""}${rows}×${columns}×${depth}${turned}${suffix}`,
      units: sizeOf(node.shape) === 0 ? 0 : units,
      operands: [
        { buffer: a },
        { buffer: b },
        { buffer: out },
        rows,
        columns,
        depth,
        left.isTransposed ? rows : depth,
        right.isTransposed ? depth : columns,
        Number(left.isTransposed) + 2 * Number(right.isTransposed),
        matrices,
        left.isShared ? 0 : rows * depth,
        right.isShared ? 0 : depth * columns,
        split,
        0,
        steps.length,
        ...steps.flatMap(({ kind, operand }) => [kind, operand === undefined ? 0 : { buffer: operand }]),
      ],
      reads: [a, b, ...operands],
      writes: [out],
      flops: 2 * matrices * rows * columns * depth + steps.length * rows * columns,
      nanoseconds: matrices * productTime(rows, columns, depth) + steps.length * rows * columns * 0.08,
    }),
  );
}

export const LOWERINGS = {
  matmul: (node: Node, context: Lowered) => matmul(node, context),
  sum: reduction(code.SUM),
  mean: reduction(code.SUM),
  max: reduction(code.MAX),
  min: reduction(code.MIN),
  prod: reduction(code.PRODUCT_OF),
  argMax: extreme(false),
  argMin: extreme(true),
  permute,
  broadcast,
  slice,
  pad,
  concat,
  gather,
  scatterAdd,
  scatterAlong,
  oneHot,
} satisfies Partial<Record<OpName, Lowering>>;
