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
  /** `interrupted`: who looks on did not want more. */
  readonly finishReason: "length" | "stop" | "interrupted";
}

/** Who looks on while it writes. */
export interface Onlooker {
  /** Called before each token; false ends the writing. */
  goesOn(): boolean;
  /** @param settled what is certain to be in the answer: the end that might begin a stop is held back */
  wrote(settled: () => string, tokens: number): void;
}

const NOBODY: Onlooker = { goesOn: () => true, wrote: () => {} };

/**
 * @param prompt a text, or token numbers
 * @throws INVALID_STATE for a model that has not been trained; INVALID_PARAMS for one that writes nothing; DATA_INVALID for
 *   a prompt that is empty, or holds what the model does not know
 */
export function generate(
  context: PredictionContext,
  prompt: string | readonly number[],
  options: GenerateOptions,
  onlooker: Onlooker = NOBODY,
): Generated {
  const record = fitted(context.record);
  const { classes } = writerOf(context, record);
  const column = record.preprocessing.columns[0]!;
  const seen = tokensOf(prompt, column);
  const codes = inputCodes(column, classes);
  const logits = openReader(context, record);
  const random = createRandom(options.seed, "generate");
  const paper = column.kind === "tokens" ? charactersPaper(options.stop) : tokensPaper(options.stop);
  const settled = () => paper.join(paper.written.length - paper.doubtful);
  while (paper.written.length < options.maxNewTokens) {
    const expected = unlessInterrupted(onlooker, () => logits(seen));
    if (expected === null) return { ...paper.upTo(paper.written.length), finishReason: "interrupted" };
    const next = draw(samplingProbabilities(expected, options), random.uniform());
    paper.written.push(classes[next]!);
    seen.push(codes[next]!);
    const end = paper.stoppedAt();
    if (end !== undefined) return { ...paper.upTo(end), finishReason: "stop" };
    onlooker.wrote(settled, paper.written.length);
  }
  return { ...paper.upTo(paper.written.length), finishReason: "length" };
}

/** Null where the onlooker wants no more, be it in the middle of a pass. */
function unlessInterrupted<Result>({ goesOn }: Onlooker, pass: () => Result): Result | null {
  if (!goesOn()) return null;
  try {
    return pass();
  } catch (fault) {
    if (goesOn()) throw fault;
    return null;
  }
}

/** What is written, and where it ends. */
interface Paper {
  readonly written: string[];
  /** Tokens at the end that may turn out to be the beginning of a stop. */
  readonly doubtful: number;
  /** The first tokens as one text. */
  join(count: number): string;
  upTo(count: number): Pick<Generated, "text" | "tokens">;
  /** How many tokens stand before a stop that has just come to its end; undefined where none has. */
  stoppedAt(): number | undefined;
}

function paperOf(
  between: string,
  doubtful: number,
  stoppedAt: (written: readonly string[]) => number | undefined,
): Paper {
  const written: string[] = [];
  const join = (count: number): string => written.slice(0, count).join(between);
  return {
    written,
    doubtful,
    join,
    upTo: (count) => ({ text: join(count), tokens: written.slice(0, count) }),
    stoppedAt: () => stoppedAt(written),
  };
}

/** Characters; a stop is a text. */
function charactersPaper(stop: readonly string[]): Paper {
  const stops = stop.map(charactersOf).filter(({ length }) => length > 0);
  const longest = Math.max(1, ...stops.map(({ length }) => length));
  return paperOf("", longest - 1, (written) => {
    const found = stops.find((each) => each.every((character, at) => written.at(at - each.length) === character));
    return found === undefined ? undefined : written.length - found.length;
  });
}

/** Token numbers by name; a stop is one of them. */
function tokensPaper(stop: readonly string[]): Paper {
  return paperOf(" ", 0, (written) => (stop.includes(written.at(-1)!) ? written.length - 1 : undefined));
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
