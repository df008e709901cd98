/**
 * @file Rows, looked through before a network sees them: a token outside the vocabulary would count as nothing, a length beyond
 * the row as the whole of it.
 */
import { Fault } from "../../engine/index.ts";
import type { FittedRecord } from "./network.ts";

type Taken = Pick<FittedRecord, "spec" | "preprocessing">;

/**
 * @param raw rows × signature.raw
 * @param path what the rows are called where they came from: `data`, `inputs`
 * @throws DATA_INVALID with the row, for a token that is no whole number below the backbone's vocabulary, and a length that is none
 *   from 1 to what a row holds
 */
export function refuseForeign(record: Taken, raw: ArrayLike<number>, path: string): void {
  refuseForeignTokens(record, raw, path);
  refuseForeignLengths(record, raw, path);
}

function refuseForeignLengths(record: Taken, raw: ArrayLike<number>, path: string): void {
  const lengths = lengthsOf(record);
  if (lengths === undefined) return;
  const { rawWidth } = record.preprocessing;
  for (let place = lengths.offset; place < raw.length; place += rawWidth) {
    const length = raw[place]!;
    if (Number.isInteger(length) && length >= 1 && length <= lengths.longest) continue;
    const row = `${path}[${Math.floor(place / rawWidth)}]`;
    const message = `\`${lengths.name}\` is ${length}, and a row holds ${lengths.longest} elements`;
    throw new Fault("DATA_INVALID", `\`${row}\`: ${message}`, {
      violations: [
        { path: row, message, expected: `a whole number from 1 to ${lengths.longest}`, got: String(length) },
      ],
      hint: "count the elements of each sequence that are no filling; leave rows without any out",
    });
  }
}

export interface Lengths {
  readonly name: string;
  /** Where it stands in a raw row. */
  readonly offset: number;
  /** Elements of a row's sequence. */
  readonly longest: number;
}

/** The column that says how much of each row counts; undefined where all does. */
export function lengthsOf({ spec, preprocessing: { columns } }: Taken): Lengths | undefined {
  const { lengths } = spec.backbone as { lengths?: string };
  const column = columns.find(({ name, width }) => name === lengths && width === 1);
  const longest = columns.find((other) => other !== column)?.shape[0];
  if (column === undefined || longest === undefined) return undefined;
  return { name: column.name, offset: column.offset, longest };
}

function refuseForeignTokens({ spec, preprocessing }: Taken, raw: ArrayLike<number>, path: string): void {
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
export function vocabularyOf({ spec }: Pick<Taken, "spec">): number | undefined {
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
