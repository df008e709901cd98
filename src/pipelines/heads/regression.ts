/** @file The head that gives each row numbers. */
import { z } from "zod";
import { dense } from "../layers/dense.ts";
import { INITIALISERS } from "../layers/initialisers.ts";
import { defineHead } from "../registry/define.ts";

export const regression = defineHead({
  type: "regression",
  description: "Numbers: a linear layer to one value for each target column",
  options: z.object({}),
  target: "values",
  build: (scope, features, _options, outputs) =>
    dense(scope, features, { units: outputs, init: INITIALISERS.xavierUniform }),
  results: (raw) => ({ values: raw }),
  running: (raw, target) => ({ mse: raw.sub(target).square().mean(-1), mae: raw.sub(target).abs().mean(-1) }),
});
