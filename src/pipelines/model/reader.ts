/**
 * @file How a language model reads on: each token once, where every layer of its backbone remembers what came before;
 * otherwise the whole context again for each new token. Programs are compiled once.
 */
import { type Program, trace } from "../../engine/index.ts";
import { createPast, type Memory } from "../layers/past.ts";
import { createScope } from "../layers/scope.ts";
import { applyPreprocessing } from "../preprocess/apply.ts";
import type { Raw } from "../registry/define.ts";
import { find } from "../registry/parse.ts";
import { compiled, type PredictionContext } from "./loaded.ts";
import { type FittedRecord, network } from "./network.ts";
import { runWhole } from "./whole.ts";

/**
 * @param tokens all so far: those of the last call, and what came since
 * @returns F32 [classes], the logits of what follows them; a view, until the next call
 */
export type Reader = (tokens: readonly number[]) => Float32Array;

/** Tokens that are read at once where there are so many. */
const PIECE = 32;

export function openReader(context: PredictionContext, record: FittedRecord): Reader {
  const { backbone, ensemble } = record.spec;
  const [column] = record.preprocessing.columns;
  const isAsItIs = column!.kind === "tokens" || column!.steps.length === 0;
  const { remembers } = find(context.registry.backbones, backbone.type, "backbone.type");
  const open = remembers && isAsItIs && ensemble === undefined ? rememberingReader : wholeReader;
  return open(context, record, column!.width);
}

/** One pass over the context for each call. Sequences shorter than it are filled up behind. */
export function wholeReader(context: PredictionContext, record: FittedRecord, width: number): Reader {
  const program = compiled(context, record, "read whole", () =>
    trace((t) => {
      const raw = t.input("raw", { dtype: "F32", shape: [1, width] });
      const at = t.input("at", { dtype: "I32", shape: [1] });
      const features = applyPreprocessing(t, raw, record.preprocessing);
      const { output } = network(context.registry, record, createScope(t).scope, features) as Raw;
      return { outputs: { logits: output.gather(at, 1).reshape([output.shape[2]!]) } };
    }),
  );
  const raw = program.inputs.raw as Float32Array;
  const at = program.inputs.at as Int32Array;
  const isText = record.preprocessing.columns[0]!.kind === "tokens";
  return (tokens) => {
    const last = tokens.slice(-width);
    raw.fill(isText ? 0 : last[0]!);
    raw.set(last);
    at[0] = last.length - 1;
    runWhole(program);
    return program.outputs.logits as Float32Array;
  };
}

/** Reads pieces of some tokens; what it remembers lies in its inputs. */
interface PieceProgram {
  readonly program: Program;
  readonly memories: Readonly<Record<string, Memory>>;
}

/**
 * One pass over each new token. Where memory of single elements is full, its newer half is read again, as the beginning of
 * a sequence: what follows then sees between half of the context and all of it.
 */
export function rememberingReader(context: PredictionContext, record: FittedRecord, width: number): Reader {
  const programs = new Map<number, PieceProgram>();
  const programOf = (size: number): PieceProgram => {
    const known = programs.get(size) ?? pieceProgram(context, record, width, size);
    programs.set(size, known);
    return known;
  };
  let current = programOf(1);
  for (const name of Object.keys(current.memories)) (current.program.inputs[name] as Float32Array).fill(0);
  /** Memory of the past as a whole never fills up. */
  const isBounded = Object.values(current.memories).some(({ isByElement }) => isByElement);
  let read = 0;
  /** Tokens that are remembered: those before were forgotten. */
  let count = 0;
  const readPiece = (piece: readonly number[]): void => {
    const next = programOf(piece.length);
    for (const name of Object.keys(next === current ? {} : next.memories))
      (next.program.inputs[name] as Float32Array).set(current.program.inputs[name] as Float32Array);
    current = next;
    const { program, memories } = current;
    (program.inputs.tokens as Float32Array).set(piece);
    const counter = program.inputs.count as Int32Array | undefined; // absent where nothing asks
    if (counter !== undefined) counter[0] = count;
    runWhole(program);
    for (const [name, memory] of Object.entries(memories))
      remember(memory, program.inputs[name] as Float32Array, program.outputs[name] as Float32Array, count);
    count += piece.length;
  };
  return (tokens) => {
    if (isBounded && read === 0) read = Math.max(0, tokens.length - width);
    while (read < tokens.length) {
      if (isBounded && count === width) {
        count = 0;
        read -= Math.floor(width / 2);
      }
      const room = isBounded ? width - count : tokens.length;
      const left = Math.min(tokens.length - read, room);
      const size = left >= PIECE ? PIECE : 1;
      readPiece(tokens.slice(read, read + size));
      read += size;
    }
    return current.program.outputs.logits as Float32Array;
  };
}

/** Writes what a piece leaves into the memory of the next: the whole, or the piece's elements behind the `count` before. */
function remember({ shape, isByElement }: Memory, memory: Float32Array, next: Float32Array, count: number): void {
  if (!isByElement) {
    memory.set(next);
    return;
  }
  const [context, width] = shape.slice(-2) as [number, number];
  const rows = memory.length / (context * width);
  const piece = next.length / rows;
  for (let row = 0; row < rows; row++)
    memory.set(next.subarray(row * piece, (row + 1) * piece), row * context * width + count * width);
}

/** What each program remembers, found while it was traced. */
const memoriesOf = new WeakMap<Program, PieceProgram["memories"]>();

function pieceProgram(context: PredictionContext, record: FittedRecord, width: number, size: number): PieceProgram {
  let found: PieceProgram["memories"] | undefined;
  const read = () =>
    trace((t) => {
      const tokens = t.input("tokens", { dtype: "F32", shape: [1, size] });
      const { past, memories, outputs } = createPast(t, t.input("count", { dtype: "I32", shape: [1] }), width);
      found = memories;
      const { output } = network(context.registry, record, createScope(t, { past }).scope, tokens) as Raw;
      const [, time, classes] = output.shape as [number, number, number];
      const logits = output.slice([0, time - 1], [1, time]).reshape([classes]);
      return { outputs: { logits, ...outputs } };
    });
  const program = compiled(context, record, `read ${size}`, read);
  if (found !== undefined) memoriesOf.set(program, found);
  return { program, memories: memoriesOf.get(program)! };
}
