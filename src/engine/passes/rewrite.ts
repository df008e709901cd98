/** @file One walk from the leaves to the roots into a fresh graph, in which each node may become something else. */
import { createGraph, type Node, type Traced } from "../graph.ts";
import type { Few } from "../ops/op.ts";
import { Tensor } from "../tensor.ts";

/** Says what a node becomes, given its inputs in the new graph; null: the same op on them. */
export type Change = (node: Node, inputs: Few<Tensor>) => Tensor | null;

/** Makes every change that one of `changes` makes, again and again until none does. */
export function inTurn(...changes: readonly Change[]): Change {
  const next = (node: Node, inputs: Few<Tensor>): Tensor | null => {
    for (const change of changes) {
      const result = change(node, inputs);
      if (result !== null) return result;
    }
    return null;
  };
  return (node, inputs) => {
    let last: Tensor | null = null;
    for (let result = next(node, inputs); result !== null; ) {
      last = result;
      result = next(result.node, result.inputs as readonly Tensor[] as Few<Tensor>);
    }
    return last;
  };
}

/** The nodes that outputs and updates depend on, inputs before users. */
export function reachable({ outputs, updates }: Pick<Traced, "outputs" | "updates">): Node[] {
  return upstream([...Object.values(outputs), ...Object.values(updates)]);
}

/** The nodes that `roots` depend on, and they themselves, inputs before users. */
export function upstream(roots: readonly Node[]): Node[] {
  const reached = new Set(roots);
  for (const node of reached) for (const input of node.inputs) reached.add(input);
  return [...reached].sort((a, b) => a.id - b.id);
}

/** The same program with every node changed that `change` changes. What nothing depends on is left behind. */
export function rewrite(traced: Traced, change: Change): Traced {
  const graph = createGraph();
  const moved = new Map<Node, Node>();
  const copy = (node: Node) =>
    graph.add(
      node.op,
      node.inputs.map((input) => moved.get(input)!),
      node.attributes,
      node,
    );
  const leaves = [...Object.values(traced.inputs), ...Object.values(traced.states)];
  for (const leaf of leaves.sort((a, b) => a.id - b.id)) moved.set(leaf, copy(leaf));

  for (const node of reachable(traced)) {
    if (moved.has(node)) continue;
    const inputs = node.inputs.map((input) => new Tensor(graph, moved.get(input)!));
    moved.set(node, change(node, inputs as readonly Tensor[] as Few<Tensor>)?.node ?? copy(node));
  }
  const follow = (nodes: Readonly<Record<string, Node>>) =>
    Object.fromEntries(Object.entries(nodes).map(([name, node]) => [name, moved.get(node)!]));
  return {
    graph,
    inputs: follow(traced.inputs),
    states: follow(traced.states),
    outputs: follow(traced.outputs),
    updates: follow(traced.updates),
  };
}
