/** @file A language model that writes: token after token, each drawn from what it expects after those before. */
import { Fault } from "../../engine/index.ts";
import type { InputColumn } from "../preprocess/preprocessing.ts";
import { charactersOf, tokenCount } from "../preprocess/tokens.ts";
import { createRandom } from "../random.ts";
import { find } from "../registry/parse.ts";
import type { SequenceEncoding } from "../targets/index.ts";
import type { PredictionContext } from "./loaded.ts";
import { type FittedRecord, fitted } from "./network.ts";
import { openReader } from "./reader.ts";
import { draw, type SamplingOptions, samplingProbabilities } from "./sampling.ts";

export interface GenerateOptions extends SamplingOptions {
  readonly maxNewTokens: number;
  readonly seed: number;
  /** Texts, or tokens by name, that end the writing; they are left out of the answer. */
  readonly stop: readonly string[];
}

export interface Generated {
  /** What was written after the prompt; of a model of token numbers these, with blanks between. */
  readonly text: string;
  /** By name: characters, or token numbers. */
  readonly tokens: readonly string[];
  readonly finishReason: "length" | "stop";
}

/**
 * @param prompt a text, or token numbers
 * @throws INVALID_STATE for a model that has not been trained; INVALID_PARAMS for one that writes nothing; DATA_INVALID for
 *   a prompt that is empty, or holds what the model does not know
 */
export function generate(
  context: PredictionContext,
  prompt: string | readonly number[],
  options: GenerateOptions,
): Generated {
  const record = fitted(context.record);
  const { classes } = writerOf(context, record);
  const column = record.preprocessing.columns[0]!;
  const isText = column.kind === "tokens";
  const seen = tokensOf(prompt, column);
  const codes = inputCodes(column, classes);
  const logits = openReader(context, record);
  const random = createRandom(options.seed, "generate");
  const written: string[] = [];
  const join = (): string => written.join(isText ? "" : " ");
  while (written.length < options.maxNewTokens) {
    const next = draw(samplingProbabilities(logits(seen), options), random.uniform());
    written.push(classes[next]!);
    seen.push(codes[next]!);
    const stopped = stopOf(written, join, isText, options.stop);
    if (stopped !== undefined) return { ...stopped, finishReason: "stop" };
  }
  return { text: join(), tokens: written, finishReason: "length" };
}

/** What is written before the first stop that has come to its end; undefined before that. */
function stopOf(written: readonly string[], join: () => string, isText: boolean, stops: readonly string[]) {
  if (stops.length === 0) return undefined;
  if (!isText) {
    if (!stops.includes(written.at(-1)!)) return undefined;
    return { text: written.slice(0, -1).join(" "), tokens: written.slice(0, -1) };
  }
  const text = join();
  const stop = stops.find((each) => each !== "" && text.endsWith(each));
  if (stop === undefined) return undefined;
  const rest = text.slice(0, text.length - stop.length);
  return { text: rest, tokens: charactersOf(rest) };
}

function writerOf({ registry }: PredictionContext, { spec, target }: FittedRecord): SequenceEncoding {
  const { needs } = find(registry.heads, spec.head.type, "head.type");
  if (needs === "past" && target.kind === "sequence") return target;
  throw new Fault("INVALID_PARAMS", `a model of pipeline \`${spec.pipeline}\` writes no text`, {
    violations: [{ path: "model", message: "not a language model", expected: "language", got: spec.pipeline }],
    hint: "train a model of pipeline `language`; other models answer `predict`",
  });
}

/** The number under which the model reads each class that it may write. */
function inputCodes(column: InputColumn, classes: readonly string[]): number[] {
  if (column.kind !== "tokens") return classes.map(Number);
  const known = new Map(column.categories!.map((character, index) => [character, index + 1]));
  return classes.map((name) => known.get(name) ?? tokenCount(column));
}

function tokensOf(prompt: string | readonly number[], column: InputColumn): number[] {
  const refuse = (message: string, expected: string, got: string, hint: string): Fault =>
    new Fault("DATA_INVALID", `\`prompt\`: ${message}`, {
      violations: [{ path: "prompt", message, expected, got }],
      hint,
    });
  if (prompt.length === 0) throw refuse("empty", "something to go on from", "nothing", "give at least one token");
  if (typeof prompt !== "string") {
    if (column.kind !== "tokens") return [...prompt];
    throw refuse("not a text", "a string", "an array", "the model reads characters");
  }
  if (column.kind !== "tokens") throw refuse("not tokens", "an array of numbers", "a string", "the model reads tokens");
  const known = new Map(column.categories!.map((character, index) => [character, index + 1]));
  return charactersOf(prompt).map((character) => {
    const code = known.get(character);
    if (code !== undefined) return code;
    const expected = `one of ${column.categories!.join("").slice(0, 200)}`;
    throw refuse(`\`${character}\` is no character that the model knows`, expected, character, "write it another way");
  });
}
