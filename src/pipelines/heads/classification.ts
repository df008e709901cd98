/** @file The head that gives each row one class. */
import { z } from "zod";
import { dense } from "../layers/dense.ts";
import { INITIALISERS } from "../layers/initialisers.ts";
import { defineHead } from "../registry/define.ts";

export const classification = defineHead({
  type: "classification",
  description: "One class a row: a linear layer to logits, softmax to probabilities",
  options: z.object({
    classes: z
      .array(z.union([z.string(), z.number()]).transform(String))
      .min(2)
      .optional()
      .describe("Names of the classes, in order; left out, those of the data. Data with others is then refused"),
  }),
  target: "classes",
  build: (scope, features, _options, { outputs }) =>
    dense(scope, features, { units: outputs, init: INITIALISERS.xavierUniform }),
  results: (raw) => ({ label: raw.argMax(-1), probabilities: raw.softmax(-1) }),
  running: (raw, target) => ({ accuracy: raw.argMax(-1).equal(target).cast("F32") }),
});
