/** @file Lowerings of sums and extremes along axes. */
import type { Node } from "../../graph.ts";
import type { AttributesOf } from "../../ops/index.ts";
import type { Buffer } from "../../plan/plan.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import { bitsOf, type Instruction } from "./instruction.ts";
import * as code from "./kernels/layout.ts";
import { around, copyInstruction, kernel, type Lowering } from "./lowering.ts";

export const extreme =
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

export const reduction =
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
