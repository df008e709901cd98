/** @file Layers in integers whose inputs were measured beforehand, and what stays in integers between them. */
import type { GraphProto, NodeProto } from "../schema.ts";
import type { RankOf } from "./fold.ts";
import type { ActivationType, Steps } from "./integers.ts";
import type { Layer } from "./layers.ts";
import { dequantize, rewritten, throughIntegers } from "./rewrite.ts";
import {
  type Draft,
  draftOf,
  type FormOptions,
  lessNegated,
  type QuantizedGraph,
  storeAlone,
  storeWeight,
} from "./weights.ts";
import { nodeOf, realOf, soleReader, tensorOf, type Wiring } from "./wiring.ts";

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
export function staticForm(graph: GraphProto, layers: readonly Layer[], options: StaticOptions): QuantizedGraph {
  const draft = draftOf(graph, options);
  const { into, wiring } = draft;
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
    if (layer.how === "weight") storeAlone(draft, layer);
    else {
      const { scale } = options.stepsOf(sources.get(layer.node.input![0]!)!);
      const isWhole = layer.operator !== "MatMul" || (options.rankOf(layer.output) === 2 && isPure(layer));
      asIntegers(draft, layer, scale, isWhole);
    }
  }
  const reads = (node: NodeProto, name: string): string =>
    sources.has(name) && (results.has(name) || takesIntegers(node, name)) ? `${name}/dequantized` : name;
  return { graph: rewritten(graph, into, reads), weights: draft.weights };
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
function asIntegers(draft: Draft, layer: Layer, inputScale: number, isWhole: boolean): void {
  const { into, wiring } = draft;
  const bias = layer.bias === null ? undefined : realOf(wiring, layer.bias);
  const isOwn = layer.operator !== "MatMul" || soleReader(wiring, layer.bias ?? "") !== undefined;
  if (bias?.shape.length !== 1 || !isWhole || !isOwn) {
    storeWeight(draft, layer);
    if (layer.add !== null) into.instead.set(layer.add, lessNegated(draft, layer, layer.node.output![0]!));
    return;
  }
  const values = bias.data as Float32Array;
  const { scales } = storeWeight(draft, layer, (channel) =>
    draft.options.perChannel ? Math.abs(values[channel]!) / inputScale / LARGEST_BIAS : 0,
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
