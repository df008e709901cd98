/** @file The slopes of a model's output, compiled: in the raw inputs, and in the sources that explanations begin with. */
import { gradients, type Shape, sizeOf, type Tensor, type Traced, type Tracer, trace } from "../../engine/index.ts";
import { stateOf } from "../model/loaded.ts";
import type { FittedRecord } from "../model/network.ts";
import type { RawRows } from "../model/rawRows.ts";
import { runWhole } from "../model/whole.ts";
import { applyPreprocessing } from "../preprocess/apply.ts";
import { batchOf, type Trained } from "./activations.ts";
import { createRecorder } from "./recorder.ts";
import { FEATURES, type Source, type Span, sourcesOf } from "./sources.ts";
import type { Chosen } from "./target.ts";
import { build } from "./traced.ts";

export interface SourceShape {
  readonly path: string;
  readonly spans: readonly Span[];
  /** Numbers in a row of it. */
  readonly width: number;
}

/** What one run gave; rows count from `from`. The arrays hold until the next run. */
export interface Slope {
  readonly from: number;
  readonly count: number;
  /** The chosen output, in the target's own units. */
  value(row: number): number;
  /** From what is learned to the target's own units. */
  factor(row: number): number;
  readonly raw: Float32Array;
  /** [batch, rawWidth]; missing where sources are given. */
  readonly inRaw: Float32Array | undefined;
  /** By source, [batch, width]. */
  readonly values: readonly Float32Array[];
  readonly inSources: readonly Float32Array[];
}

export interface Slopes {
  readonly batch: number;
  readonly sources: readonly SourceShape[];
  /** @param fill writes the sources of a batch, where they are given: by source [batch, width]. */
  forEachBatch(
    rows: RawRows,
    targets: readonly Chosen[],
    visit: (slope: Slope) => void,
    fill?: (sources: readonly Float32Array[], from: number, count: number) => void,
  ): void;
  release(): void;
}

interface SlopesOptions {
  readonly output: "logits" | "probabilities";
  /** Whether the sources are given rather than computed from the rows. */
  readonly replaced: boolean;
}

export function compileSlopes(context: Trained, count: number, options: SlopesOptions): Slopes {
  const { executor, record } = context;
  const batch = batchOf(context, count);
  const { traced, sources } = traceSlopes(context, batch, options);
  const state = stateOf(executor, record.weights!);
  const program = executor.compile(traced, state);
  const view = (name: string): Float32Array => program.outputs[name] as Float32Array;
  const width = sizeOf(record.signature.raw);
  const outputs = sizeOf(traced.inputs.mask!.shape.slice(1));

  return {
    batch,
    sources,
    forEachBatch(rows, targets, visit, fill) {
      const { raw, mask } = program.inputs as Record<string, Float32Array>;
      for (let from = 0; from < rows.count; from += batch) {
        const count = Math.min(batch, rows.count - from);
        raw!.fill(0);
        raw!.set(rows.raw.subarray(from * width, (from + count) * width));
        mask!.fill(0);
        for (let row = 0; row < count; row++) mask![row * outputs + targets[from + row]!.index] = 1;
        fill?.(
          sources.map(({ path }) => program.inputs[`source.${path}`] as Float32Array),
          from,
          count,
        );
        runWhole(program);
        const chosen = (row: number): Chosen => targets[from + row]!;
        visit({
          from,
          count,
          value: (row) => view("answer")[row]! * chosen(row).factor + chosen(row).shift,
          factor: (row) => chosen(row).factor,
          raw: raw!,
          inRaw: options.replaced ? undefined : view("inRaw"),
          values: sources.map((_, index) => view(`value.${index}`)),
          inSources: sources.map((_, index) => view(`slope.${index}`)),
        });
      }
    },
    release() {
      program.release();
      state.release();
    },
  };
}

/** From raw rows, or from the sources in their place, to the chosen output and its slopes. */
function traceSlopes(
  context: Trained,
  batch: number,
  { output, replaced }: SlopesOptions,
): { traced: Traced; sources: readonly SourceShape[] } {
  const { registry, record } = context;
  const computed = sourcesIn(context, batch);
  let sources: readonly SourceShape[] = [];
  const traced = trace((t) => {
    const raw = t.input("raw", { dtype: "F32", shape: [batch, ...record.signature.raw] });
    const given = new Map<string, Tensor>();
    const give = (path: string, shape: Shape): Tensor => {
      const tensor = t.input(`source.${path}`, { dtype: "F32", shape: [batch, sizeOf(shape.slice(1))] });
      given.set(path, tensor);
      return tensor.reshape(shape);
    };
    const isGiven = (path: string): boolean => replaced && computed.some((source) => source.path === path);
    const recorder = createRecorder(({ path }, tensor) => (isGiven(path) ? give(path, tensor.shape) : null));
    const made = applyPreprocessing(t, raw, record.preprocessing);
    const features = isGiven(FEATURES) ? give(FEATURES, made.shape) : made;
    const network = build(t, registry, record, features, { watch: recorder.watch });
    const all: readonly Source[] = replaced ? computed : sourcesOf(record, features, recorder.calls());
    sources = all.map(({ path, spans, tensor }) => ({ path, spans, width: sizeOf(tensor.shape.slice(1)) }));
    const tensors = all.map(({ path, tensor }) => given.get(path) ?? tensor);
    const answer = answerOf(t, record, network.output, output);
    const found = gradients(answer.sum(), replaced ? tensors : [raw, ...tensors]);
    const inSources = replaced ? found : found.slice(1);
    const flat = (tensor: Tensor): Tensor => tensor.reshape([batch, -1]);
    const numbered = (name: string, list: readonly Tensor[]) =>
      Object.fromEntries(list.map((tensor, index) => [`${name}.${index}`, flat(tensor)]));
    const inRaw = replaced ? {} : { inRaw: flat(found[0]!) };
    return { outputs: { answer, ...inRaw, ...numbered("slope", inSources), ...numbered("value", tensors) } };
  });
  return { traced, sources };
}

/** The sources as a trace of its own finds them, for what a second trace is to put in their place. */
function sourcesIn({ registry, record }: Trained, batch: number): Source[] {
  let sources: Source[] = [];
  trace((t) => {
    const recorder = createRecorder();
    const raw = t.input("raw", { dtype: "F32", shape: [batch, ...record.signature.raw] });
    const features = applyPreprocessing(t, raw, record.preprocessing);
    const { output } = build(t, registry, record, features, { watch: recorder.watch });
    sources = sourcesOf(record, features, recorder.calls());
    return { outputs: { output } };
  });
  return sources;
}

/** The number of each row that the input `mask` chooses, [batch]. */
function answerOf(t: Tracer, record: FittedRecord, raw: Tensor, output: SlopesOptions["output"]): Tensor {
  const batch = raw.shape[0]!;
  const { kind } = record.target as { kind: string };
  const asked = output === "logits" ? raw : kind === "labels" ? raw.sigmoid() : raw.softmax(-1);
  const flat = asked.reshape([batch, -1]);
  return flat.mul(t.input("mask", { dtype: "F32", shape: flat.shape })).sum(1);
}
