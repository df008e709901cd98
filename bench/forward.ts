/** @file The networks of which the bench measures a forward pass alone, by the case's name. */
import { encodeOnnx, exportGraph } from "../src/engine/index.ts";
import { dense } from "../src/pipelines/layers/dense.ts";
import { NETWORK_NAMES, NETWORKS, type Network } from "../src/pipelines/networks.ts";
import { FROM_SEED, traceForward } from "../src/pipelines/runNetwork.ts";

const POLICY: Network = {
  x: [1, 4],
  classes: 2,
  repeats: 20_000,
  logits: (scope, x) =>
    [64, 64, 2].reduce((y, units, index) => {
      const sum = dense(scope.child(`layers.${index}`), y, { units });
      return index < 2 ? sum.tanh() : sum;
    }, x),
};

export const FORWARD: Readonly<Record<string, Network>> = {
  policy: POLICY,
  ...Object.fromEntries(NETWORK_NAMES.map((name) => [`${name}-forward`, NETWORKS[name]])),
};

/** A network as our exporter writes it, with weights from the seed. */
export function fileOf(network: Network): Uint8Array {
  const declared = new Map(traceForward(network).declared.map((each) => [each.path, each]));
  const model = exportGraph({
    name: "bench",
    trace: (batch) => traceForward(network, batch).traced,
    weights(path) {
      const declaration = declared.get(path)!;
      return { ...declaration.type, data: Float32Array.from(FROM_SEED.weights(declaration)) };
    },
  });
  return encodeOnnx(model);
}
