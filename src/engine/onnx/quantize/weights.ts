/** @file Weights as bytes in the graph that is being made: under their own names, turned, or looked up row by row. */
import type { GraphProto, NodeProto } from "../schema.ts";
import { transposed } from "./fold.ts";
import { type ByteWeight, bytesOf } from "./integers.ts";
import type { Layer } from "./layers.ts";
import { dequantize, type Rewriting, rewriting, storedBytes } from "./rewrite.ts";
import { integerOf, nodeOf, realOf, tensorOf, type Wiring, wiringOf } from "./wiring.ts";

export interface FormOptions {
  /** A scale for each channel of a weight, or one. */
  readonly perChannel: boolean;
  /** Weights of 7 bits. */
  readonly reduceRange: boolean;
}

/** A weight as it was made; layers that share it share this. */
export type Weights = ReadonlyMap<string, ByteWeight>;

export interface QuantizedGraph {
  readonly graph: GraphProto;
  readonly weights: Weights;
}

/** A graph in the making. */
export interface Draft {
  readonly into: Rewriting;
  readonly wiring: Wiring;
  readonly weights: Map<string, ByteWeight>;
  readonly options: FormOptions;
}

export function draftOf(graph: GraphProto, options: FormOptions): Draft {
  return { into: rewriting(), wiring: wiringOf(graph), weights: new Map(), options };
}

/** The weight's name comes to stand for what its bytes are worth: whoever reads it, reads that. */
export function storeWeight(
  { into, wiring, weights, options }: Draft,
  layer: Layer,
  least?: (channel: number) => number,
): ByteWeight {
  const known = weights.get(layer.weight);
  if (known !== undefined) return known;
  const axis = options.perChannel ? layer.axis : null;
  const bytes = bytesOf(realOf(wiring, layer.weight)!, axis, options.reduceRange, least);
  weights.set(layer.weight, bytes);
  into.first.push(dequantize(storedBytes(into, layer.weight, layer.shape, bytes), layer.weight, bytes.axis));
  return bytes;
}

/** Rows of a table are looked up as bytes, so that only those are made real that are read. */
function lookUp(draft: Draft, layer: Layer): boolean {
  const { into, wiring, weights, options } = draft;
  const readers = wiring.readers.get(layer.weight) ?? [];
  const isTable = (node: NodeProto): boolean =>
    node.opType === "Gather" && node.input![0] === layer.weight && integerOf(node, "axis", 0) === 0;
  if (!readers.every(isTable) || layer.shape.length !== 2) return false;
  const axis = options.perChannel ? layer.axis : null;
  const bytes = weights.get(layer.weight) ?? bytesOf(realOf(wiring, layer.weight)!, axis, options.reduceRange);
  weights.set(layer.weight, bytes);
  const [values = "", ...steps] = storedBytes(into, layer.weight, layer.shape, bytes);
  const rows = `${layer.output}/int8`;
  const taken = { ...layer.node, input: [values, layer.node.input![1]!], output: [rows] };
  into.instead.set(layer.node, [taken, dequantize([rows, ...steps], layer.output, bytes.axis === null ? null : -1)]);
  return true;
}

export function storeAlone(draft: Draft, layer: Layer): void {
  if (layer.operator === "Gather" && lookUp(draft, layer)) return;
  storeWeight(draft, layer);
}

/**
 * A product, less its bias negated. onnxruntime makes a Gemm of a MatMul and an Add before it looks for integers, and has none
 * for a Gemm whose input is measured while it runs; a Sub it leaves alone.
 */
export function lessNegated(draft: Draft, layer: Layer, product: string): NodeProto[] {
  if (layer.bias === null) return [];
  const name = `${layer.bias}/negated`;
  const values = realOf(draft.wiring, layer.bias)!.data as Float32Array;
  draft.into.tensors.set(
    name,
    tensorOf(
      name,
      "F32",
      [values.length],
      values.map((value) => -value),
    ),
  );
  return [nodeOf("Sub", [product, name], [layer.output])];
}

/** A Gemm's second matrix the other way round, as MatMul reads it. */
export function storeTurned({ into, wiring, weights, options }: Draft, layer: Layer): string {
  const value = transposed(realOf(wiring, layer.weight)!, [1, 0]);
  const bytes = bytesOf(value, options.perChannel ? 1 : null, options.reduceRange);
  weights.set(layer.weight, bytes);
  const name = `${layer.weight}/turned`;
  into.first.push(dequantize(storedBytes(into, layer.weight, value.shape, bytes), name, bytes.axis));
  return name;
}
