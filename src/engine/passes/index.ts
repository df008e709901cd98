/** @file What happens to a program between its trace and its plan, in order. Every pass is a graph in, a graph out. */
import type { Traced } from "../graph.ts";
import { decompose } from "./decompose.ts";
import { fold } from "./fold.ts";
import { removeDeadCode } from "./removeDeadCode.ts";
import { simplify } from "./simplify.ts";

/**
 * The same results by less work: composites that the executor doesn't know taken apart, constants computed, no-ops and
 * dead code gone. The new graph holds reachable nodes, unused inputs and states, and nothing else.
 * @param isKept whether the executor has a kernel for a composite op, by its name
 */
export function optimise(traced: Traced, isKept: (op: string) => boolean): Traced {
  return removeDeadCode(simplify(fold(simplify(decompose(traced, isKept)))));
}
