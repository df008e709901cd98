/** @file Composite ops become the simpler ops that they stand for, until only what the executor knows is left. */
import type { Node, Traced } from "../graph.ts";
import { opOf } from "../ops/index.ts";
import type { Tensor } from "../tensor.ts";
import { type Change, rewriteFully } from "./rewrite.ts";

/** Whether an op that could be taken apart is left whole, by its name. */
export type IsKept = (op: string, node: Node) => boolean;

export function decomposed(isKept: IsKept): Change {
  const isComposite = (node: Node) => opOf(node)?.decompose !== undefined && !isKept(node.op, node);
  // An op with several results stays until all its parts are replaced, and is then dead.
  const resultsOf = new Map<Node, readonly Tensor[]>();
  return (node, inputs) => {
    if (node.op === "part" && isComposite(node.inputs[0]!)) {
      return resultsOf.get(node.inputs[0]!)![node.attributes.index as number]!;
    }
    if (!isComposite(node)) return null;
    const results = opOf(node)!.decompose!({ inputs, output: node, attributes: node.attributes });
    if (node.parts === undefined) return results as Tensor;
    resultsOf.set(node, results as readonly Tensor[]);
    return null;
  };
}

export function decompose(traced: Traced, isKept: IsKept): Traced {
  return rewriteFully(traced, decomposed(isKept));
}
