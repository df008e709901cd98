/** @file Bodies of loops: graphs of their own, traced apart from the program, and put to use in other graphs. */
import { Fault } from "../fault.ts";
import { type Body, createGraph, type Node } from "../graph.ts";
import type { TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/**
 * The node's inputs are the first carries, the sequences [length, ...], and what is given to every step; the body's are the
 * same with one element of each sequence. The body's outputs are the next carries, and what is stacked. The node's results
 * are the last carries, and the stacks [length, ...].
 */
export type ScanAttributes = {
  body: Body;
  carries: number;
  sequences: number;
  length: number;
  /** From the last element to the first; stacks keep the order of the sequences. */
  reverse: boolean;
};

/** Inputs of a scan, or of its body, by what they are for. */
export function sorted<T>(
  inputs: readonly T[],
  { carries, sequences }: ScanAttributes,
): { carry: T[]; over: T[]; given: T[] } {
  const end = carries + sequences;
  return { carry: inputs.slice(0, carries), over: inputs.slice(carries, end), given: inputs.slice(end) };
}

/** The body's nodes again, on the graph and on the values of `inputs`: each by the body's own. */
export function instantiate(body: Body, inputs: readonly Tensor[]): ReadonlyMap<Node, Tensor> {
  const { graph } = inputs[0]!;
  const moved = new Map<Node, Tensor>(body.inputs.map((input, i) => [input, inputs[i]!]));
  const move = (node: Node): Tensor => {
    const known = moved.get(node);
    if (known !== undefined) return known;
    const operands = node.inputs.map((input) => move(input).node);
    const tensor = inputs[0]!.handle(graph.add(node.op, operands, node.attributes, node));
    moved.set(node, tensor);
    return tensor;
  };
  body.outputs.forEach(move);
  return moved;
}

/** What a body's outputs became. */
export function resultsOf(moved: ReadonlyMap<Node, Tensor>, body: Body): Tensor[] {
  return body.outputs.map((output) => moved.get(output)!);
}

/** A body traced by `build` from inputs of the given types, all on a graph of its own. */
export function traceBody(
  like: Tensor,
  types: readonly TensorType[],
  build: (inputs: Tensor[]) => readonly Tensor[],
): Body {
  const graph = createGraph();
  const inputs = types.map((type, i) => like.leafOfBody(graph, `${i}`, type));
  const outputs = build([...inputs]);
  if (outputs.some((output) => output.graph !== graph)) {
    throw new Fault("INVALID_STATE", "a step gives a tensor that it was not given", {
      hint: "pass to the scan, as `given`, what its steps use from outside",
    });
  }
  return { inputs: inputs.map(({ node }) => node), outputs: outputs.map(({ node }) => node) };
}
