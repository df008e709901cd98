/** @file The options that all backbones for sequences share, and how rows become sequences: tokens, vectors, lengths. */
import { z } from "zod";
import type { Tensor } from "../../engine/index.ts";
import { refuse } from "../layers/expect.ts";
import type { Scope } from "../layers/scope.ts";
import { type Sequence, sequenceOf } from "../layers/sequence.ts";
import type { FeaturePart } from "../registry/define.ts";

export const sequenceOptions = {
  vocabulary: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("Rows are token numbers below this, [time]; left out, rows are vectors, [time, features], or texts"),
  padding: z
    .int()
    .min(0)
    .optional()
    .describe("The token that fills rows up: what follows the last other one does not count"),
  lengths: z
    .string()
    .optional()
    .describe(
      "Name of the column that says how many elements of each row count, as PyTorch's packed sequences do: from 1 to all, anything else is refused",
    ),
  width: z.int().min(1).max(65_536).default(64).describe("Of each token's vector"),
};

interface SequenceChoice {
  readonly vocabulary?: number | undefined;
  readonly padding?: number | undefined;
  readonly lengths?: string | undefined;
  readonly width: number;
}

/** Token numbers and lengths must not be standardised. */
export function tokensAsTheyAre({ vocabulary, lengths }: Pick<SequenceChoice, "vocabulary" | "lengths">) {
  if (vocabulary !== undefined) return "none" as const;
  return lengths === undefined ? undefined : { [lengths]: "none" as const };
}

/** A row's numbers as the sequence that they are; a column of lengths is taken out first. */
export function readSequence(
  scope: Scope,
  x: Tensor,
  { lengths: column, ...options }: SequenceChoice,
  parts: readonly FeaturePart[],
): Sequence {
  const { input, part, lengths } = column === undefined ? wholeOf(x, parts) : apart(scope, x, column, parts);
  const isText = part?.kind === "tokens" && options.vocabulary === undefined;
  const texts = isText ? { ...options, vocabulary: part.vocabulary!, padding: 0 } : options;
  const sequence = sequenceOf(scope, input, texts);
  return lengths === undefined ? sequence : { ...sequence, lengths };
}

interface Part {
  readonly input: Tensor;
  readonly part: FeaturePart | undefined;
  readonly lengths?: Tensor;
}

function wholeOf(x: Tensor, parts: readonly FeaturePart[]): Part {
  return { input: x, part: parts.length === 1 ? parts[0] : undefined };
}

/** The sequence, and I32 [batch] how much of it counts: at least one element, and no more than there are. */
function apart(scope: Scope, x: Tensor, column: string, parts: readonly FeaturePart[]): Part {
  const counts = parts.find(({ name, width }) => name === column && width === 1);
  const rest = parts.filter((part) => part !== counts);
  const [part] = rest;
  if (counts === undefined || part === undefined || rest.length > 1) {
    const expected = `one column of a sequence, and the number \`${column}\``;
    const names = parts.map(({ name }) => name).join(", ");
    const hint = "give `lengths` beside `x`, or name the column that holds them";
    refuse(scope, `the data do not have the columns for \`lengths\`: ${names}`, expected, x.shape, hint);
  }
  const batch = x.shape[0]!;
  const flat = x.reshape([batch, -1]);
  const input = flat.slice([0, part!.offset], [batch, part!.offset + part!.width]).reshape([batch, ...part!.shape]);
  const own = flat.slice([0, counts!.offset], [batch, counts!.offset + 1]).reshape([batch]);
  return { input, part, lengths: own.clamp(1, part!.shape[0]!).cast("I32") };
}

/** Of a backbone that writes: it needs a head that tells it what has been written. */
export function refuseAlone(scope: Scope, x: Tensor): never {
  return refuse(
    scope,
    "an encoder and decoder needs a head that writes sequences",
    "pipeline `seq2seq`",
    x.shape,
    "use pipeline `seq2seq`, or another `kind`",
  );
}
