/** @file Composite ops become the simpler ops that they stand for, until only what the executor knows is left. */
import type { Node, Traced } from "../graph.ts";
import { opOf } from "../ops/index.ts";
import { reachable, rewrite } from "./rewrite.ts";

/** @param isKept whether an op that could be taken apart is left whole, by its name */
export function decompose(traced: Traced, isKept: (op: string) => boolean): Traced {
  const rule = (node: Node) => (isKept(node.op) ? undefined : opOf(node)?.decompose);
  let program = traced;
  while (reachable(program).some((node) => rule(node) !== undefined)) {
    program = rewrite(
      program,
      (node, inputs) => rule(node)?.({ inputs, output: node, attributes: node.attributes }) ?? null,
    );
  }
  return program;
}
