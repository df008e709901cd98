/** @file `model.json`: everything about a model but its weights, and the weights' fingerprint. */
import { z } from "zod";
import { DTYPES, type DType } from "../../engine/index.ts";
import type { Preprocessing } from "../preprocess/preprocessing.ts";
import type { PlainEncoding, TargetEncoding } from "../targets/index.ts";
import type { Provenance, Signature } from "./record.ts";
import type { EnsembleSpec } from "./spec.ts";

export const MODEL_FILE = "model.json";
/** The ONNX file that a model was made from. */
export const IMPORTED_FILE = "imported.onnx";
export const WEIGHTS_FILE = "weights.safetensors";
/** Ending of a file that is written but does not have its name yet. */
export const PENDING = ".new";
export const FORMAT = "ml-sidecar/model";
export const VERSION = 1;

const count = z.int().min(0);
const shape = z.array(count);
const numbers = z.array(z.number());

/** NaN and infinities as the wire writes them. */
const anyNumber = z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"]).transform(Number)]);
const scores = z.record(z.string(), anyNumber);

const step = z.discriminatedUnion("type", [
  z.object({ type: z.literal("impute"), value: numbers.min(1) }),
  z.object({ type: z.literal("clip"), low: numbers.min(1).nullable(), high: numbers.min(1).nullable() }),
  z.object({ type: z.literal("log") }),
  z.object({ type: z.literal("standardise"), center: numbers.min(1), scale: numbers.min(1) }),
  z.object({ type: z.literal("minMax"), center: numbers.min(1), scale: numbers.min(1), low: z.number() }),
  z.object({ type: z.literal("oneHot"), values: numbers }),
]);

const preprocessing: z.ZodType<Preprocessing> = z.object({
  columns: z
    .array(
      z.object({
        name: z.string(),
        kind: z.enum(["number", "boolean", "date", "category", "tensor", "tokens"]),
        shape,
        offset: count,
        width: count,
        categories: z.array(z.string()).exactOptional(),
        unit: z.literal("words").exactOptional(),
        unknownCode: z.int().min(-1).exactOptional(),
        dateOrder: z.enum(["iso", "dmy", "mdy"]).exactOptional(),
        steps: z.array(step),
      }),
    )
    .min(1),
  dropped: z.array(z.object({ name: z.string(), why: z.string() })),
  rawWidth: count,
  featureShape: shape,
  notes: z.array(z.string()),
  deferred: z.literal(true).exactOptional(),
});

const plainTarget: z.ZodType<PlainEncoding> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("classes"), columns: z.tuple([z.string()]), classes: z.array(z.string()).min(2) }),
  z.object({
    kind: z.literal("labels"),
    columns: z.array(z.string()).min(1),
    source: z.enum(["columns", "tags", "tensor"]),
    labels: z.array(z.string()).min(1),
  }),
  z.object({
    kind: z.literal("values"),
    columns: z.array(z.string()).min(1),
    width: count,
    center: numbers,
    scale: numbers,
  }),
]);

const target: z.ZodType<TargetEncoding> = z.union([
  plainTarget,
  z.object({
    kind: z.literal("sequence"),
    columns: z.tuple([z.string()]),
    classes: z.array(z.string()).min(2),
    length: count,
    padding: z.string().nullable(),
    lengths: z.string().nullable(),
    unit: z.enum(["elements", "characters", "words"]),
    ends: z.boolean(),
  }),
  z.object({ kind: z.enum(["inputs", "none"]), columns: z.tuple([]), width: count }) as z.ZodType<TargetEncoding>,
  z.object({
    kind: z.literal("tasks"),
    columns: z.array(z.string()).min(1),
    tasks: z.record(z.string(), plainTarget),
  }),
]);

const chosen = z.looseObject({ type: z.string() });

/** Of a spec: its members; what they chose is checked by the registry. */
export const EnsembleFile: z.ZodType<EnsembleSpec> = z.object({
  combine: z.enum(["average", "vote", "stack"]),
  members: z.array(z.object({ backbone: chosen, head: chosen, preprocessing, target })).min(2),
});

const dtype = z.enum(Object.keys(DTYPES) as [DType, ...DType[]]);

const signature: z.ZodType<Signature> = z.object({
  raw: shape,
  features: shape,
  outputs: count,
  results: z.record(z.string(), z.object({ dtype, shape })),
});

const provenance: z.ZodType<Provenance> = z.object({
  dataHash: z.string(),
  dataName: z.string(),
  rows: count,
  seed: z.number(),
  epochs: count,
  steps: count,
  versions: z.record(z.string(), z.string()),
  trainedAt: z.string(),
});

export const ModelFile = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  spec: z.record(z.string(), z.unknown()),
  imported: z.object({ file: z.literal(IMPORTED_FILE), sha256: z.string() }).exactOptional(),
  seed: z.number(),
  state: z.enum(["new", "trained"]),
  signature: signature.nullable(),
  preprocessing: preprocessing.nullable(),
  target: target.nullable(),
  loss: z.looseObject({ type: z.string() }).nullable().default(null),
  metrics: z.object({ training: scores, validation: scores.nullable() }).nullable(),
  provenance: provenance.nullable(),
  parameters: count.nullable(),
  weights: z.object({ file: z.literal(WEIGHTS_FILE), sha256: z.string().length(64), bytes: count }).nullable(),
});

export type ModelFile = z.input<typeof ModelFile>;

/** JSON with two spaces, non-finite numbers as strings. */
export function showModelFile(file: unknown): string {
  const replace = (_key: string, value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  return `${JSON.stringify(file, replace, 2)}\n`;
}
