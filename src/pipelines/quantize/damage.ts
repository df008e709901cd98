/** @file What integers cost: values of the graph as it was beside those of the graph as it is, on the same samples. */
import type { Executor, ModelProto } from "../../engine/index.ts";
import { createRunner } from "./runGraph.ts";
import type { Samples } from "./samples.ts";

export interface Damage {
  /** 10 · log10(Σ x² / Σ (x − q)²), in decibels; null where nothing differs. */
  readonly sqnr: number | null;
  readonly maxAbsDiff: number;
  /** Of indices: the share that stayed the same. */
  readonly agreement?: number;
}

interface Sums {
  same: number;
  count: number;
  signal: number;
  noise: number;
  largest: number;
}

/** @param names values of both graphs */
export function damageOf(
  executor: Executor,
  [before, after]: readonly [ModelProto, ModelProto],
  names: readonly string[],
  samples: Samples,
  batch: number,
): ReadonlyMap<string, Damage> {
  const sums = new Map<string, Sums>(
    names.map((name) => [name, { signal: 0, noise: 0, largest: 0, same: 0, count: 0 }]),
  );
  const indices = new Set<string>();
  const [real, quantized] = [createRunner(executor, before, names), createRunner(executor, after, names)];
  try {
    for (let from = 0; from < samples.count; from += batch) {
      const feeds = samples.feeds(from, Math.min(from + batch, samples.count));
      const was = real.run(feeds);
      // views are live until the next run
      const kept = names.map((name) => Float64Array.from(was[name]!.data as Float32Array));
      const is = quantized.run(feeds);
      for (const name of names) if (is[name]!.dtype !== "F32") indices.add(name);
      for (const [index, name] of names.entries()) add(sums.get(name)!, kept[index]!, is[name]!.data as Float32Array);
    }
  } finally {
    real.release();
    quantized.release();
  }
  const damage = ({ signal, noise, largest, same, count }: Sums, isIndex: boolean): Damage =>
    isIndex
      ? { sqnr: null, maxAbsDiff: largest, agreement: same / count }
      : { sqnr: decibels(signal, noise), maxAbsDiff: largest };
  return new Map([...sums].map(([name, found]) => [name, damage(found, indices.has(name))]));
}

function add(sums: Sums, was: Float64Array, is: Float32Array): void {
  sums.count += was.length;
  for (let index = 0; index < was.length; index++) {
    const difference = was[index]! - is[index]!;
    sums.signal += was[index]! ** 2;
    sums.noise += difference ** 2;
    if (difference === 0) sums.same++;
    sums.largest = Math.max(sums.largest, Math.abs(difference));
  }
}

const decibels = (signal: number, noise: number): number | null =>
  noise === 0 ? null : 10 * Math.log10(signal / noise);
