/** @file Texts as tokens, one for each character: numbers from 1 in the vocabulary's order, 0 where a text has ended. */
import { Fault } from "../../engine/index.ts";
import type { InputColumn } from "./preprocessing.ts";

export const PADDING = 0;

/** A text's characters, those beyond the Basic Multilingual Plane whole. */
export const charactersOf = (text: string): string[] => Array.from(text);

/** The distinct characters of some texts, in the order of their code points. */
export function vocabularyOf(texts: Iterable<string>): string[] {
  const found = new Set<string>();
  for (const text of texts) for (const character of text) found.add(character);
  return [...found].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
}

/** How many numbers a token may be: the vocabulary, and 0. What is not in the vocabulary is the next beyond. */
export const tokenCount = ({ categories }: Pick<InputColumn, "categories">): number => categories!.length + 1;

/**
 * Writes texts as tokens.
 * @returns what writes `text` to `into[start …]`. It throws SHAPE_MISMATCH for a text that is longer than the column.
 */
export function tokenWriter(
  column: InputColumn,
): (text: string, into: Float32Array, start: number, path: string) => void {
  const codes = new Map(column.categories!.map((character, index) => [character, index + 1]));
  const unknown = tokenCount(column);
  return (text, into, start, path) => {
    const characters = charactersOf(text);
    if (characters.length > column.width) {
      const [expected, got] = [`at most ${column.width} characters`, `${characters.length} characters`];
      throw new Fault("SHAPE_MISMATCH", `\`${path}\`: a text of ${characters.length} characters is too long`, {
        violations: [{ path, message: "longer than the model's context", expected, got }],
        hint: "cut the text, or make the model with a longer context",
      });
    }
    into.fill(PADDING, start, start + column.width);
    for (const [place, character] of characters.entries()) into[start + place] = codes.get(character) ?? unknown;
  };
}
