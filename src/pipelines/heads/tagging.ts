/** @file The head that gives each element of a sequence one class. */
import { z } from "zod";
import { dense } from "../layers/dense.ts";
import { INITIALISERS } from "../layers/initialisers.ts";
import { withinLengths } from "../layers/lengths.ts";
import { defineHead } from "../registry/define.ts";
import { NOTHING } from "../targets/sequence.ts";
import { lengthsOfText, withTexts } from "./texts.ts";

export const tagging = defineHead({
  type: "tagging",
  description:
    "One class for each element of a sequence, such as the words of a text: a linear layer to logits at every place",
  options: z.object({
    classes: z
      .array(z.union([z.string(), z.number()]).transform(String))
      .min(2)
      .optional()
      .describe("Names of the classes, in order; left out, those of the data. Data with others is then refused"),
    padding: z
      .union([z.string(), z.number()])
      .optional()
      .describe(
        "The class that only fills rows up: it counts neither in the loss nor in the metrics; −1 and NaN never do",
      ),
  }),
  target: "sequence",
  text: "words",
  arrange: withTexts,
  needs: "each",
  build: (scope, features, _options, { outputs }) =>
    dense(scope, features, { units: outputs, init: INITIALISERS.xavierUniform }),
  results(raw, _options, { features, parts }) {
    const label = raw.argMax(-1);
    const lengths = lengthsOfText(features, parts);
    const counted = lengths && withinLengths(lengths, label.shape[1]!);
    return { label: counted === undefined ? label : counted.where(label, NOTHING), probabilities: raw.softmax(-1) };
  },
  running: (raw, target) => ({ accuracy: raw.argMax(-1).equal(target).cast("F32") }),
});
