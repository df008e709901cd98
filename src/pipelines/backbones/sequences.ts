/** @file The options that all backbones for sequences share. */
import { z } from "zod";

export const sequenceOptions = {
  vocabulary: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("Rows are token numbers below this, [time]; left out, rows are vectors, [time, features]"),
  padding: z
    .int()
    .min(0)
    .optional()
    .describe("The token that fills rows up: what follows the last other one does not count"),
  width: z.int().min(1).max(65_536).default(64).describe("Of each token's vector"),
};

/** Token numbers must not be standardised. */
export function tokensAsTheyAre({ vocabulary }: { readonly vocabulary?: number | undefined }): "none" | undefined {
  return vocabulary === undefined ? undefined : "none";
}
