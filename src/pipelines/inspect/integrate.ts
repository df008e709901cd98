/** @file Integrated gradients (Sundararajan et al. 2017): slopes along the straight way from a baseline to each row. */
import type { RawRows } from "../model/rawRows.ts";
import type { Trained } from "./activations.ts";
import { createAttributions } from "./attributions.ts";
import { gaussLegendre } from "./quadrature.ts";
import { compileSlopes, type Slope, type SourceShape } from "./slopes.ts";
import type { Chosen } from "./target.ts";

export interface IntegrateOptions {
  readonly targets: readonly Chosen[];
  readonly output: "logits" | "probabilities";
  readonly steps: number;
  /** One raw row; null: zeros in each source. */
  readonly baseline: Float32Array | null;
}

export function integrate(context: Trained, rows: RawRows, { targets, output, steps, baseline }: IntegrateOptions) {
  const ends = sourceValues(context, rows, output, targets);
  const start = baseline === null ? null : sourceValues(context, { raw: baseline, count: 1 }, output, targets);
  const slopes = compileSlopes(context, rows.count, { output, replaced: true });
  try {
    const { sources } = slopes;
    const ways = sources.map(
      ({ width, spans }, source): Way => ({
        width,
        spans,
        base: start?.values[source] ?? new Float32Array(width),
        end: ends.values[source]!,
      }),
    );
    /** Runs all rows at a share of their way. */
    const runAt = (share: number, visit: (slope: Slope) => void) =>
      slopes.forEachBatch(rows, targets, visit, (inputs, from, count) => {
        for (const [source, way] of ways.entries()) place(inputs[source]!, way, share, from, count);
      });
    const sums = sumSlopes(ways, rows.count, steps, runAt);
    const valuesAt = (share: number): number[] => {
      const values = new Array<number>(rows.count).fill(0);
      runAt(share, ({ from, count, value }) => {
        for (let row = 0; row < count; row++) values[from + row] = value(row);
      });
      return values;
    };
    const [outputs, baselineOutputs] = [valuesAt(1), valuesAt(0)];
    const attributions = createAttributions(context.record, sources, rows.count);
    for (const [source, { width, base, end }] of ways.entries()) {
      for (let row = 0; row < rows.count; row++) {
        const own = sums[source]!.subarray(row * width, (row + 1) * width);
        const parts = own.map((slope, index) => slope * (end[row * width + index]! - base[index]!));
        attributions.addSource(source, row, parts);
      }
    }
    const completenessError = outputs.map((value, row) =>
      Math.abs(attributions.sum(row) - (value - baselineOutputs[row]!)),
    );
    return { attributions: attributions.byColumn(), outputs, baselineOutputs, completenessError };
  } finally {
    slopes.release();
  }
}

/** Of one source: from one row, the baseline, to all, [rows, width]. */
interface Way extends Pick<SourceShape, "width" | "spans"> {
  readonly base: Float32Array;
  readonly end: Float32Array;
}

/** Writes where `count` rows are at a share of their way. What is of no column stays at its end: tokens, whose way is that of their vectors. */
function place(into: Float32Array, { width, spans, base, end }: Way, share: number, from: number, count: number): void {
  into.fill(0);
  into.set(end.subarray(from * width, (from + count) * width));
  for (let row = 0; row < count; row++) {
    for (const { offset, width: length } of spans) {
      for (let index = offset; index < offset + length; index++) {
        const last = end[(from + row) * width + index]!;
        into[row * width + index] = base[index]! + share * (last - base[index]!);
      }
    }
  }
}

/** By source [rows, width]: the mean slope along the way, by Gauss–Legendre quadrature. */
function sumSlopes(
  ways: readonly Way[],
  rows: number,
  steps: number,
  runAt: (share: number, visit: (slope: Slope) => void) => void,
): Float64Array[] {
  const sums = ways.map(({ width }) => new Float64Array(rows * width));
  const { nodes, weights } = gaussLegendre(steps);
  for (const [step, share] of nodes.entries()) {
    runAt(share, ({ from, count, factor, inSources }) => {
      for (const [source, { width }] of ways.entries()) {
        const [sum, slope] = [sums[source]!, inSources[source]!];
        for (let row = 0; row < count; row++) {
          const scale = weights[step]! * factor(row);
          for (let index = 0; index < width; index++)
            sum[(from + row) * width + index]! += scale * slope[row * width + index]!;
        }
      }
    });
  }
  return sums;
}

/** What the sources are of some rows: by source [rows, width]. */
function sourceValues(
  context: Trained,
  rows: RawRows,
  output: IntegrateOptions["output"],
  targets: readonly Chosen[],
): { sources: readonly SourceShape[]; values: Float32Array[] } {
  const slopes = compileSlopes(context, rows.count, { output, replaced: false });
  try {
    const values = slopes.sources.map(({ width }) => new Float32Array(rows.count * width));
    slopes.forEachBatch(rows, targets, ({ from, count, values: found }) => {
      for (const [source, { width }] of slopes.sources.entries()) {
        values[source]!.set(found[source]!.subarray(0, count * width), from * width);
      }
    });
    return { sources: slopes.sources, values };
  } finally {
    slopes.release();
  }
}
