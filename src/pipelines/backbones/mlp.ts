/** @file The multilayer perceptron. */
import { z } from "zod";
import { sizeOf, type Tensor } from "../../engine/index.ts";
import { ACTIVATION_NAMES, ACTIVATIONS, activate } from "../layers/activations.ts";
import { batchNorm } from "../layers/batchNorm.ts";
import { dense } from "../layers/dense.ts";
import { dropout } from "../layers/dropout.ts";
import { INITIALISER_NAMES, INITIALISERS } from "../layers/initialisers.ts";
import { layerNorm } from "../layers/norm.ts";
import type { Scope } from "../layers/scope.ts";
import { defineBackbone } from "../registry/define.ts";

const NORMS = {
  none: (_scope: Scope, x: Tensor) => x,
  batch: (scope: Scope, x: Tensor) => batchNorm(scope, x),
  layer: (scope: Scope, x: Tensor) => layerNorm(scope, x),
} as const;

export const mlpOptions = {
  hidden: z
    .array(z.int().min(1).max(65_536))
    .max(256)
    .default([64, 64])
    .describe("Units of each hidden layer; empty makes a linear model"),
  activation: z.enum(ACTIVATION_NAMES).default("relu").describe("Applied after each hidden layer"),
  dropout: z.number().min(0).lt(1).default(0).describe("Share of each hidden layer's outputs dropped while training"),
  norm: z.enum(["none", "batch", "layer"]).default("none").describe("Normalisation between a layer and its activation"),
  residual: z
    .boolean()
    .default(false)
    .describe("Whether each layer's input is added to its output, through a linear map where the widths differ"),
  init: z.enum(INITIALISER_NAMES).optional().describe("Initial weights; left out, those that suit the activation"),
};

/** Every layer is dense, norm, activation, dropout; with `residual`, plus the layer's input. */
export const mlp = defineBackbone({
  type: "mlp",
  description: "Multilayer perceptron: dense layers, each with optional normalisation, an activation and dropout",
  options: z.object(mlpOptions),
  build(scope, x, { hidden, activation: name, dropout: rate, norm, residual, init: initName }) {
    const init = INITIALISERS[initName ?? ACTIVATIONS[name].initialiser];
    const flat = x.shape.length === 2 ? x : x.reshape([x.shape[0]!, sizeOf(x.shape.slice(1))]);
    return hidden.reduce((input, units, index) => {
      const layer = scope.child(`layers.${index}`);
      const linear = dense(layer, input, { units, init });
      const output = dropout(layer, activate(layer, NORMS[norm](layer.child("norm"), linear), name), { rate });
      if (!residual) return output;
      const width = input.shape.at(-1)!;
      return output.add(width === units ? input : dense(layer.child("shortcut"), input, { units, init, bias: false }));
    }, flat);
  },
});
