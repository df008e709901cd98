/** @file How a node's value is had without computing: through reshapes it is another's, through a broadcast a pattern of it. */
import type { Node } from "../../graph.ts";
import { type Shape, sizeOf } from "../../shape.ts";

/** Whether a node holds its input's elements, all of them, in the same order. */
function isSame(node: Node): boolean {
  return (
    node.op === "reshape" ||
    node.op === "again" ||
    (node.op === "broadcast" && sizeOf(node.shape) === sizeOf(node.inputs[0]!.shape))
  );
}

/** The node whose memory holds this one's elements, in the same order. */
export function source(node: Node): Node {
  let at = node;
  while (isSame(at)) at = at.inputs[0]!;
  return at;
}

/** Element i is the base's element ⌊i / inner⌋ mod middle. */
export interface Pattern {
  readonly inner: number;
  readonly middle: number;
}

/** A stretch of axes that are all repeated, or all walked. */
interface Run {
  size: number;
  readonly isRepeated: boolean;
}

function runsOf(from: Shape, to: Shape): Run[] {
  const runs: Run[] = [];
  to.forEach((size, axis) => {
    if (size === 1) return;
    const isRepeated = (from[axis - (to.length - from.length)] ?? 1) === 1;
    const last = runs.at(-1);
    if (last?.isRepeated === isRepeated) last.size *= size;
    else runs.push({ size, isRepeated });
  });
  return runs;
}

/** Of a scalar: one element for all. */
export const SCALAR: Pattern = { inner: 2 ** 31 - 1, middle: 1 };

/** The pattern by which `from` broadcasts to `to`; undefined where it takes more than one repeat around one walk. */
export function patternOf(from: Shape, to: Shape): Pattern | undefined {
  if (sizeOf(from) === 1) return SCALAR;
  const runs = runsOf(from, to);
  if (runs[0]?.isRepeated) runs.shift();
  const [walked, repeated, ...more] = runs;
  if (walked === undefined || more.length > 0) return undefined;
  return { inner: repeated?.size ?? 1, middle: walked.size };
}

/** What a pointwise chain reads for a broadcast: the node that holds the elements, and the pattern over them. */
export interface BroadcastAccess {
  readonly base: Node;
  readonly pattern: Pattern;
}

/** Of a `broadcast` node; undefined where its pattern is too rich and it must be copied out. */
export function broadcastAccess(node: Node): BroadcastAccess | undefined {
  const [input] = node.inputs;
  const base = source(input!);
  const pattern = patternOf(input!.shape, node.shape);
  // A scalar's broadcast of a scalar's broadcast is still that scalar.
  if (base.op === "broadcast" && pattern === SCALAR) return broadcastAccess(base);
  return pattern && { base, pattern };
}
