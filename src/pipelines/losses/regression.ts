/** @file Losses on numbers: each row's is the mean over its outputs. */
import { z } from "zod";
import { defineLoss } from "../registry/define.ts";

export const meanSquaredError = defineLoss({
  type: "mse",
  description: "Mean squared error",
  options: z.object({}),
  targets: ["values"],
  perRow: (_t, values, target) => values.sub(target).square().mean(-1),
});

export const meanAbsoluteError = defineLoss({
  type: "mae",
  description: "Mean absolute error",
  options: z.object({}),
  targets: ["values"],
  perRow: (_t, values, target) => values.sub(target).abs().mean(-1),
});

export const huber = defineLoss({
  type: "huber",
  description: "Squared near the target, absolute far from it (Huber 1964)",
  options: z.object({
    delta: z
      .number()
      .positive()
      .default(1)
      .describe("The error from which on it grows linearly, on the scale that is learned"),
  }),
  targets: ["values"],
  perRow(_t, values, target, { delta }) {
    const error = values.sub(target).abs();
    return error
      .less(delta)
      .where(error.square().mul(0.5), error.sub(0.5 * delta).mul(delta))
      .mean(-1);
  },
});

export const quantile = defineLoss({
  type: "quantile",
  description: "Pinball loss: the prediction becomes that quantile of the target (Koenker and Bassett 1978)",
  options: z.object({
    quantile: z.number().gt(0).lt(1).default(0.5).describe("0.9: nine out of ten targets lie below the prediction"),
  }),
  targets: ["values"],
  perRow(_t, values, target, { quantile: level }) {
    const error = target.sub(values);
    return error
      .mul(level)
      .maximum(error.mul(level - 1))
      .mean(-1);
  },
});
