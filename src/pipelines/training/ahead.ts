/**
 * @file Batches made ahead of the step on a thread of their own, two at a time. Each is a function of its number alone, so
 * that it makes no difference who makes it: while the thread starts, and when it fails, whoever needs one makes it.
 */
import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { sizeOf } from "../../engine/index.ts";
import { orderOf } from "../model/batches.ts";
import type { Registry } from "../registry/registry.ts";
import { type AugmentedBatch, type AugmentPlan, augmentedBatch, createAugmenter } from "./augment.ts";

/** All that a batch's number needs to become a batch. */
export interface BatchPlan extends AugmentPlan {
  /** Rows of a batch. */
  readonly batch: number;
  readonly shuffle: boolean;
}

/** Makes batch `number`, counted from the training's first. */
export type BatchMaker = (number: number, into: AugmentedBatch) => void;

export function createBatchMaker(plan: BatchPlan, augmentations: Registry["augmentations"]): BatchMaker {
  const augment = createAugmenter(plan, augmentations);
  const { orderIn, batchesPerEpoch } = ordersOf(plan);
  return (number, into) => {
    const epoch = Math.floor(number / batchesPerEpoch);
    const from = (number % batchesPerEpoch) * plan.batch;
    augment(orderIn(epoch).subarray(from, from + plan.batch), epoch, into);
  };
}

/** The orders of the epochs; the one asked for last is kept. */
export function ordersOf({ count, batch, seed, shuffle }: Pick<BatchPlan, "count" | "batch" | "seed" | "shuffle">) {
  let known: { epoch: number; order: Int32Array } = { epoch: -1, order: new Int32Array(0) };
  return {
    batchesPerEpoch: Math.ceil(count / batch),
    orderIn(epoch: number): Int32Array {
      if (known.epoch !== epoch) known = { epoch, order: orderOf(count, seed, epoch, shuffle) };
      return known.order;
    },
  };
}

/** Words that the two threads share. `ready` and the word after it: the number of the batch in each place, plus 1. */
const WORDS = { needed: 0, isRunning: 1, quit: 2, changes: 3, ready: 4 } as const;
const PLACES = 2;

/** What the thread is started with. */
export interface AheadData {
  readonly plan: BatchPlan;
  readonly words: Int32Array;
  readonly places: readonly AugmentedBatch[];
}

export interface Ahead {
  /**
   * Copies batch `number` to `into`, waiting for it if need be. The next ones are made meanwhile.
   * @returns false when it is not to be had: then make it.
   */
  take(number: number, into: AugmentedBatch): boolean;
  release(): void;
}

/** The thread's code stands in dist/, seen from a bundle there, from one of its chunks, or from the sources. */
const PATHS = ["./prefetch.js", "../prefetch.js", "../../../dist/prefetch.js"];

/** Longer than any batch takes, in milliseconds: the thread must have died. */
const PATIENCE = 20_000;

/** Starts the thread; null where its code is not built. */
export function startAhead(plan: BatchPlan): Ahead | null {
  const path = PATHS.map((place) => new URL(place, import.meta.url)).find((candidate) => existsSync(candidate));
  if (path === undefined) return null;
  const words = new Int32Array(new SharedArrayBuffer((WORDS.ready + PLACES) * 4));
  const places = Array.from({ length: PLACES }, () => augmentedBatch(plan.batch, sizeOf(plan.facts.shape)));
  const worker = new Worker(path, {
    workerData: { plan, words, places } satisfies AheadData,
    execArgv: [],
    stdin: false,
  });
  worker.unref();
  worker.on("error", () => Atomics.store(words, WORDS.isRunning, 0));
  return {
    take(number, into) {
      announce(words, WORDS.needed, number);
      const place = number % PLACES;
      if (!waitUntil(words, () => Atomics.load(words, WORDS.ready + place) === number + 1)) return false;
      copy(places[place]!, into);
      // A thread that was still at an older order may have begun to write over it.
      const isWhole = Atomics.load(words, WORDS.ready + place) === number + 1;
      announce(words, WORDS.needed, number + 1);
      return isWhole;
    },
    release() {
      announce(words, WORDS.quit, 1);
    },
  };
}

/** Runs on the thread until it is told to quit: makes the batch that is needed next, then the one after it. */
export function makeAhead({ plan, words, places }: AheadData, augmentations: Registry["augmentations"]): void {
  const make = createBatchMaker(plan, augmentations);
  Atomics.store(words, WORDS.isRunning, 1);
  try {
    while (Atomics.load(words, WORDS.quit) === 0) {
      const changes = Atomics.load(words, WORDS.changes);
      const needed = Atomics.load(words, WORDS.needed);
      const missing = [needed, needed + 1].find(
        (number) => Atomics.load(words, WORDS.ready + (number % PLACES)) !== number + 1,
      );
      if (missing === undefined) {
        Atomics.wait(words, WORDS.changes, changes);
        continue;
      }
      const place = missing % PLACES;
      Atomics.store(words, WORDS.ready + place, 0);
      make(missing, places[place]!);
      announce(words, WORDS.ready + place, missing + 1);
    }
  } finally {
    announce(words, WORDS.isRunning, 0);
  }
}

function announce(words: Int32Array, word: number, value: number): void {
  Atomics.store(words, word, value);
  Atomics.add(words, WORDS.changes, 1);
  Atomics.notify(words, WORDS.changes);
}

/** False when the thread is not running, or nothing happens for too long. */
function waitUntil(words: Int32Array, isTrue: () => boolean): boolean {
  const limit = performance.now() + PATIENCE;
  for (;;) {
    const changes = Atomics.load(words, WORDS.changes);
    if (isTrue()) return true;
    if (Atomics.load(words, WORDS.isRunning) === 0 || performance.now() > limit) return false;
    Atomics.wait(words, WORDS.changes, changes, 100);
  }
}

function copy(from: AugmentedBatch, into: AugmentedBatch): void {
  into.features.set(from.features);
  into.partners.set(from.partners);
  into.shares.set(from.shares);
}
