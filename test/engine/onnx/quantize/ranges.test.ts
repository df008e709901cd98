/** @file Ranges from values. Beside onnxruntime's own calibrators they stand in test/interop/test_quantize.py. */
import { describe, expect, it } from "vitest";
import {
  count,
  emptyHistogram,
  type RangeOptions,
  rangeBy,
  widen,
} from "../../../../src/engine/onnx/quantize/ranges.ts";

const options = (method: RangeOptions["method"], more: Partial<RangeOptions> = {}): RangeOptions => ({
  method,
  percentile: 99,
  numBins: 2048,
  numQuantizedBins: 128,
  ...more,
});

/** Nine thousand values around zero, as a bell; and one far out. */
const bell = Float32Array.from({ length: 9000 }, (_, index) => {
  const at = (index + 0.5) / 9000;
  return Math.log(at / (1 - at)) / 2;
});
const withOutlier = Float32Array.of(...bell, 50);

function rangeOf(chosen: RangeOptions, values: Float32Array) {
  const seen = widen(undefined, values);
  const histogram = emptyHistogram(seen, chosen);
  count(histogram, values);
  return rangeBy(chosen, seen, chosen.method === "minmax" ? undefined : histogram);
}

describe("the range of values", () => {
  it("is from the smallest to the largest by min-max, over all batches", () => {
    expect(widen(widen(undefined, [1, -2]), [3, 0])).toEqual([-2, 3]);
    expect(rangeOf(options("minmax"), withOutlier)[1]).toBe(50);
  });

  it("leaves out what is no number", () => {
    expect(widen(undefined, [Number.NaN, 1, Number.POSITIVE_INFINITY, -1])).toEqual([-1, 1]);
  });

  it("leaves out the outermost by percentile, half on either side", () => {
    const [low, high] = rangeOf(options("percentile"), withOutlier);
    expect(high).toBeGreaterThan(2.5);
    expect(high).toBeLessThan(2.7); // the logistic's 99.5th percentile, halved, is 2.647; bins are 0.05 wide
    expect(low).toBeCloseTo(-high, 1);
  });

  it("gives up what is far out and rare by entropy", () => {
    const [low, high] = rangeOf(options("entropy"), withOutlier);
    expect(high).toBeLessThan(10);
    expect(low).toBeGreaterThan(-10);
  });

  it("never goes beyond what was seen", () => {
    const positive = bell.map((value) => Math.abs(value) + 1);
    for (const method of ["percentile", "entropy"] as const) {
      const [low, high] = rangeOf(options(method), positive);
      expect(low, method).toBeGreaterThanOrEqual(1);
      expect(high, method).toBeLessThanOrEqual(Math.max(...positive));
    }
  });

  it("is nothing where nothing was seen", () => {
    expect(rangeBy(options("entropy"), widen(undefined, []))).toEqual([0, 0]);
  });
});
