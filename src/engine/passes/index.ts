/** @file What happens to a program between its trace and its plan, in order. Every pass is a graph in, a graph out. */
import type { Node, Traced } from "../graph.ts";
import { decompose } from "./decompose.ts";
import { folded } from "./fold.ts";
import { mergeScans } from "./mergeScans.ts";
import { removeDeadCode } from "./removeDeadCode.ts";
import { inTurn, rewrite } from "./rewrite.ts";
import { simplified } from "./simplify.ts";

/**
 * The same results by less work: scans of the same steps made one, composites that the executor doesn't know taken apart,
 * constants computed, no-ops and dead code gone. The new graph holds reachable nodes, unused inputs and states, and nothing
 * else.
 * @param isKept whether the executor has a kernel for a composite op, by its name
 */
export function optimise(traced: Traced, isKept: (op: string, node: Node) => boolean): Traced {
  return removeDeadCode(rewrite(decompose(mergeScans(traced), isKept), inTurn(simplified, folded)));
}
