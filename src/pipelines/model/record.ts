/** @file A model as everything that passes it around knows it: plain, structured-clonable data, with its weights in shared memory. */
import type { DType, Shape, TensorType } from "../../engine/index.ts";
import type { ImportedFile } from "../imported/importedFile.ts";
import type { Preprocessing } from "../preprocess/preprocessing.ts";
import type { PolicyRecord } from "../rl/policyRecord.ts";
import type { TargetEncoding } from "../targets/index.ts";
import type { Configured, ModelSpec } from "./spec.ts";

export interface ModelRecord {
  readonly spec: ModelSpec;
  readonly seed: number;
  /** `new` until a first training has published weights. */
  readonly state: "new" | "trained";
  /** What goes in and comes out; null until known. */
  readonly signature: Signature | null;
  readonly preprocessing: Preprocessing | null;
  readonly target: TargetEncoding | null;
  /** What the last training made small, with what it took from the data; `evaluate` judges by it. Null: the pipeline's own. */
  readonly loss: Configured | null;
  /** Those of the last training: on the training part, and on the held-out part if there was one. */
  readonly metrics: RecordedMetrics | null;
  readonly provenance: Provenance | null;
  /** How many numbers training may change. */
  readonly parameters: number | null;
  readonly weights: Weights | null;
  /** Of a policy: what it learned by acting; left out, the model learned from data. */
  readonly policy?: PolicyRecord;
  /** Of a model that was made from an ONNX file, whole or up to a new head: the file. */
  readonly imported?: ImportedFile;
}

/** The shapes between the rooms of a model; each leaves the batch axis out. */
export interface Signature {
  /** One row as `encodeInputs` makes it: the program's `inputs`. */
  readonly raw: Shape;
  /** One row after preprocessing: what the backbone sees. */
  readonly features: Shape;
  /** Numbers per row that the head answers: classes, labels, or target columns. */
  readonly outputs: number;
  /** The named results of `predict`, by name. */
  readonly results: Readonly<Record<string, TensorType>>;
}

export interface RecordedMetrics {
  readonly training: Readonly<Record<string, number>>;
  readonly validation: Readonly<Record<string, number>> | null;
}

export interface Provenance {
  readonly dataHash: string;
  readonly dataName: string;
  readonly rows: number;
  readonly seed: number;
  readonly epochs: number;
  readonly steps: number;
  readonly versions: Readonly<Record<string, string>>;
  /** ISO 8601, UTC. */
  readonly trainedAt: string;
}

/**
 * One snapshot of trained parameters and buffers (such as batch norm's running statistics). A snapshot is never written
 * again once it is made: a training publishes new ones, so that a reader on another thread always sees a whole one.
 */
export interface Weights {
  readonly layout: readonly WeightEntry[];
  readonly buffer: SharedArrayBuffer;
  /** The same for all snapshots of one structure (one training and its resumptions), so that compiled programs are kept. */
  readonly lineage: string;
  /** Grows with each snapshot of a lineage. */
  readonly version: number;
}

export interface WeightEntry {
  /** Dotted: `backbone.layers.0.weight`. */
  readonly path: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** In bytes from the start of the buffer. */
  readonly offset: number;
}
