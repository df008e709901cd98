/** @file Layers in integers whose inputs are measured while the file runs. */
import type { GraphProto } from "../schema.ts";
import type { Layer } from "./layers.ts";
import { dequantize, rewritten } from "./rewrite.ts";
import {
  type Draft,
  draftOf,
  type FormOptions,
  lessNegated,
  type QuantizedGraph,
  storeAlone,
  storeTurned,
  storeWeight,
} from "./weights.ts";
import { integerOf, nodeOf, realOf, soleReader } from "./wiring.ts";

/** Inputs are measured while it runs: DynamicQuantizeLinear once for each value that products read. */
export function dynamicForm(graph: GraphProto, layers: readonly Layer[], options: FormOptions): QuantizedGraph {
  const draft = draftOf(graph, options);
  const { into } = draft;
  for (const layer of layers) {
    if (layer.how === "weight" || !asProduct(draft, layer)) storeAlone(draft, layer);
  }
  return { graph: rewritten(graph, into, (_node, name) => name), weights: draft.weights };
}

function asProduct(draft: Draft, layer: Layer): boolean {
  const { into, wiring } = draft;
  const [x = ""] = layer.node.input!;
  const isTurned = layer.operator === "Gemm" && integerOf(layer.node, "transB", 0) === 1;
  if (isTurned && soleReader(wiring, layer.weight) === undefined) return false;
  if (layer.bias !== null && realOf(wiring, layer.bias)?.shape.length !== 1) return false;
  const weight = isTurned ? storeTurned(draft, layer) : layer.weight;
  if (!isTurned) storeWeight(draft, layer);
  const [integers, scale, zero, back] = [`${x}/quantized`, `${x}/scale`, `${x}/zero`, `${x}/dequantized`];
  into.after.set(x, [
    nodeOf("DynamicQuantizeLinear", [x], [integers, scale, zero]),
    dequantize([integers, scale, zero], back, null),
  ]);
  const product = layer.bias === null ? layer.output : `${layer.output}/product`;
  const own = nodeOf("MatMul", [back, weight], [product]);
  const nodes = [{ ...own, name: layer.node.name ?? layer.output }, ...lessNegated(draft, layer, product)];
  into.instead.set(layer.node, layer.add === null ? nodes : nodes.slice(0, 1));
  if (layer.add !== null) into.instead.set(layer.add, nodes.slice(1));
  return true;
}
