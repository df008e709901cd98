/** @file A small place to train in: a registry, an executor, a dataset, and everything that the training tells. */
import { createReference, type Executor, type NdArray } from "../../../src/engine/index.ts";
import type { Dataset } from "../../../src/pipelines/data/dataset.ts";
import { loadData } from "../../../src/pipelines/data/load.ts";
import type { DataReference } from "../../../src/pipelines/data/reference.ts";
import {
  createModel,
  createRegistry,
  type ModelRecord,
  parseTrainOptions,
  type Registry,
  type TrainingContext,
  type TrainingEvent,
  type TrainingResult,
  train,
} from "../../../src/pipelines/index.ts";

export const registry: Registry = createRegistry();

export function load(reference: DataReference): Promise<Dataset> {
  return loadData(reference, { registry, handles: {} });
}

export function matrix(rows: readonly (readonly number[])[]): NdArray {
  return { dtype: "F32", shape: [rows.length, rows[0]!.length], data: Float32Array.from(rows.flat()) };
}

/** A dataset of few rows whose class is the sign of the sum of its columns. */
export function signs(rows: number, columns = 3): Promise<Dataset> {
  const x = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => Math.sin(row * 12.9898 + column * 78.233)),
  );
  const y = x.map((values) => (values.reduce((sum, value) => sum + value, 0) > 0 ? 1 : 0));
  return load({ x: matrix(x), y: { dtype: "I32", shape: [rows], data: Int32Array.from(y) } });
}

export interface Trained {
  readonly result: TrainingResult;
  readonly events: readonly TrainingEvent[];
  readonly published: readonly ModelRecord[];
}

export type Wishes = Partial<Omit<TrainingContext, "options" | "dataset">> & {
  readonly dataset: Dataset;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly train?: Readonly<Record<string, unknown>>;
};

export function newControl(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** Trains a fresh classifier, unless told otherwise. */
export function learn({ spec, train: options, ...wishes }: Wishes): Trained {
  const record =
    wishes.record ??
    createModel(registry, { pipeline: "classification", backbone: { type: "mlp", hidden: [8] }, ...spec });
  const executor: Executor = wishes.executor ?? createReference();
  const events: TrainingEvent[] = [];
  const published: ModelRecord[] = [];
  const result = train({
    registry,
    executor,
    control: newControl(),
    ...wishes,
    record,
    options: parseTrainOptions(wishes.registry ?? registry, record, options ?? {}),
    emit(event) {
      events.push(event);
      wishes.emit?.(event);
    },
    publish(snapshot) {
      published.push(snapshot);
      wishes.publish?.(snapshot);
    },
  });
  return { result, events, published };
}

/** The training loss of each epoch. */
export function lossCurve(events: readonly TrainingEvent[]): number[] {
  return events.flatMap((event) => (event.type === "train.epoch" ? [event.data.loss] : []));
}

/** All bits of a model's weights. */
export function bitsOf({ weights }: ModelRecord): string {
  return Buffer.from(new Uint8Array(weights!.buffer)).toString("base64");
}
