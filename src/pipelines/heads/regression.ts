/** @file The head that gives each row numbers: the numbers themselves, some of their quantiles, or a normal distribution of each. */
import { z } from "zod";
import type { Tensor } from "../../engine/index.ts";
import { dense } from "../layers/dense.ts";
import { INITIALISERS } from "../layers/initialisers.ts";
import { defineHead } from "../registry/define.ts";

/** The logarithm of a variance beyond which it says no more: e^±15 on the standardised scale. */
const MOST = 15;

/** One of the numbers that stand for each output along the last axis. @param raw [batch, outputs, numbers] */
const numberOf = (raw: Tensor, index: number): Tensor => {
  const [batch, outputs] = raw.shape as [number, number];
  return raw.slice([0, 0, index], [batch, outputs, index + 1]).reshape([batch, outputs]);
};

/** What the quantiles are called in a prediction, `q0.9`. */
export const quantileName = (level: number): string => `q${level}`;

export const regression = defineHead({
  type: "regression",
  description:
    "Numbers: a linear layer to one value for each target column, to several quantiles, or to mean and variance",
  options: z.object({
    quantiles: z
      .array(z.number().gt(0).lt(1))
      .min(1)
      .max(99)
      .optional()
      .describe("Levels to predict instead of the value, ascending, such as [0.1, 0.5, 0.9]; loss `quantile`"),
    distribution: z
      .enum(["none", "gaussian"])
      .default("none")
      .describe("`gaussian`: a mean and a variance for each value; loss `gaussianNll`"),
  }),
  target: "values",
  judged: ({ quantiles, distribution }) =>
    quantiles !== undefined ? "quantiles" : distribution === "gaussian" ? "gaussian" : "values",
  build(scope, features, { quantiles, distribution }, { outputs }) {
    const each = quantiles?.length ?? (distribution === "gaussian" ? 2 : 1);
    const raw = dense(scope, features, { units: outputs * each, init: INITIALISERS.xavierUniform });
    const isPlain = quantiles === undefined && distribution === "none";
    return isPlain ? raw : raw.reshape([features.shape[0]!, outputs, each]);
  },
  results(raw, { quantiles, distribution }, { units }) {
    if (quantiles !== undefined) {
      const levels = units.value(raw).sort(-1);
      const values = numberOf(levels, middleOf(quantiles));
      const named = quantiles.map((level, index) => [quantileName(level), numberOf(levels, index)] as const);
      return { values, ...Object.fromEntries(named) };
    }
    if (distribution === "none") return { values: units.value(raw) };
    const deviation = units.spread(numberOf(raw, 1).clamp(-MOST, MOST).mul(0.5).exp());
    return { values: units.value(numberOf(raw, 0)), variance: deviation.square() };
  },
  running(raw, target, { quantiles, distribution }, { units }) {
    const isPlain = quantiles === undefined && distribution === "none";
    const learned = isPlain ? raw : numberOf(raw, quantiles === undefined ? 0 : middleOf(quantiles));
    const error = units.value(learned).sub(target);
    return { mse: error.square().mean(-1), mae: error.abs().mean(-1) };
  },
});

/** The level nearest to the median. */
export function middleOf(quantiles: readonly number[]): number {
  const distances = quantiles.map((level) => Math.abs(level - 0.5));
  return distances.indexOf(Math.min(...distances));
}
