/** @file The sums that judge a batch, traced: weighted loss, and the head's running figures. Training and evaluation share them. */
import type { Tensor, Tracer } from "../../engine/index.ts";
import { restoreTarget, standardiseTarget } from "../preprocess/target.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { FittedRecord } from "./network.ts";
import type { Configured } from "./spec.ts";

/** Loss and metrics over some rows. */
export interface Scores {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Running sums over some rows: divide `loss` by `lossWeight`, each metric by `weight`. */
export interface Sums {
  loss: number;
  lossWeight: number;
  weight: number;
  metrics: Record<string, number>;
}

/** Scalars F32 []. */
export interface Score {
  /** Σ weight · loss of the row. */
  readonly lossSum: Tensor;
  /** Σ weight · what the loss counts the row. */
  readonly lossWeight: Tensor;
  /** Σ weight · figure of the row, by name. */
  readonly running: Readonly<Record<string, Tensor>>;
}

/** The type of a batch's targets, as `encodeTarget` makes them. */
export function targetType({ target, signature }: FittedRecord, batch: number) {
  return target.kind === "classes"
    ? ({ dtype: "I32", shape: [batch] } as const)
    : ({ dtype: "F32", shape: [batch, signature.outputs] } as const);
}

/**
 * @param raw F32 [batch, outputs], as the head gives it.
 * @param target in its own units; what is learned may be standardised.
 * @param weight F32 [batch]; zero for padding.
 */
export function score(
  t: Tracer,
  registry: Registry,
  { spec, target: encoding }: FittedRecord,
  chosen: Configured,
  { raw, target, weight }: { raw: Tensor; target: Tensor; weight: Tensor },
): Score {
  const loss = find(registry.losses, chosen.type, "loss.type");
  const head = find(registry.heads, spec.head.type, "head.type");
  const options = optionsOf(chosen);
  const learned = standardiseTarget(t, target, encoding);
  const rowWeight = loss.rowWeight?.(t, raw, learned, options) ?? null;
  const figures = head.running?.(restoreTarget(t, raw, encoding), target, optionsOf(spec.head)) ?? {};
  const weighted = (perRow: Tensor): Tensor => perRow.mul(weight).sum();
  return {
    lossSum: weighted(loss.perRow(t, raw, learned, options)),
    lossWeight: rowWeight === null ? weight.sum() : weighted(rowWeight),
    running: Object.fromEntries(Object.entries(figures).map(([name, perRow]) => [name, weighted(perRow)])),
  };
}

/** Both together: all sums are linear in the rows' weights. */
export function addScores(a: Score, b: Score): Score {
  return {
    lossSum: a.lossSum.add(b.lossSum),
    lossWeight: a.lossWeight.add(b.lossWeight),
    running: Object.fromEntries(Object.entries(a.running).map(([name, sum]) => [name, sum.add(b.running[name]!)])),
  };
}

export function emptySums(): Sums {
  return { loss: 0, lossWeight: 0, weight: 0, metrics: {} };
}

/** Means from sums; NaN-free, since no weight means no rows. */
export function scoresOf({ loss, lossWeight, weight, metrics }: Sums): Scores {
  return {
    loss: lossWeight === 0 ? 0 : loss / lossWeight,
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, sum]) => [name, weight === 0 ? 0 : sum / weight])),
  };
}
