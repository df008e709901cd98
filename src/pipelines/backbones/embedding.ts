/** @file Embeddings: a learned vector for each category of a table, or for each token of a row, then dense layers. */
import { z } from "zod";
import { concat, Fault, type Tensor } from "../../engine/index.ts";
import { dense } from "../layers/dense.ts";
import { normalOf } from "../layers/initialisers.ts";
import type { Scope } from "../layers/scope.ts";
import { SUMMARIES } from "../layers/sequence.ts";
import { defineBackbone, type FeaturePart } from "../registry/define.ts";
import { mlpOptions } from "./mlp.ts";
import { readSequence, sequenceOptions, tokensAsTheyAre } from "./sequences.ts";

/** Of fastai's tabular models, which found it by trying: 1.6 · n^0.56 numbers for n values, 600 at most. */
const usualWidth = (values: number): number => Math.min(600, Math.round(1.6 * values ** 0.56));

/**
 * Every category's vector beside the numbers (Guo and Berkhahn 2016). A category comes as one number for each of its values,
 * so that its vector is a product, and that of a value never seen is zero.
 */
function ofTable(scope: Scope, x: Tensor, parts: readonly FeaturePart[], width: number | undefined): Tensor {
  if (!parts.some(({ kind }) => kind === "category")) {
    throw new Fault("DATA_INVALID", `\`${scope.path}\`: there is no category to embed`, {
      violations: [
        {
          path: scope.path,
          message: "no category",
          expected: "a column of categories, or `vocabulary`",
          got: parts.map(({ name, kind }) => `${name}: ${kind}`).join(", "),
        },
      ],
      hint: "use backbone `mlp`, or name `oneHot` for a column in `preprocess.columns`",
    });
  }
  const seen = parts.map(({ name, kind, offset, width: values }) => {
    const part = x.slice([0, offset], [x.shape[0]!, offset + values]);
    if (kind !== "category") return part;
    const units = width ?? usualWidth(values);
    return dense(scope.child(`categories.${name}`), part, { units, bias: false, init: normalOf(1) });
  });
  return concat(seen, 1);
}

export const embedding = defineBackbone({
  type: "embedding",
  description:
    "Embeddings: a vector for each category of a table, beside the numbers, or the mean of a row's tokens; then an mlp",
  options: z.object({
    ...mlpOptions,
    ...sequenceOptions,
    width: sequenceOptions.width
      .unwrap()
      .optional()
      .describe("Of each vector; left out, 64 for tokens, and 1.6 · n^0.56 for a category of n values"),
  }),
  preprocess: tokensAsTheyAre,
  build(scope, x, { vocabulary, padding, lengths: column, width, ...layers }, { parts, backbone }) {
    const dense = backbone({ type: "mlp", ...layers }, scope.path);
    const isText = parts.length === 1 && parts[0]!.kind === "tokens";
    if (vocabulary === undefined && !isText) return dense(scope, ofTable(scope, x, parts, width), parts);
    const options = { vocabulary, padding, lengths: column, width: width ?? 64 };
    const { elements, lengths } = readSequence(scope, x, options, parts);
    return dense(scope, SUMMARIES.mean(elements, lengths), parts);
  },
});
