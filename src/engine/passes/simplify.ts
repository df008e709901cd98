/** @file Nodes that an op's own rule knows a simpler equal for (x · 1, a reshape of a reshape) are replaced by it. */
import type { Traced } from "../graph.ts";
import { opOf } from "../ops/index.ts";
import { type Change, rewriteFully } from "./rewrite.ts";

/** Never changes a result, not by a bit: `x + 0` stays, since −0 + 0 is +0. */
export const simplified: Change = (node, inputs) =>
  opOf(node)?.simplify?.({ inputs, output: node, attributes: node.attributes }) ?? null;

export function simplify(traced: Traced): Traced {
  return rewriteFully(traced, simplified);
}
