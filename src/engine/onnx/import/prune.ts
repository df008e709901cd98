/** @file A graph cut down to what some of its values need: nodes, initialisers, and what is known of them. */
import { Fault } from "../../fault.ts";
import type { GraphProto, NodeProto } from "../schema.ts";

/**
 * @param outputs names of values, which become the graph's outputs
 * @throws Fault NOT_FOUND for a name that the graph does not compute
 */
export function pruned(graph: GraphProto, outputs: readonly string[]): GraphProto {
  const makers = new Map<string, NodeProto>();
  for (const node of graph.node ?? []) for (const name of node.output ?? []) makers.set(name, node);
  const inputs = new Set((graph.input ?? []).map(({ name }) => name));
  for (const name of outputs) {
    if (makers.has(name) || inputs.has(name)) continue;
    throw new Fault("NOT_FOUND", `the graph computes no \`${name}\``, {
      violations: [{ path: "backbone.output", message: "no such value", expected: "a node's output", got: name }],
      hint: "the report of `models.import` lists layers and the values that they give",
    });
  }
  const values = new Set(outputs);
  const kept = new Set<NodeProto>();
  for (const name of values) {
    const node = makers.get(name);
    if (node === undefined || kept.has(node)) continue;
    kept.add(node);
    for (const read of readBy(node)) values.add(read);
  }
  const known = new Map((graph.output ?? []).concat(graph.valueInfo ?? []).map((info) => [info.name, info]));
  return {
    ...graph,
    node: (graph.node ?? []).filter((node) => kept.has(node)),
    initializer: (graph.initializer ?? []).filter(({ name = "" }) => values.has(name)),
    input: (graph.input ?? []).filter(({ name = "" }) => values.has(name)),
    valueInfo: (graph.valueInfo ?? []).filter(({ name = "" }) => values.has(name) && !outputs.includes(name)),
    output: outputs.map((name) => known.get(name) ?? { name }),
  };
}

/** Its own inputs, and what its bodies take from the graph around them. */
export function readBy({ input = [], attribute = [] }: NodeProto): string[] {
  const bodies = attribute.flatMap(({ g, graphs = [] }) => (g === undefined ? graphs : [g, ...graphs]));
  return [
    ...input,
    ...bodies.flatMap((body) => [
      ...(body.node ?? []).flatMap(readBy),
      ...(body.output ?? []).map(({ name = "" }) => name),
    ]),
  ];
}
