/** @file Where a training's batches come from: rows as they are, or augmented, here or ahead of the step on another thread. */
import { sizeOf } from "../../engine/index.ts";
import { AUGMENTATIONS } from "../augmentations/index.ts";
import { type BatchViews, fillBatch, fillFeatures, fillPartners, fillTargets } from "../model/batches.ts";
import type { Registry } from "../registry/registry.ts";
import { type Ahead, type BatchPlan, ordersOf, startAhead } from "./ahead.ts";
import { augmentedBatch, createAugmenter, planAugmentation } from "./augment.ts";
import type { Prepared } from "./prepare.ts";

export interface BatchSource {
  /**
   * Writes the batch that begins at `order[from]` to a program's inputs.
   * @param number batches done before it: where in the training it stands.
   * @returns how many rows it is, and their weights together.
   */
  fill(views: BatchViews, order: Int32Array, from: number, number: number): { count: number; weight: number };
  release(): void;
}

/** What tells the draws of a second view from those of the first. */
const SECOND = 0x5ec0d;

/** The same rows changed another way, for those who learn from two views; made here, where it is asked for. */
function secondView(plan: BatchPlan, augmentations: Registry["augmentations"]) {
  const augment = createAugmenter({ ...plan, seed: (plan.seed + SECOND) % Number.MAX_SAFE_INTEGER }, augmentations);
  const made = augmentedBatch(plan.batch, sizeOf(plan.facts.shape));
  return (rows: Int32Array, epoch: number, into: Float32Array): void => {
    augment(rows, epoch, made);
    into.set(made.features);
  };
}

/** @param prefetch whether batches may be made ahead on another thread: the bits are the same. */
export function openBatches(
  registry: Registry,
  { record, training, options }: Pick<Prepared, "record" | "training" | "options">,
  batch: number,
  prefetch = true,
): BatchSource {
  if (options.augment.length === 0) {
    return { fill: (views, order, from) => fillBatch(views, training, order, from), release() {} };
  }
  const { augmentations } = registry;
  const plan: BatchPlan = {
    ...planAugmentation(augmentations, record, training, options),
    batch,
    shuffle: options.shuffle,
  };
  const augment = createAugmenter(plan, augmentations);
  const { batchesPerEpoch, orderIn } = ordersOf(plan);
  const made = augmentedBatch(batch, sizeOf(plan.facts.shape));
  const second = secondView(plan, augmentations);
  const isOurs = options.augment.every(({ type }) => AUGMENTATIONS.some((own) => own.type === type));
  const ahead: Ahead | null = prefetch && isOurs ? startAhead(plan) : null;
  let latest = -1;

  /** The thread knows batches by number, in the order of their epoch; whoever has another order makes them here. */
  const isInOrder = (rows: Int32Array, number: number): boolean => {
    const from = (number % batchesPerEpoch) * batch;
    const usual = orderIn(Math.floor(number / batchesPerEpoch)).subarray(from, from + batch);
    return rows.length === usual.length && rows.every((row, index) => row === usual[index]);
  };

  return {
    fill(views, order, from, number) {
      const rows = order.subarray(from, from + batch);
      const isThere = latest === number && isInOrder(rows, number); // after an interruption
      if (!isThere) {
        const isTaken = ahead !== null && isInOrder(rows, number) && ahead.take(number, made);
        if (!isTaken) augment(rows, Math.floor(number / batchesPerEpoch), made);
        latest = number;
      }
      fillFeatures(views, made.features);
      if (views.second !== undefined) second(rows, Math.floor(number / batchesPerEpoch), views.second as Float32Array);
      fillPartners(views, training, made.partners, made.shares, rows.length);
      return fillTargets(views, training, order, from);
    },
    release: () => ahead?.release(),
  };
}
