/** @file Lowerings of ops that move elements: copies by strides, and by indices. */
import type { Node } from "../../graph.ts";
import type { AttributesOf } from "../../ops/index.ts";
import type { Buffer } from "../../plan/plan.ts";
import { type Shape, sizeOf, stridesOf } from "../../shape.ts";
import { bitsOf, type Instruction } from "./instruction.ts";
import * as code from "./kernels/layout.ts";
import { around, fillInstruction, kernel, type Lowered } from "./lowering.ts";

/** Of moving an element, in nanoseconds. */
const MOVE = 0.3;

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

export function permute(node: Node, { read, out, emit }: Lowered): void {
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

export function broadcast(node: Node, { read, out, emit }: Lowered): void {
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

export function slice(node: Node, { read, out, emit }: Lowered): void {
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

export function pad(node: Node, { read, out, emit }: Lowered): void {
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

export function concat(node: Node, { read, out, emit }: Lowered): void {
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

export function gather(node: Node, { read, out, emit }: Lowered): void {
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

export function scatterAdd(node: Node, { read, out, emit }: Lowered): void {
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

export function scatterAlong(node: Node, { read, out, emit }: Lowered): void {
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

export function oneHot(node: Node, { read, out, emit }: Lowered): void {
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
