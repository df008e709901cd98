/** @file Rows of token numbers, looked through before a network sees them: one outside the vocabulary would count as nothing. */
import { Fault } from "../../engine/index.ts";
import type { FittedRecord } from "./network.ts";

/**
 * @param raw rows × signature.raw
 * @param path what the rows are called where they came from: `data`, `inputs`
 * @throws DATA_INVALID with the row and the token of a backbone that takes tokens, where one is no whole number below its vocabulary
 */
export function refuseForeignTokens(
  { spec, preprocessing }: Pick<FittedRecord, "spec" | "preprocessing">,
  raw: ArrayLike<number>,
  path: string,
): void {
  const { padding } = spec.backbone as { padding?: number };
  const vocabulary = vocabularyOf({ spec });
  if (vocabulary === undefined) return;
  const { rawWidth, columns } = preprocessing;
  const isToken = (value: number): boolean =>
    (Number.isInteger(value) && value >= 0 && value < vocabulary) || value === padding;
  for (const { offset, width } of columns.filter(({ kind }) => kind === "tensor")) {
    for (let start = offset; start < raw.length; start += rawWidth) {
      for (let place = start; place < start + width; place++) {
        if (!isToken(raw[place]!)) throw foreign(`${path}[${Math.floor(place / rawWidth)}]`, raw[place]!, vocabulary);
      }
    }
  }
}

/** Tokens in a row are below this; undefined where a row holds none. */
export function vocabularyOf({ spec }: Pick<FittedRecord, "spec">): number | undefined {
  return (spec.backbone as { vocabulary?: number }).vocabulary;
}

function foreign(path: string, value: number, vocabulary: number): Fault {
  return new Fault("DATA_INVALID", `\`${path}\`: ${value} is no token of the model's`, {
    violations: [
      {
        path,
        message: "no token",
        expected: `a whole number from 0 to ${vocabulary - 1}, since backbone.vocabulary is ${vocabulary}`,
        got: String(value),
      },
    ],
    hint: "make `backbone.vocabulary` larger than the largest token, or number the tokens anew",
  });
}
