/**
 * @file A sequence written element by element from another: the likeliest element each time, or the best of several beams.
 * Each element costs one pass of encoder and decoder over all rows.
 */
import { type NdArray, sizeOf, trace } from "../../engine/index.ts";
import { createScope } from "../layers/scope.ts";
import { applyPreprocessing } from "../preprocess/apply.ts";
import type { Raw } from "../registry/define.ts";
import { outputNames, targetType } from "../targets/index.ts";
import { compiled, type PredictionContext } from "./loaded.ts";
import { type FittedRecord, network } from "./network.ts";
import { startOf } from "./previous.ts";
import type { RawRows } from "./rawRows.ts";
import { runWhole } from "./whole.ts";

export interface DecodingOptions {
  /** Sequences that are kept in sight of each row; 1 is greedy. */
  readonly beams?: number | undefined;
  /** Of beams: a sequence's score is its log probability divided by its length to this power. */
  readonly lengthPenalty?: number | undefined;
  /** Elements at most; left out, as many as the longest target of the training. */
  readonly maxNewTokens?: number | undefined;
}

interface Hypothesis {
  readonly codes: readonly number[];
  readonly logProbability: number;
  readonly isDone: boolean;
}

const LARGEST_BATCH = 256;

/**
 * @returns `label`, I32 [rows, length], filled up with the end; `score`, F32 [rows]: the log probability of what was written
 */
export function decode(
  context: PredictionContext,
  record: FittedRecord,
  { raw, count: rows }: RawRows,
  options: DecodingOptions = {},
): { label: NdArray; score: NdArray } {
  const { beams = 1 } = options;
  const width = sizeOf(record.signature.raw);
  const [, length] = targetType(record.target, 1).shape as [number, number];
  const end = outputNames(record.target).length - 1;
  const codes = new Int32Array(rows * length).fill(end);
  const scores = new Float32Array(rows);
  const atOnce = Math.max(1, Math.floor(LARGEST_BATCH / beams));
  for (let from = 0; from < rows; from += atOnce) {
    const count = Math.min(atOnce, rows - from);
    const piece = { raw: raw.subarray(from * width, (from + count) * width), count };
    const found = search(context, record, piece, { ...options, beams });
    for (const [index, { codes: own, logProbability }] of found.entries()) {
      codes.set(own, (from + index) * length);
      scores[from + index] = logProbability;
    }
  }
  return {
    label: { dtype: "I32", shape: [rows, length], data: codes },
    score: { dtype: "F32", shape: [rows], data: scores },
  };
}

/** The best sequence of each row. */
function search(
  context: PredictionContext,
  record: FittedRecord,
  raw: RawRows,
  { beams, lengthPenalty = 1, maxNewTokens }: DecodingOptions & { readonly beams: number },
): Hypothesis[] {
  const [, longest] = targetType(record.target, 1).shape as [number, number];
  const end = outputNames(record.target).length - 1;
  const logProbabilities = decoder(context, record, raw, beams);
  let all = Array.from({ length: raw.count }, (): Hypothesis[] => [{ codes: [], logProbability: 0, isDone: false }]);
  const most = Math.min(longest, maxNewTokens ?? longest);
  for (let place = 0; place < most && all.some((row) => row.some(({ isDone }) => !isDone)); place++) {
    const following = logProbabilities(all, place);
    all = all.map((row, index) => {
      const next = row.flatMap((hypothesis, beam) =>
        hypothesis.isDone ? [hypothesis] : continued(hypothesis, following(index, beam), beams, end),
      );
      return best(next, beams, lengthPenalty);
    });
  }
  return all.map((row) => best(row, 1, lengthPenalty)[0]!);
}

/** The likeliest ways to go on. */
function continued(from: Hypothesis, following: Float32Array, beams: number, end: number): Hypothesis[] {
  const order = Array.from(following.keys()).sort((a, b) => following[b]! - following[a]! || a - b);
  return order.slice(0, beams).map((code) => ({
    codes: code === end ? from.codes : [...from.codes, code],
    logProbability: from.logProbability + following[code]!,
    isDone: code === end,
  }));
}

function best(hypotheses: readonly Hypothesis[], count: number, lengthPenalty: number): Hypothesis[] {
  const score = ({ codes, logProbability, isDone }: Hypothesis): number =>
    logProbability / (codes.length + (isDone ? 1 : 0) || 1) ** lengthPenalty;
  return [...hypotheses].sort((a, b) => score(b) - score(a)).slice(0, count);
}

/** Log probabilities of what comes at a place, by row and beam. */
function decoder(context: PredictionContext, record: FittedRecord, { raw, count: rows }: RawRows, beams: number) {
  const { registry } = context;
  const width = sizeOf(record.signature.raw);
  const batch = 2 ** Math.ceil(Math.log2(rows * beams));
  const [, length] = targetType(record.target, 1).shape as [number, number];
  const classes = outputNames(record.target).length;
  const program = compiled(context, record, `decode ${batch}`, () =>
    trace((t) => {
      const input = t.input("raw", { dtype: "F32", shape: [batch, width] });
      const previous = t.input("previous", { dtype: "I32", shape: [batch, length] });
      const at = t.input("at", { dtype: "I32", shape: [1] });
      const features = applyPreprocessing(t, input, record.preprocessing);
      const { output } = network(registry, record, createScope(t).scope, features, { previous }) as Raw;
      return { outputs: { following: output.gather(at, 1).logSoftmax(-1) } };
    }),
  );
  const into = program.inputs.raw as Float32Array;
  const previous = program.inputs.previous as Int32Array;
  into.fill(0);
  for (let row = 0; row < rows; row++) {
    for (let beam = 0; beam < beams; beam++)
      into.set(raw.subarray(row * width, (row + 1) * width), (row * beams + beam) * width);
  }
  return (all: readonly (readonly Hypothesis[])[], place: number) => {
    previous.fill(0);
    for (const [row, hypotheses] of all.entries()) {
      for (const [beam, { codes }] of hypotheses.entries()) {
        const start = (row * beams + beam) * length;
        previous[start] = startOf(record);
        previous.set(codes.slice(0, length - 1), start + 1);
      }
    }
    (program.inputs.at as Int32Array)[0] = place;
    runWhole(program);
    const following = program.outputs.following as Float32Array;
    return (row: number, beam: number): Float32Array => {
      const start = (row * beams + beam) * classes;
      return following.slice(start, start + classes);
    };
  };
}
