/** @file What becomes of layers in either mode: weights as bytes, inputs as integers measured beforehand or while it runs. */
import type { GraphProto, NodeProto } from "../schema.ts";
import { type RankOf, transposed } from "./fold.ts";
import { type ActivationType, type ByteWeight, bytesOf, type Steps } from "./integers.ts";
import type { Layer } from "./layers.ts";
import { dequantize, type Rewriting, rewriting, rewritten, storedBytes, throughIntegers } from "./rewrite.ts";
import { integerOf, nodeOf, realOf, soleReader, tensorOf, type Wiring, wiringOf } from "./wiring.ts";

export interface FormOptions {
  /** A scale for each channel of a weight, or one. */
  readonly perChannel: boolean;
  /** Weights of 7 bits. */
  readonly reduceRange: boolean;
}

/** A weight as it was made; layers that share it share this. */
export type Weights = ReadonlyMap<string, ByteWeight>;

export interface Formed {
  readonly graph: GraphProto;
  readonly weights: Weights;
}

interface Making {
  readonly into: Rewriting;
  readonly wiring: Wiring;
  readonly weights: Map<string, ByteWeight>;
  readonly options: FormOptions;
}

function makingOf(graph: GraphProto, options: FormOptions): Making {
  return { into: rewriting(), wiring: wiringOf(graph), weights: new Map(), options };
}

