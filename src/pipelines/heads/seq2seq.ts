/** @file The head that writes a sequence while it reads another: at each place, which element comes next, or the end. */
import { z } from "zod";
import { dense } from "../layers/dense.ts";
import { INITIALISERS } from "../layers/initialisers.ts";
import { defineHead } from "../registry/define.ts";
import { asTexts } from "./texts.ts";

export const seq2seq = defineHead({
  type: "seq2seq",
  description:
    "A sequence from another, element by element until an end: a linear layer to logits at each place. Texts, or rows of tokens",
  options: z.object({
    padding: z
      .union([z.string(), z.number()])
      .optional()
      .describe("The token that only fills targets up; −1 and NaN always do"),
  }),
  target: "sequence",
  text: "characters",
  needs: "translated",
  arrange: asTexts,
  build: (scope, features, _options, { outputs }) =>
    dense(scope, features, { units: outputs, init: INITIALISERS.xavierUniform }),
  results: (raw) => ({ label: raw.argMax(-1), probabilities: raw.softmax(-1) }),
  running: (raw, target) => ({ accuracy: raw.argMax(-1).equal(target).cast("F32") }),
});
