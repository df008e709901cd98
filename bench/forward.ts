/** @file The networks of which the bench measures a forward pass alone, by the case's name. */
import { dense } from "../src/pipelines/layers/dense.ts";
import { NETWORK_NAMES, NETWORKS, type Network } from "../src/pipelines/networks.ts";

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
