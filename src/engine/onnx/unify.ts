/**
 * @file One graph for any batch size, from two drafts of the same model at two batch sizes. Whatever is equal in both is
 * fixed; a size that is k × batch in both follows the batch; anything else is refused. So nothing that depends on the batch
 * can be baked into a file unseen, and no op has to think about it.
 *
 * A shape vector that follows the batch becomes `-1` where only Reshape reads it and one entry varies, else a Concat of
 * constants and the batch size read from an input.
 */
import { Fault } from "../fault.ts";
import { type NdArray, type Shape, sameShape } from "../shape.ts";
import type { Draft, DraftValue } from "./assemble.ts";
import type { GraphProto, NodeProto } from "./schema.ts";
import { type Dimension, tensorProtoOf, valueInfoOf } from "./tensors.ts";

/** A size: fixed, or so many times the batch. */
type Size = { readonly fixed: number } | { readonly timesBatch: number };

/** @throws Fault ONNX_OPERATOR_UNSUPPORTED where the model depends on the batch size in another way than by shapes. */
export function unify(name: string, a: Draft, b: Draft): GraphProto {
  const sizeAt = (one: number, other: number): Size | null => {
    if (one === other) return { fixed: one };
    const factor = one / a.batch;
    return Number.isInteger(factor) && other === factor * b.batch ? { timesBatch: factor } : null;
  };
  if (a.nodes.length !== b.nodes.length || a.initialisers.size !== b.initialisers.size) {
    throw depends("the number of operators");
  }
  a.nodes.forEach((node, index) => {
    if (!sameNode(node, b.nodes[index]!)) throw depends(`operator \`${node.name}\``);
  });

  const initialisers = new Map<string, NdArray>();
  const symbolic = new Map<string, Size[]>();
  for (const [key, value] of a.initialisers) {
    const other = b.initialisers.get(key);
    if (other === undefined || other.dtype !== value.dtype) throw depends(`constant \`${key}\``);
    if (sameValue(value, other)) {
      initialisers.set(key, value);
      continue;
    }
    const sizes = vectorOf(value).map((entry, index) => sizeAt(entry, vectorOf(other)[index] ?? -1));
    const isShape = value.dtype === "I64" && sameShape(value.shape, other.shape) && !sizes.includes(null);
    if (!isShape) throw depends(`constant \`${key}\``);
    symbolic.set(key, sizes as Size[]);
  }

  const dimensionsOf = (value: DraftValue, other: DraftValue | undefined): Dimension[] =>
    value.shape.map((size, axis) => {
      const found = sizeAt(size, other?.shape[axis] ?? -1);
      if (found === null) throw depends(`the shape of \`${value.name}\``);
      if ("fixed" in found) return found.fixed;
      return found.timesBatch === 1 ? "batch" : `${found.timesBatch}*batch`;
    });
  const inputs = a.inputs.map((value, index) => dimensionsOf(value, b.inputs[index]));

  const prelude: NodeProto[] = [];
  if (symbolic.size > 0) {
    const carrier = inputs.findIndex((dimensions) => dimensions.includes("batch"));
    if (carrier < 0) throw depends("a shape, though no input has the batch as an axis,");
    const axis = inputs[carrier]!.indexOf("batch");
    const readers = readersOf(a.nodes);
    const shapes = symbolicShapes(a.inputs[carrier]!.name, axis);
    for (const [key, sizes] of symbolic) {
      const onlyReshape = readers.get(key)!.every((node) => node.opType === "Reshape");
      if (onlyReshape && sizes.filter((size) => "timesBatch" in size).length === 1) {
        const entries = sizes.map((size) => ("fixed" in size ? size.fixed : -1));
        initialisers.set(key, int64(entries));
      } else {
        shapes.define(key, sizes);
      }
    }
    prelude.push(...shapes.nodes);
    for (const [key, value] of shapes.constants) initialisers.set(key, value);
  }

  return {
    node: [...prelude, ...a.nodes],
    name,
    initializer: [...initialisers].map(([key, value]) => tensorProtoOf(key, value)),
    input: a.inputs.map((value, index) => valueInfoOf(value.name, value.elemType, inputs[index]!)),
    output: a.outputs.map((value, index) =>
      valueInfoOf(value.name, value.elemType, dimensionsOf(value, b.outputs[index])),
    ),
  };
}

function depends(what: string): Fault {
  return new Fault("ONNX_OPERATOR_UNSUPPORTED", `${what} depends on the batch size`, {
    hint: "a file for any batch size needs a model that treats each sample alike; export with a fixed batch size",
  });
}

function sameNode(a: NodeProto, b: NodeProto): boolean {
  return a.opType === b.opType && a.domain === b.domain && sameJson([a.input, a.attribute], [b.input, b.attribute]);
}

function sameJson(a: unknown, b: unknown): boolean {
  const plain = (_: string, value: unknown): unknown =>
    typeof value === "bigint"
      ? `${value}n`
      : ArrayBuffer.isView(value)
        ? Array.from(value as Int32Array, String)
        : value;
  return JSON.stringify(a, plain) === JSON.stringify(b, plain);
}

function sameValue(a: NdArray, b: NdArray): boolean {
  if (a.data === b.data) return sameShape(a.shape, b.shape);
  return (
    sameShape(a.shape, b.shape) && a.data.every((value: number | bigint, index) => Object.is(value, b.data[index]))
  );
}

const vectorOf = (value: NdArray): number[] => (value.shape.length === 1 ? Array.from(value.data, Number) : [-1]);

const int64 = (values: Shape): NdArray => ({
  dtype: "I64",
  shape: [values.length],
  data: BigInt64Array.from(values, BigInt),
});

function readersOf(nodes: readonly NodeProto[]): Map<string, NodeProto[]> {
  const readers = new Map<string, NodeProto[]>();
  for (const node of nodes) {
    for (const input of node.input ?? []) readers.set(input, [...(readers.get(input) ?? []), node]);
  }
  return readers;
}

/** Nodes that compute shape vectors from the size of axis `axis` of the input `carrier`. */
function symbolicShapes(carrier: string, axis: number) {
  const nodes: NodeProto[] = [];
  const constants = new Map<string, NdArray>();
  const node = (opType: string, output: string, input: string[], axisAttribute?: number): string => {
    const attribute = axisAttribute === undefined ? [] : [{ name: "axis", i: BigInt(axisAttribute), type: 2 }];
    nodes.push({ input, output: [output], name: output, opType, attribute });
    return output;
  };
  const constant = (values: Shape): string => {
    const name = `/sizes_${values.join("_")}`;
    constants.set(name, int64(values));
    return name;
  };
  const multiples = new Map<number, string>();
  /** The name of an I64[1] that holds `factor` times the batch size. */
  const timesBatch = (factor: number): string => {
    let name = multiples.get(factor);
    if (name === undefined) {
      name =
        factor === 1
          ? node("Gather", "/batch_size", [node("Shape", `/${carrier}_shape`, [carrier]), constant([axis])], 0)
          : node("Mul", `/batch_size_times_${factor}`, [timesBatch(1), constant([factor])]);
      multiples.set(factor, name);
    }
    return name;
  };
  const define = (key: string, sizes: readonly Size[]): void => {
    const parts = sizes.map((size) => ("fixed" in size ? constant([size.fixed]) : timesBatch(size.timesBatch)));
    node("Concat", key, parts, 0);
  };
  return { nodes, constants, define };
}
