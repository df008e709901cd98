/** @file How many rows go through a network at once: any number, unless they look at each other; then all of them, and none besides. */
import { areRowsIndependent, type Traced, trace } from "../../engine/index.ts";
import type { Registry } from "../registry/registry.ts";
import { type FittedRecord, infer, previousInput } from "./network.ts";
import type { ModelSpec } from "./spec.ts";

/** From raw rows to results. */
export function traceInference(registry: Registry, record: FittedRecord, batch: number): Traced {
  return trace((t) => ({
    outputs: infer(
      t,
      registry,
      record,
      t.input("raw", { dtype: "F32", shape: [batch, ...record.signature.raw] }),
      previousInput(t, registry, record, batch),
    ),
  }));
}

/** What was found, which training does not change. */
const found = new WeakMap<ModelSpec, boolean>();

/**
 * Whether what the model says of a row hangs on that row alone. Files may say otherwise: a batch normalization in training
 * mode, a softmax over the batch.
 */
export function areRowsApart(registry: Registry, record: FittedRecord): boolean {
  const known = found.get(record.spec);
  if (known !== undefined) return known;
  const batch = 2;
  const apart = areRowsIndependent(traceInference(registry, record, batch), batch);
  found.set(record.spec, apart);
  return apart;
}

/** @param most rows that may go at once where they are independent @returns how many do, at least 1 */
export function rowsAtOnce(registry: Registry, record: FittedRecord, count: number, most: number): number {
  return Math.max(1, areRowsApart(registry, record) ? Math.min(count, most) : count);
}
