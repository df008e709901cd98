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

const Level = z.number().gt(0).lt(1);

export const quantile = defineLoss({
  type: "quantile",
  description:
    "Pinball loss: the prediction becomes that quantile of the target (Koenker and Bassett 1978); of several the mean",
  options: z.object({
    quantile: Level.default(0.5).describe(
      "0.9: nine out of ten targets lie below the prediction; of a head with `quantiles` those count",
    ),
    quantiles: z.array(Level).optional().describe("The levels of the head, in its order; known from the head"),
  }),
  targets: ["values", "quantiles"],
  fit: ({ quantiles: _, ...options }, { head }) =>
    Array.isArray(head.quantiles) ? { ...options, quantiles: head.quantiles as number[] } : options,
  perRow(t, values, target, { quantile: level, quantiles = [level] }) {
    const [batch, outputs] = target.shape as [number, number];
    const levels = t.constant({ dtype: "F64", shape: [quantiles.length], data: Float64Array.from(quantiles) });
    const error = target.reshape([batch, outputs, 1]).sub(values.reshape([batch, outputs, -1]));
    return error
      .mul(levels)
      .maximum(error.mul(levels.sub(1)))
      .mean([1, 2]);
  },
});

export const gaussianNll = defineLoss({
  type: "gaussianNll",
  description:
    "Negative log-likelihood of a normal distribution, from mean and log variance (Nix and Weigend 1994); constants left out",
  options: z.object({
    epsilon: z
      .number()
      .positive()
      .default(1e-6)
      .describe("The smallest variance that counts, on the scale that is learned"),
    full: z.boolean().default(false).describe("Whether the constant ½·log 2π is added"),
  }),
  targets: ["gaussian"],
  perRow(_t, raw, target, { epsilon, full }) {
    const [batch, outputs] = target.shape as [number, number];
    const part = (index: number) => raw.slice([0, 0, index], [batch, outputs, index + 1]).reshape([batch, outputs]);
    const variance = part(1).clamp(-15, 15).exp().maximum(epsilon);
    const row = variance.log().add(part(0).sub(target).square().div(variance)).mul(0.5).mean(-1);
    return full ? row.add(0.5 * Math.log(2 * Math.PI)) : row;
  },
});
