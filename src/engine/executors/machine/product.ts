/** @file The lowering of products: how each is packed, and shared among threads. */
import type { Node } from "../../graph.ts";
import type { AttributesOf } from "../../ops/index.ts";
import type { Buffer } from "../../plan/plan.ts";
import { sizeOf } from "../../shape.ts";
import * as code from "./kernels/layout.ts";
import { fillInstruction, kernel, type Lowered } from "./lowering.ts";
import { columnSum } from "./reduction.ts";

/** Of one multiplication and addition at full speed, in nanoseconds. */
const MULTIPLY = 1 / 22;

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
