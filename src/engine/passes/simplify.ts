/** @file Nodes that an op's own rule knows a simpler equal for (x · 1, a reshape of a reshape) are replaced by it. */
import type { Node, Traced } from "../graph.ts";
import { opOf } from "../ops/index.ts";
import type { Few } from "../ops/op.ts";
import type { Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

/** Never changes a result, not by a bit: `x + 0` stays, since −0 + 0 is +0. */
export function simplify(traced: Traced): Traced {
  return rewrite(traced, (node, inputs) => {
    let simplest = simpler(node, inputs);
    for (let next = simplest; next !== null; next = simpler(next.node, next.inputs)) simplest = next;
    return simplest;
  });
}

function simpler(node: Node, inputs: readonly Tensor[]): Tensor | null {
  const { attributes } = node;
  return opOf(node)?.simplify?.({ inputs: inputs as Few<Tensor>, output: node, attributes }) ?? null;
}
