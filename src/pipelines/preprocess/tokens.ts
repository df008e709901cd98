/** @file Texts as tokens, one for each character or word: numbers from 1 in the vocabulary's order, 0 where a text has ended. */
import { Fault } from "../../engine/index.ts";
import type { TextUnit } from "../registry/define.ts";
import type { InputColumn } from "./preprocessing.ts";

export const PADDING = 0;

/** A text's characters, those beyond the Basic Multilingual Plane whole. */
export const charactersOf = (text: string): string[] => Array.from(text);

/** A text's characters, or its words: what stands between blanks, or between the semicolons that part a list's strings. */
export const partsOf = (text: string, unit: TextUnit): string[] =>
  unit === "words" ? text.split(/[;\s]+/).filter((word) => word !== "") : charactersOf(text);

/** The distinct characters or words of some texts, in the order of their code points. */
export function vocabularyOf(texts: Iterable<string>, unit: TextUnit): string[] {
  const found = new Set<string>();
  for (const text of texts) for (const part of partsOf(text, unit)) found.add(part);
  return [...found].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** How many numbers a token may be: the vocabulary, and 0. What is not in the vocabulary is the next beyond. */
export const tokenCount = ({ categories }: Pick<InputColumn, "categories">): number => categories!.length + 1;

/** A cell as the text that it stands for: a list of strings as words. */
export const textOf = (cell: unknown): string =>
  cell === null || cell === undefined ? "" : Array.isArray(cell) ? cell.join(";") : String(cell);

/**
 * Writes texts as tokens.
 * @returns what writes `text` to `into[start …]`. It throws SHAPE_MISMATCH for a text that is longer than the column.
 */
export function tokenWriter(
  column: InputColumn,
): (text: string, into: Float32Array, start: number, path: string) => void {
  const codes = new Map(column.categories!.map((part, index) => [part, index + 1]));
  const unknown = tokenCount(column);
  const { unit = "characters" } = column;
  return (text, into, start, path) => {
    const parts = partsOf(text, unit);
    if (parts.length > column.width) {
      const [expected, got] = [`at most ${column.width} ${unit}`, `${parts.length} ${unit}`];
      throw new Fault("SHAPE_MISMATCH", `\`${path}\`: a text of ${parts.length} ${unit} is too long`, {
        violations: [{ path, message: "longer than the model's context", expected, got }],
        hint: "cut the text, or make the model with a longer context",
      });
    }
    into.fill(PADDING, start, start + column.width);
    for (const [place, part] of parts.entries()) into[start + place] = codes.get(part) ?? unknown;
  };
}