/** The weight's name comes to stand for what its bytes are worth: whoever reads it, reads that. */
function storeWeight(
  { into, wiring, weights, options }: Making,
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
function lookUp(making: Making, layer: Layer): boolean {
  const { into, wiring, weights, options } = making;
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

function storeAlone(making: Making, layer: Layer): void {
  if (layer.operator === "Gather" && lookUp(making, layer)) return;
  storeWeight(making, layer);
}

/**
 * A product, less its bias negated. onnxruntime makes a Gemm of a MatMul and an Add before it looks for integers, and has none
 * for a Gemm whose input is measured while it runs; a Sub it leaves alone.
 */
function lessNegated(making: Making, layer: Layer, product: string): NodeProto[] {
  if (layer.bias === null) return [];
  const name = `${layer.bias}/negated`;
  const values = realOf(making.wiring, layer.bias)!.data as Float32Array;
  making.into.tensors.set(
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

/** Inputs are measured while it runs: DynamicQuantizeLinear once for each value that products read. */
export function dynamicForm(graph: GraphProto, layers: readonly Layer[], options: FormOptions): Formed {
  const making = makingOf(graph, options);
  const { into } = making;
  for (const layer of layers) {
    if (layer.how === "weight" || !asProduct(making, layer)) storeAlone(making, layer);
  }
  return { graph: rewritten(graph, into, (_node, name) => name), weights: making.weights };
}

function asProduct(making: Making, layer: Layer): boolean {
  const { into, wiring } = making;
  const [x = ""] = layer.node.input!;
  const isTurned = layer.operator === "Gemm" && integerOf(layer.node, "transB", 0) === 1;
  if (isTurned && soleReader(wiring, layer.weight) === undefined) return false;
  if (layer.bias !== null && realOf(wiring, layer.bias)?.shape.length !== 1) return false;
  const weight = isTurned ? storeTurned(making, layer) : layer.weight;
  if (!isTurned) storeWeight(making, layer);
  const [integers, scale, zero, back] = [`${x}/quantized`, `${x}/scale`, `${x}/zero`, `${x}/dequantized`];
  into.after.set(x, [
    nodeOf("DynamicQuantizeLinear", [x], [integers, scale, zero]),
    dequantize([integers, scale, zero], back, null),
  ]);
  const product = layer.bias === null ? layer.output : `${layer.output}/product`;
  const own = nodeOf("MatMul", [back, weight], [product]);
  const nodes = [{ ...own, name: layer.node.name ?? layer.output }, ...lessNegated(making, layer, product)];
  into.instead.set(layer.node, layer.add === null ? nodes : nodes.slice(0, 1));
  if (layer.add !== null) into.instead.set(layer.add, nodes.slice(1));
  return true;
}

/** A Gemm's second matrix the other way round, as MatMul reads it. */
function storeTurned({ into, wiring, weights, options }: Making, layer: Layer): string {
  const value = transposed(realOf(wiring, layer.weight)!, [1, 0]);
  const bytes = bytesOf(value, options.perChannel ? 1 : null, options.reduceRange);
  weights.set(layer.weight, bytes);
  const name = `${layer.weight}/turned`;
  into.first.push(dequantize(storedBytes(into, layer.weight, value.shape, bytes), name, bytes.axis));
  return name;
}

export interface StaticOptions extends FormOptions {
  readonly activations: ActivationType;
  readonly rankOf: RankOf;
  /** Steps of a value that is to be integers; those of `activationsOf`. */
  stepsOf(name: string): Steps;
}

const DTYPES = { uint8: "U8", int8: "I8" } as const;

/** Operators that only move integers, so that they keep their steps. */
const MOVING = new Set(["MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Identity"]);
/** Operators that onnxruntime lets the step to integers do. */
const CLIPPING = new Set(["Relu", "Clip"]);

export interface Activations {
  /** Values that become integers, each with the one whose range decides its steps. */
  readonly sources: ReadonlyMap<string, string>;
  /** Of them what an integer operator gives: nobody reads it as real numbers. */
  readonly results: ReadonlySet<string>;
}

/** Inputs of integer layers; and of convolutions, whose form in integers needs it, what comes out. */
export function activationsOf(wiring: Wiring, layers: readonly Layer[]): Activations {
  const integers = layers.filter(({ how }) => how === "integers");
  const results = new Set<string>();
  for (const { operator, output } of integers) {
    if (operator !== "Conv" || wiring.outputs.has(output)) continue;
    const result = clippedOf(wiring, output);
    if (!wiring.outputs.has(result)) results.add(result);
  }
  const all = new Set([...integers.map(({ node }) => node.input![0]!), ...results]);
  const sourceOf = (name: string): string => {
    const maker = wiring.makers.get(name);
    const from = maker?.input?.[0] ?? "";
    return maker !== undefined && MOVING.has(maker.opType!) && all.has(from) ? sourceOf(from) : name;
  };
  return { sources: new Map([...all].map((name) => [name, sourceOf(name)])), results };
}

/** Inputs were measured beforehand: QuantizeLinear and DequantizeLinear around every integer operator. */
export function staticForm(graph: GraphProto, layers: readonly Layer[], options: StaticOptions): Formed {
  const making = makingOf(graph, options);
  const { into, wiring } = making;
  const { sources, results } = activationsOf(wiring, layers);
  const dtype = DTYPES[options.activations];
  for (const [name, source] of sources) throughIntegers(into, name, options.stepsOf(source), dtype);
  const takesIntegers = takersOf(wiring, layers, sources);
  /** Whether all that is read of what a layer gives are its integers, or none of them. */
  const isPure = (layer: Layer): boolean => {
    const result = clippedOf(wiring, layer.output);
    if (!sources.has(result)) return result === layer.output;
    return !wiring.outputs.has(result) && wiring.readers.get(result)!.every((node) => takesIntegers(node, result));
  };
  for (const layer of layers) {
    if (layer.how === "weight") storeAlone(making, layer);
    else {
      const { scale } = options.stepsOf(sources.get(layer.node.input![0]!)!);
      const isWhole = layer.operator !== "MatMul" || (options.rankOf(layer.output) === 2 && isPure(layer));
      asIntegers(making, layer, scale, isWhole);
    }
  }
  const reads = (node: NodeProto, name: string): string =>
    sources.has(name) && (results.has(name) || takesIntegers(node, name)) ? `${name}/dequantized` : name;
  return { graph: rewritten(graph, into, reads), weights: making.weights };
}

/** What comes out after an operator that the step to integers does, if one follows. */
function clippedOf(wiring: Wiring, name: string): string {
  const next = soleReader(wiring, name);
  return next !== undefined && CLIPPING.has(next.opType!) ? next.output![0]! : name;
}

/** Which nodes read a value's integers: layers, what only moves them, and sums of two that become integers again. */
function takersOf(wiring: Wiring, layers: readonly Layer[], sources: Activations["sources"]) {
  const nodes = new Set(layers.flatMap(({ how, node }) => (how === "integers" ? [node] : [])));
  return (node: NodeProto, name: string): boolean => {
    const [result = ""] = node.output ?? [];
    if (nodes.has(node)) return name === node.input![0];
    if (MOVING.has(node.opType!)) return sources.has(result) && name === node.input![0];
    const isSum = node.opType === "Add" && node.input!.every((each) => sources.has(each));
    return isSum && sources.has(clippedOf(wiring, result));
  };
}

/** Largest integer that a bias may be, with room for rounding. */
const LARGEST_BIAS = 2 ** 31 - 128;

/** @param isWhole whether product and bias may be one operator: onnxruntime's has integers alone for a result, or none */
function asIntegers(making: Making, layer: Layer, inputScale: number, isWhole: boolean): void {
  const { into, wiring } = making;
  const bias = layer.bias === null ? undefined : realOf(wiring, layer.bias);
  const isOwn = layer.operator !== "MatMul" || soleReader(wiring, layer.bias ?? "") !== undefined;
  if (bias?.shape.length !== 1 || !isWhole || !isOwn) {
    storeWeight(making, layer);
    if (layer.add !== null) into.instead.set(layer.add, lessNegated(making, layer, layer.node.output![0]!));
    return;
  }
  const values = bias.data as Float32Array;
  const { scales } = storeWeight(making, layer, (channel) =>
    making.options.perChannel ? Math.abs(values[channel]!) / inputScale / LARGEST_BIAS : 0,
  );
  const own = Float32Array.from(values, (_, channel) => inputScale * scales[scales.length === 1 ? 0 : channel]!);
  const name = `${layer.bias}/integers`;
  const [integers, scale] = [`${layer.bias}/int32`, `${layer.bias}/scale`];
  const limited = (value: number): number => Math.max(-LARGEST_BIAS, Math.min(LARGEST_BIAS, Math.round(value)));
  into.tensors.set(
    integers,
    tensorOf(
      integers,
      "I32",
      [values.length],
      values.map((value, i) => limited(value / own[i]!)),
    ),
  );
  const isOne = scales.length === 1;
  into.tensors.set(scale, tensorOf(scale, "F32", isOne ? [] : [own.length], isOne ? own.subarray(0, 1) : own));
  into.first.push(dequantize([integers, scale], name, isOne ? null : 0));
  const [x = "", w = ""] = layer.node.input!;
  if (layer.operator !== "MatMul") {
    into.instead.set(layer.node, [{ ...layer.node, input: [x, w, name] }]);
    return;
  }
  const whole = nodeOf("Gemm", [x, w, name], [layer.output]);
  into.instead.set(layer.node, [{ ...whole, name: layer.node.name ?? layer.output }]);
  into.instead.set(layer.add!, []);
}
