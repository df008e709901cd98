/** @file Traces and compiles a training step of each kind of network, and keeps the code that this took. */
import { createMachine } from "../../src/engine/index.ts";
import { NETWORKS } from "../../src/pipelines/networks.ts";
import { trainNetwork } from "../../src/pipelines/runNetwork.ts";
import { keepCode } from "./load.ts";

const machine = createMachine();
for (const name of ["mlp-small", "lenet", "resnet8", "lstm", "gpt"] as const) {
  const { program, state } = trainNetwork(NETWORKS[name], machine);
  program.release();
  state.release();
}
keepCode();
