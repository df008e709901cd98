/** @file One walk from the leaves to the roots into a fresh graph, in which each node may become something else. */
import { createGraph, type Graph, type Node, type Traced } from "../graph.ts";
import type { Few } from "../ops/op.ts";
import { Tensor } from "../tensor.ts";

/** Says what a node becomes, given its inputs in the new graph; null: the same op on them. */
export type Change = (node: Node, inputs: Few<Tensor>) => Tensor | null;

/** The first change that one of `changes` makes. */
export function either(...changes: readonly Change[]): Change {
  return (node, inputs) => {
    for (const change of changes) {
      const result = change(node, inputs);
      if (result !== null) return result;
    }
    return null;
  };
}

/** The nodes that outputs and updates depend on, inputs before users. */
export function reachable({ outputs, updates }: Pick<Traced, "outputs" | "updates">): Node[] {
  return upstream([...Object.values(outputs), ...Object.values(updates)]);
}

/** The nodes that `roots`, all of one graph, depend on, and they themselves, inputs before users. */
export function upstream(roots: readonly Node[]): Node[] {
  const reached = new Array<Node | undefined>(roots.reduce((most, { id }) => Math.max(most, id + 1), 0));
  const waiting = [...roots];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (reached[node.id] !== undefined) continue;
    reached[node.id] = node;
    for (const input of node.inputs) if (reached[input.id] === undefined) waiting.push(input);
  }
  return reached.filter((node) => node !== undefined);
}

/** The same program with every node changed that `change` changes. What nothing depends on is left behind. */
export function rewrite(traced: Traced, change: Change): Traced {
  return walk(
    traced,
    (node, inputs, graph) => change(node, tensors(graph, inputs))?.node ?? copyOf(node, inputs, graph),
  );
}

/**
 * As `rewrite`, and what a change makes is changed in turn, down to its inputs, until nothing is left to change. What was
 * changed on the way stays in the new graph, unread.
 */
export function rewriteFully(traced: Traced, change: Change): Traced {
  /** Of nodes of the new graph: what they became. */
  const settled = new Map<Node, Node>();
  function settle(node: Node, graph: Graph): Node {
    const known = settled.get(node);
    if (known !== undefined || node.inputs.length === 0) return known ?? node;
    const inputs = node.inputs.map((input) => settle(input, graph));
    const copy = inputs.every((input, index) => input === node.inputs[index]) ? node : copyOf(node, inputs, graph);
    const changed = change(copy, tensors(graph, inputs));
    const result = changed === null || changed.node === copy ? copy : settle(changed.node, graph);
    for (const each of [node, copy, result]) settled.set(each, result);
    return result;
  }
  return walk(traced, (node, inputs, graph) => settle(copyOf(node, inputs, graph), graph));
}

function tensors(graph: Graph, nodes: readonly Node[]): Few<Tensor> {
  return nodes.map((node) => new Tensor(graph, node)) as readonly Tensor[] as Few<Tensor>;
}

function copyOf(node: Node, inputs: readonly Node[], graph: Graph): Node {
  return graph.add(node.op, inputs, node.attributes, node);
}

/** Carries a program over to a new graph, leaves first, each node by `carry`. */
function walk(traced: Traced, carry: (node: Node, inputs: readonly Node[], graph: Graph) => Node): Traced {
  const graph = createGraph();
  const moved = new Map<Node, Node>();
  const leaves = [...Object.values(traced.inputs), ...Object.values(traced.states)];
  for (const leaf of leaves.sort((a, b) => a.id - b.id)) moved.set(leaf, copyOf(leaf, [], graph));

  for (const node of reachable(traced)) {
    if (moved.has(node)) continue;
    const inputs = node.inputs.map((input) => moved.get(input)!);
    moved.set(node, carry(node, inputs, graph));
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
