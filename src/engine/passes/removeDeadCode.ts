/** @file Nodes that neither an output nor an update depends on are left behind; inputs and states stay declared. */
import type { Traced } from "../graph.ts";
import { rewrite } from "./rewrite.ts";

export function removeDeadCode(traced: Traced): Traced {
  return rewrite(traced, () => null);
}
