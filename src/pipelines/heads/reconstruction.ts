/** @file The head of an autoencoder: from features through a bottleneck back to the inputs (Hinton and Salakhutdinov 2006). */
import { z } from "zod";
import { ACTIVATION_NAMES, ACTIVATIONS, activate } from "../layers/activations.ts";
import { dense } from "../layers/dense.ts";
import { INITIALISERS } from "../layers/initialisers.ts";
import { defineHead } from "../registry/define.ts";

const units = z.int().min(1).max(65_536);

export const reconstruction = defineHead({
  type: "reconstruction",
  description: "The inputs again, from a few numbers: a bottleneck, then dense layers back to the inputs' width",
  options: z.object({
    latent: units.default(16).describe("Numbers of the bottleneck"),
    hidden: z.array(units).max(64).default([64]).describe("Units of each dense layer between bottleneck and output"),
    activation: z.enum(ACTIVATION_NAMES).default("relu").describe("After each of these layers"),
    output: z
      .enum(["linear", "sigmoid"])
      .default("linear")
      .describe("`sigmoid`: for inputs from 0 to 1 (preprocessing `minMax`), judged by binary cross-entropy"),
  }),
  target: "inputs",
  judged: ({ output }) => (output === "sigmoid" ? "labels" : "values"),
  build(scope, features, { latent: width, hidden, activation }, { outputs }) {
    const flat = features.reshape([features.shape[0]!, -1]);
    const latent = dense(scope.child("latent"), flat, { units: width, init: INITIALISERS.xavierUniform });
    const init = INITIALISERS[ACTIVATIONS[activation].initialiser];
    const decoded = hidden.reduce((y, count, index) => {
      const layer = scope.child(`layers.${index}`);
      return activate(layer, dense(layer, y, { units: count, init }), activation);
    }, latent);
    return {
      output: dense(scope.child("output"), decoded, { units: outputs, init: INITIALISERS.xavierUniform }),
      latent,
    };
  },
  results(raw, { output }, { raw: { latent }, features }) {
    const reconstruction = output === "sigmoid" ? raw.sigmoid() : raw;
    const error = reconstruction.sub(features.reshape(raw.shape)).square().mean(-1);
    return { reconstruction: reconstruction.reshape(features.shape), latent: latent!, error };
  },
  running(raw, target, { output }) {
    const error = (output === "sigmoid" ? raw.sigmoid() : raw).sub(target);
    return { mse: error.square().mean(-1), mae: error.abs().mean(-1) };
  },
});
