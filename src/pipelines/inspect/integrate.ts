/** @file Integrated gradients (Sundararajan et al. 2017): slopes along the straight way from a baseline to each row. */
import type { RawRows } from "../model/rawRows.ts";
import type { Trained } from "./activations.ts";
import { createAttributions } from "./attributions.ts";
import { gaussLegendre } from "./quadrature.ts";
import { compileSlopes, type SourceShape } from "./slopes.ts";
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
    const bases = sources.map(({ width }, source) => start?.values[source] ?? new Float32Array(width));
    const attributions = createAttributions(context.record, sources, rows.count);
    const sums = sources.map(({ width }) => new Float64Array(rows.count * width));
    const outputs = new Array<number>(rows.count).fill(0);
    const baselineOutputs = new Array<number>(rows.count).fill(0);

    /** Runs all rows at a share of their way. */
    const runAt = (share: number, visit: Parameters<typeof slopes.forEachBatch>[2]) =>
      slopes.forEachBatch(rows, targets, visit, (inputs, from, count) => {
        for (const [source, { width, spans }] of sources.entries()) {
          const [base, end] = [bases[source]!, ends.values[source]!];
          const into = inputs[source]!;
          into.fill(0);
          for (let row = 0; row < count; row++) {
            // What is of no column here stays as it is: tokens, whose way is that of their vectors.
            into.set(end.subarray((from + row) * width, (from + row + 1) * width), row * width);
            for (const span of spans) {
              for (let index = span.offset; index < span.offset + span.width; index++) {
                const last = end[(from + row) * width + index]!;
                into[row * width + index] = base[index]! + share * (last - base[index]!);
              }
            }
          }
        }
      });

    const { nodes, weights } = gaussLegendre(steps);
    for (const [step, share] of nodes.entries()) {
      runAt(share, ({ from, count, factor, inSources }) => {
        for (const [source, { width }] of sources.entries()) {
          const slope = inSources[source]!;
          for (let row = 0; row < count; row++) {
            const scale = weights[step]! * factor(row);
            for (let index = 0; index < width; index++) {
              sums[source]![(from + row) * width + index]! += scale * slope[row * width + index]!;
            }
          }
        }
      });
    }
    const keepIn =
      (into: number[]) =>
      ({ from, count, value }: { from: number; count: number; value(row: number): number }) => {
        for (let row = 0; row < count; row++) into[from + row] = value(row);
      };
    runAt(1, keepIn(outputs));
    runAt(0, keepIn(baselineOutputs));

    for (const [source, { width }] of sources.entries()) {
      for (let row = 0; row < rows.count; row++) {
        const own = sums[source]!.subarray(row * width, (row + 1) * width);
        const end = ends.values[source]!;
        const way = own.map((slope, index) => slope * (end[row * width + index]! - bases[source]![index]!));
        attributions.addSource(source, row, way);
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
