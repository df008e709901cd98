/** @file The head of a language model: at each place of a text, which character comes next. */
import { z } from "zod";
import type { Tensor } from "../../engine/index.ts";
import { type Column, type Dataset, sharedArray, widthOf } from "../data/dataset.ts";
import { textColumn } from "../data/text.ts";
import { dense } from "../layers/dense.ts";
import { normalOf, zeros } from "../layers/initialisers.ts";
import { SUMMARIES } from "../layers/sequence.ts";
import { charactersOf } from "../preprocess/tokens.ts";
import { defineHead, type FeaturePart } from "../registry/define.ts";
import { lengthsOfText, soleInput, textsOf, withColumns } from "./texts.ts";

const NEXT = "next";

/** Windows of a text, each beside itself moved on by one character. */
function windowsOf(text: string, context: number, stride: number): { seen: string[]; next: string[] } {
  const characters = charactersOf(text);
  const seen: string[] = [];
  const next: string[] = [];
  for (let start = 0; start < characters.length - 1; start += stride) {
    const end = Math.min(start + context, characters.length - 1);
    seen.push(characters.slice(start, end).join(""));
    next.push(characters.slice(start + 1, end + 1).join(""));
    if (end === characters.length - 1) break;
  }
  return { seen, next };
}

/** Rows of tokens, each beside itself moved on by one. */
function moved(column: Column): Column[] {
  const width = widthOf(column);
  const rows = column.values.length / width;
  const part = (name: string, from: number): Column => {
    const values = sharedArray("F32", rows * (width - 1));
    for (let row = 0; row < rows; row++) {
      for (let place = 0; place < width - 1; place++)
        values[row * (width - 1) + place] = column.values[row * width + from + place]!;
    }
    return { name, kind: "tensor", shape: [width - 1], values, missing: 0 };
  };
  return [part(column.name, 0), part(NEXT, 1)];
}

/** The last element that counts of each row. */
const lastOf = (elements: Tensor, features: Tensor, parts: readonly FeaturePart[]): Tensor =>
  SUMMARIES.last(elements, lengthsOfText(features, parts));

export const language = defineHead({
  type: "language",
  description: "The next character of a text, at each place: a linear layer to logits. Takes `text`, or rows of tokens",
  options: z.object({
    context: z
      .int()
      .min(1)
      .max(65_536)
      .default(64)
      .describe("Characters that the model sees at once: the length of the windows that a text is cut into"),
    stride: z
      .int()
      .min(1)
      .max(65_536)
      .optional()
      .describe("Characters from one window to the next; left out, `context`, so that none is seen twice in an epoch"),
  }),
  target: "sequence",
  text: "characters",
  needs: "past",
  arrange(dataset: Dataset, { context, stride = context }) {
    if (dataset.target === NEXT) return dataset;
    const input = soleInput(dataset, "a language model");
    if (input.kind === "tensor") return withColumns(dataset, moved(input), NEXT, dataset.rows);
    const { seen, next } = windowsOf(textsOf(input).join("\n"), context, stride);
    return withColumns(dataset, [textColumn(input.name, seen), textColumn(NEXT, next)], NEXT, seen.length);
  },
  build: (scope, features, _options, { outputs }) =>
    dense(scope, features, { units: outputs, init: normalOf(0.02), biasInit: zeros }),
  results: (raw, _options, { features, parts }) => ({ probabilities: lastOf(raw, features, parts).softmax(-1) }),
  running: (raw, target) => ({ accuracy: raw.argMax(-1).equal(target).cast("F32") }),
});
