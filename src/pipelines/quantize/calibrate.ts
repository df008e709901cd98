/** @file The ranges of values inside a graph, measured on samples: once for their ends, once more where a method wants them counted. */
import {
  countInto,
  type Executor,
  emptyHistogram,
  type Histogram,
  type ModelProto,
  needsHistogram,
  type Range,
  type RangeOptions,
  rangeBy,
  widen,
} from "../../engine/index.ts";
import { createRunner } from "./runGraph.ts";
import type { Samples } from "./samples.ts";

/** @param names values of 32-bit floats */
export function calibrate(
  executor: Executor,
  model: ModelProto,
  names: readonly string[],
  samples: Samples,
  batch: number,
  options: RangeOptions,
): ReadonlyMap<string, Range> {
  if (names.length === 0) return new Map();
  const runner = createRunner(executor, model, names);
  const visit = (see: (name: string, values: Float32Array) => void): void => {
    for (let from = 0; from < samples.count; from += batch) {
      const values = runner.run(samples.feeds(from, Math.min(from + batch, samples.count)));
      for (const name of names) see(name, values[name]!.data as Float32Array);
    }
  };
  try {
    const seen = new Map<string, Range>();
    visit((name, values) => seen.set(name, widen(seen.get(name), values)));
    const histograms = new Map<string, Histogram>();
    if (needsHistogram(options)) {
      for (const [name, range] of seen) histograms.set(name, emptyHistogram(range, options));
      visit((name, values) => countInto(histograms.get(name)!, values));
    }
    return new Map([...seen].map(([name, range]) => [name, rangeBy(options, range, histograms.get(name))]));
  } finally {
    runner.release();
  }
}
