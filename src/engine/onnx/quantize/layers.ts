/** @file Which operators of a graph can have their numbers as integers, how, and why the others can't. */
import { sizeOf } from "../../shape.ts";
import type { NodeProto } from "../schema.ts";
import { biasAfter } from "./bias.ts";
import { innerNodes, integerOf, realAttribute, realShape, type Wiring } from "./wiring.ts";

export type Mode = "int8-dynamic" | "int8-static";

export interface Layer {
  /** The weight's dotted path without its last part. */
  readonly path: string;
  readonly node: NodeProto;
  readonly operator: string;
  /** `integers`: inputs and weight; `weight`: the weight alone, made real again where it is read. */
  readonly how: "integers" | "weight";
  /** The initialiser, and the axis of its channels. */
  readonly weight: string;
  readonly axis: number;
  readonly shape: readonly number[];
  /** The initialiser that is added, and the node that does it where the operator doesn't by itself. */
  readonly bias: string | null;
  readonly add: NodeProto | null;
  /** What the layer gives, bias included. */
  readonly output: string;
}

export interface KeptReal {
  readonly path: string;
  readonly operator: string;
  readonly reason: string;
}

export interface LayerChoice {
  readonly layers: readonly Layer[];
  readonly kept: readonly KeptReal[];
}

/** Of each operator that reads a weight: where it stands, its channels' axis, and in which modes it computes in integers. */
interface Kind {
  readonly input: number;
  axis(node: NodeProto, rank: number): number;
  /** Whether onnxruntime has a form in integers that runs faster; otherwise the weight alone becomes bytes. */
  integers(node: NodeProto, mode: Mode): boolean;
}

const never = (): boolean => false;

const KINDS: Readonly<Record<string, Kind>> = {
  MatMul: { input: 1, axis: (_node, rank) => rank - 1, integers: () => true },
  Gemm: {
    input: 1,
    axis: (node) => (integerOf(node, "transB", 0) === 1 ? 0 : 1),
    integers: (node) =>
      integerOf(node, "transA", 0) === 0 &&
      realAttribute(node, "alpha", 1) === 1 &&
      realAttribute(node, "beta", 1) === 1,
  },
  Conv: { input: 1, axis: () => 0, integers: (_node, mode) => mode === "int8-static" },
  ConvTranspose: { input: 1, axis: () => 1, integers: never },
  Gather: { input: 0, axis: (_node, rank) => rank - 1, integers: never },
  LSTM: { input: 1, axis: () => 1, integers: never },
  GRU: { input: 1, axis: () => 1, integers: never },
  RNN: { input: 1, axis: () => 1, integers: never },
};

/** Recurrent operators have a second matrix. */
const INPUTS_OF_WEIGHTS: Readonly<Record<string, readonly number[]>> = { LSTM: [1, 2], GRU: [1, 2], RNN: [1, 2] };

export interface LayerOptions {
  readonly mode: Mode;
  isExcluded(path: string): boolean;
}

export function layersOf(wiring: Wiring, options: LayerOptions): LayerChoice {
  const layers: Layer[] = [];
  const kept: KeptReal[] = [];
  for (const outer of wiring.nodes) {
    for (const node of [outer, ...innerNodes(outer)]) {
      const operator = node.opType ?? "";
      const kind = (node.domain ?? "") === "" && Object.hasOwn(KINDS, operator) ? KINDS[operator]! : undefined;
      if (kind === undefined) continue;
      for (const input of INPUTS_OF_WEIGHTS[operator] ?? [kind.input]) {
        const found = layerOf(wiring, options, { node, outer, kind, input });
        if (found === null) continue;
        if ("reason" in found) kept.push(found);
        else layers.push(found);
      }
    }
  }
  return { layers, kept: [...kept, ...othersOf(wiring, layers, kept)] };
}

interface Place {
  readonly node: NodeProto;
  /** The node itself, or the loop that it stands in. */
  readonly outer: NodeProto;
  readonly kind: Kind;
  /** Which of its inputs is the weight. */
  readonly input: number;
}

function layerOf(
  wiring: Wiring,
  { mode, isExcluded }: LayerOptions,
  { node, outer, kind, input }: Place,
): Layer | KeptReal | null {
  const weight = node.input?.[input] ?? "";
  const operator = node.opType!;
  const shape = realShape(wiring, weight);
  if (shape === null) return productOfValues(wiring, node, weight);
  if (shape.length < 2) return null;
  const path = pathOf(weight, node);
  if (isExcluded(path) || isExcluded(weight)) return { path, operator, reason: "excluded" };
  const axis = kind.axis(node, shape.length);
  const isStacked = operator === "MatMul" && shape.length > 2;
  const isWhole = node === outer && !isStacked && kind.integers(node, mode);
  if (!isWhole && !isWorthwhile(shape, axis))
    return { path, operator, reason: "its scales would take what the integers save" };
  const bias = isWhole ? biasOf(wiring, node) : { bias: null, add: null };
  const outputs = (bias.add ?? outer).output!;
  const output = outputs.find((name) => wiring.readers.has(name) || wiring.outputs.has(name)) ?? outputs[0]!;
  const how = isWhole ? "integers" : "weight";
  return { path, node, operator, how, weight, axis, shape, ...bias, output };
}

/** Bytes of a scale, a zero point, and of the nodes and names beside them. */
const OVERHEAD = 256;
const isWorthwhile = (shape: readonly number[], axis: number): boolean =>
  3 * sizeOf(shape) > 5 * shape[axis]! + OVERHEAD;

function biasOf(wiring: Wiring, node: NodeProto): Pick<Layer, "bias" | "add"> {
  if (node.opType === "MatMul") {
    const found = biasAfter(wiring, node);
    return found === null ? { bias: null, add: null } : { bias: found.bias, add: found.add };
  }
  const bias = node.input?.[2] ?? "";
  return { bias: bias === "" ? null : bias, add: null };
}

/** The dotted path of what a weight belongs to; a weight without one goes by its node. */
export function pathOf(weight: string, { name = "" }: NodeProto): string {
  const dot = weight.lastIndexOf(".");
  return dot > 0
    ? weight.slice(0, dot)
    : weight.startsWith("/") || weight.startsWith("onnx::")
      ? name || weight
      : weight;
}

/** Where no weight stands, two values meet: attention's products. */
function productOfValues(wiring: Wiring, node: NodeProto, operand: string): KeptReal | null {
  if (node.opType !== "MatMul" || wiring.initialisers.has(operand)) return null;
  return { path: node.name ?? "", operator: "MatMul", reason: "it multiplies two values, and holds no weights" };
}

/** Other initialisers of more than one axis, by the operator that reads them. */
function othersOf(wiring: Wiring, layers: readonly Layer[], kept: readonly KeptReal[]): KeptReal[] {
  const taken = new Set(layers.map(({ weight }) => weight));
  const known = new Set(kept.map(({ path }) => path));
  return [...wiring.initialisers.keys()].flatMap((name) => {
    const shape = realShape(wiring, name);
    const [reader] = wiring.readers.get(name) ?? [];
    if (shape === null || shape.length < 2 || taken.has(name) || reader === undefined) return [];
    const path = pathOf(name, reader);
    if (known.has(path) || sizeOf(shape) < OVERHEAD / 4) return [];
    return [{ path, operator: reader.opType ?? "", reason: `${reader.opType} computes with real numbers` }];
  });
}
