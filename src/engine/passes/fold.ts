/** @file What depends on constants alone is computed once, here, by the ops' references, and becomes a constant. */
import { isStored } from "../dtype.ts";
import { Fault } from "../fault.ts";
import type { Node, Traced } from "../graph.ts";
import { opOf } from "../ops/index.ts";
import type { Few, ReferenceArray } from "../ops/op.ts";
import { constantOf } from "../ops/pointwise.ts";
import { constantArray, emptyArray } from "../ops/values.ts";
import { sizeOf } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { type Change, rewriteFully } from "./rewrite.ts";

/** Larger constants are not worth holding: they are computed where they are needed. */
const LARGEST = 4096;

export const folded: Change = (node, inputs) => foldUniform(node, inputs) ?? foldWhole(node, inputs);

export function fold(traced: Traced): Traced {
  return rewriteFully(traced, folded);
}

/** A pointwise op on numbers that are the same everywhere gives one number everywhere. */
function foldUniform(node: Node, inputs: readonly Tensor[]): Tensor | null {
  if (opOf(node)?.pointwise !== true || [node, ...inputs].some(({ dtype }) => isStored(dtype))) return null;
  const values = inputs.map((input) => constantOf(input));
  if (values.includes(null)) return null;
  const scalars = inputs.map((input, i) => constantArray({ dtype: input.dtype, shape: [] }, values[i]!));
  const [value] = compute({ ...node, shape: [] }, scalars).data;
  return inputs[0]!.constant(value!, node.dtype).broadcastTo(node.shape);
}

function foldWhole(node: Node, inputs: readonly Tensor[]): Tensor | null {
  const isConstant = inputs.length > 0 && inputs.every((input) => input.node.op === "constant");
  const grows = sizeOf(node.shape) > inputs.reduce((sum, input) => sum + sizeOf(input.shape), 0);
  if (!isConstant || grows || sizeOf(node.shape) > LARGEST || node.parts !== undefined || !opOf(node)) return null;
  const values = inputs.map(({ node: input }) => constantArray(input, input.attributes.value as number | Float64Array));
  const { data } = compute(node, values);
  const [{ graph }] = inputs as [Tensor];
  const value = data.length === 1 && !isStored(node.dtype) ? data[0]! : data;
  return new Tensor(graph, graph.add("constant", [], { value }, { dtype: node.dtype, shape: node.shape }));
}

/** Nodes with several results are never folded, and only such nodes have bodies. */
function noBodies(): never {
  throw new Fault("INTERNAL", "a node with a body was folded");
}

/** What an op gives on values, by its reference. */
export function compute(node: Node, inputs: readonly ReferenceArray[]): ReferenceArray {
  const output = emptyArray(node);
  opOf(node)!.reference(
    inputs as readonly ReferenceArray[] as Few<ReferenceArray>,
    output,
    node.attributes,
    [output],
    noBodies,
  );
  return output;
}
