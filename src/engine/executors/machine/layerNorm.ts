/** @file Lowerings of layer norm and of its gradients, whose sums over rows are made in parts of fixed size. */
import type { Node } from "../../graph.ts";
import type { AttributesOf } from "../../ops/index.ts";
import { sizeOf } from "../../shape.ts";
import { bitsOf } from "./instruction.ts";
import { LAYER_ROWS } from "./kernels/layout.ts";
import { kernel, type Lowering } from "./lowering.ts";
import { columnSum } from "./reduction.ts";

type Form = AttributesOf<"layerNorm">;

/** [rows, length] of a node's input. */
function rowsOf(x: Node, { axis }: Form): readonly [rows: number, length: number] {
  return [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))];
}

/** Rows are walked in whole vectors. */
function fits(x: Node, form: Form): boolean {
  const [rows, length] = rowsOf(x, form);
  return rows > 0 && length > 0 && length % 4 === 0;
}

export const canNormalise = ({ inputs: [x], attributes }: Node) => fits(x!, attributes as Form);
export const canNormaliseBack = ({ inputs: [, x], attributes }: Node) => fits(x!, attributes as Form);

export const layerNorm: Lowering = (node, { read, out, emit }) => {
  const form = node.attributes as Form;
  const [rows, length] = rowsOf(node.inputs[0]!, form);
  const reads = node.inputs.map(read);
  emit(
    kernel({
      kind: "layerNorm",
      label: `layerNorm [${rows},${length}]`,
      units: rows,
      operands: [...reads.map((buffer) => ({ buffer })), { buffer: out }, length, bitsOf(form.epsilon)],
      reads,
      writes: [out],
      flops: 8 * rows * length,
      nanoseconds: rows * (length * 0.3 + 10),
    }),
  );
};

export const layerNormGradients: Lowering = (node, { read, outs, temporary, emit }) => {
  const form = node.attributes as Form;
  const [rows, length] = rowsOf(node.inputs[1]!, form);
  const reads = node.inputs.map(read);
  const units = Math.ceil(rows / LAYER_ROWS);
  const [ofX, ...totals] = outs;
  const sums = units === 1 ? totals : totals.map(() => temporary(units * length));
  const places = [...reads, ofX!, ...sums].map((buffer) => ({ buffer }));
  emit(
    kernel({
      kind: "layerNormGradients",
      label: `layerNorm's gradients [${rows},${length}]`,
      units,
      operands: [...places, length, bitsOf(form.epsilon), rows],
      reads,
      writes: [ofX!, ...sums],
      flops: 16 * rows * length,
      nanoseconds: rows * (length * 0.6 + 20),
    }),
  );
  if (units === 1) return;
  for (const [index, parts] of sums.entries()) emit(columnSum(parts, totals[index]!, units, length));
};
