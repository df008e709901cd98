/** @file How much arithmetic a node is, from the ops' own estimates. */
import type { Body, Node } from "../graph.ts";
import { sizeOf } from "../shape.ts";
import { type OpName, opOf } from "./index.ts";

/** They move numbers, and compute none. */
const MOVES: ReadonlySet<string> = new Set([
  "reshape",
  "permute",
  "broadcast",
  "slice",
  "pad",
  "concat",
  "flip",
  "tile",
  "padWith",
  "part",
  "stopGradient",
  "gather",
  "takeAlong",
  "gatherND",
  "oneHot",
  "cast",
] satisfies OpName[]);

/**
 * Floating-point operations of a node as its op estimates them: a multiplication with its addition counts two, as in a
 * matrix product's 2 · rows · inner · columns; one for each element where the op does not say; a loop's body as often as it
 * runs. 0 for leaves and for what only moves numbers.
 */
export function flopsOf(node: Node): number {
  const op = opOf(node);
  if (op === undefined || MOVES.has(node.op)) return 0;
  if (node.op !== "scan") return op.cost?.(node) ?? sizeOf(node.shape);
  const { body, length } = node.attributes as { body: Body; length: number };
  const seen = new Set(body.outputs);
  for (const inner of seen) for (const input of inner.inputs) seen.add(input);
  return length * [...seen].reduce((sum, inner) => sum + flopsOf(inner), 0);
}
