/** @file The head that answers several yes/no questions a row. */
import { z } from "zod";
import { dense } from "../layers/dense.ts";
import { INITIALISERS } from "../layers/initialisers.ts";
import { defineHead } from "../registry/define.ts";

export const multilabel = defineHead({
  type: "multilabel",
  description: "Any number of labels a row: a linear layer to logits, a sigmoid for each label",
  options: z.object({
    classes: z
      .array(z.union([z.string(), z.number()]).transform(String))
      .min(1)
      .optional()
      .describe("Names of the labels, in order; left out, those of the data. Data with others is then refused"),
    threshold: z.number().min(0).max(1).default(0.5).describe("A label is given from this probability on"),
  }),
  target: "labels",
  build: (scope, features, _options, { outputs }) =>
    dense(scope, features, { units: outputs, init: INITIALISERS.xavierUniform }),
  results: (raw) => ({ probabilities: raw.sigmoid() }),
  running: (raw, target, { threshold }) => {
    const said = raw.sigmoid().greaterEqual(threshold).cast("F32");
    return { accuracy: said.equal(target).cast("F32").min(-1) };
  },
});
