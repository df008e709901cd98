/**
 * @file What a worker does while it waits for its first call: it traces and compiles a training step that nobody asked for,
 * so that the engine's own code is compiled when a user's first step is (8 ms instead of 20 for a small network).
 */
import type { Executor } from "../engine/index.ts";
import { perceptron } from "../pipelines/networks.ts";
import { trainNetwork } from "../pipelines/runNetwork.ts";

/** A layer with ReLU and one without, as small as they can be. */
const SMALL = perceptron(2, 1, 2, 2, 2);

/** Takes about 20 ms, and leaves nothing behind. What fails here will fail where it can be told. */
export function rehearse(executor: () => Executor): void {
  try {
    const { program, state } = trainNetwork(SMALL, executor());
    program.release();
    state.release();
  } catch {
    // nobody asked
  }
}
