/** @file Runs whose result is only of use when it is whole. */
import { Fault, type Program } from "../../engine/index.ts";

/** @throws CANCELLED when the executor was interrupted: the outputs are then not this run's. */
export function runWhole(program: Program): void {
  if (!program.run()) throw new Fault("CANCELLED", "interrupted before it was done", { retryable: true });
}
