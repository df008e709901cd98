/** @file Gradient checkpointing as it is written: a part of a network whose inner values are not kept. */
import type { Node } from "./graph.ts";
import type { Tensor } from "./tensor.ts";

/**
 * `build`'s result, of which the reverse pass keeps nothing but what `build` starts from: it computes all between once
 * more, for one more forward pass of this part in time (Chen et al. 2016, "Training deep nets with sublinear memory cost").
 * @param x a tensor of the same graph
 */
export function checkpoint(x: Tensor, build: (x: Tensor) => Tensor): Tensor {
  const start = x.graph.nodes.length;
  const end = build(x);
  const given = new Set<Node>();
  const seen = new Set([end.node]);
  for (const node of seen) {
    const isInside = node.id >= start && node.inputs.length > 0;
    if (!isInside && node.op !== "constant") given.add(node);
    if (isInside) for (const input of node.inputs) seen.add(input);
  }
  // A segment of nothing, or one whose insides are results of many, is left as it is.
  if (given.has(end.node) || [...given].some(({ parts }) => parts !== undefined)) return end;
  return end.checkpoint([...given].map((node) => x.handle(node)));
}
