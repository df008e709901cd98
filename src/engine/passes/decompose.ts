/** @file Composite ops become the simpler ops that they stand for, until only what the executor knows is left. */
import type { Node, Traced } from "../graph.ts";
import { opOf } from "../ops/index.ts";
import type { Few } from "../ops/op.ts";
import type { Tensor } from "../tensor.ts";
import { reachable, rewrite } from "./rewrite.ts";

/** @param isKept whether an op that could be taken apart is left whole, by its name */
export function decompose(traced: Traced, isKept: (op: string, node: Node) => boolean): Traced {
  const isComposite = (node: Node) => !isKept(node.op, node) && opOf(node)?.decompose !== undefined;
  let program = traced;
  while (reachable(program).some(isComposite)) program = decomposeOnce(program, isComposite);
  return program;
}

function decomposeOnce(traced: Traced, isComposite: (node: Node) => boolean): Traced {
  // An op with several results stays until all its parts are replaced, and is then dead.
  const resultsOf = new Map<Node, readonly Tensor[]>();
  return rewrite(traced, (node, inputs) => {
    if (node.op === "part" && isComposite(node.inputs[0]!)) {
      return resultsOf.get(node.inputs[0]!)![node.attributes.index as number]!;
    }
    if (!isComposite(node)) return null;
    const results = [simplerOf(node, inputs)].flat();
    resultsOf.set(node, results);
    return node.parts === undefined ? results[0]! : null;
  });
}

function simplerOf(node: Node, inputs: Few<Tensor>): Tensor | readonly Tensor[] {
  return opOf(node)!.decompose!({ inputs, output: node, attributes: node.attributes });
}
