/** @file What happens to a program between its trace and its plan, in order. Every pass is a graph in, a graph out. */
import type { Traced } from "../graph.ts";
import { decomposed, type IsKept } from "./decompose.ts";
import { folded } from "./fold.ts";
import { mergeScans } from "./mergeScans.ts";
import { removeDeadCode } from "./removeDeadCode.ts";
import { either, rewriteFully } from "./rewrite.ts";
import { simplified } from "./simplify.ts";

/**
 * The same results by less work: scans of the same steps made one, composites that the executor doesn't know taken apart, some of
 * them into scans, constants computed, no-ops gone. What nothing depends on any more stays in the new graph.
 */
export function reduced(traced: Traced, isKept: IsKept): Traced {
  return mergeScans(rewriteFully(mergeScans(traced), either(decomposed(isKept), simplified, folded)));
}

/** The same in a graph that holds reachable nodes, unused inputs and states, and nothing else. */
export function optimise(traced: Traced, isKept: IsKept): Traced {
  return removeDeadCode(reduced(traced, isKept));
}
