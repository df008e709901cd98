/** @file What sources were given, in terms of the columns that hosts know. */
import { type NdArray, sizeOf } from "../../engine/index.ts";
import type { FittedRecord } from "../model/network.ts";
import type { Slope, SourceShape } from "./slopes.ts";

/** The slope, its magnitude, or the slope times the input. */
export type Attribution = "slope" | "magnitude" | "product";

export interface Attributions {
  /** Adds what a run says of one of its rows, `weight` times. */
  add(slope: Slope, row: number, how: Attribution, weight: number): void;
  /** Adds numbers of a row of a source, each to the column that it is of. */
  addSource(source: number, row: number, values: ArrayLike<number>): void;
  /** The sum of all that was added for a row. */
  sum(row: number): number;
  byColumn(): Record<string, NdArray>;
}

const HOW: Readonly<Record<Attribution, (slope: number, value: number) => number>> = {
  slope: (slope) => slope,
  magnitude: (slope) => Math.abs(slope),
  // A missing value is what a step puts in its place, and moves nothing.
  product: (slope, value) => (Number.isNaN(value) ? 0 : slope * value),
};

/** Of `count` rows, all zeros at first. */
export function createAttributions(
  { preprocessing, signature }: FittedRecord,
  sources: readonly SourceShape[],
  count: number,
): Attributions {
  const spans = sources.flatMap((source) => source.spans);
  const columns = preprocessing.columns.map((column) => {
    const own = spans.filter((span) => span.column === column.name);
    const isSummed = own.some(({ kind }) => kind === "category");
    const shape = isSummed ? [] : column.shape;
    // Slopes of plain numbers are taken in the host's own units; all others where the network is smooth.
    return {
      ...column,
      shape,
      inRaw: own.every(({ kind }) => kind === "numbers"),
      data: new Float64Array(count * sizeOf(shape)),
    };
  });
  const byName = new Map(columns.map((column) => [column.name, column]));
  const rawWidth = sizeOf(signature.raw);

  const scatter = (
    source: number,
    row: number,
    valueAt: (index: number) => number,
    only: (name: string) => boolean,
  ) => {
    for (const { column: name, offset, width, summed } of sources[source]!.spans) {
      if (!only(name)) continue;
      const { data } = byName.get(name)!;
      const size = data.length / count;
      for (let index = 0; index < width; index++) {
        data[row * size + Math.floor(index / summed)]! += valueAt(offset + index);
      }
    }
  };

  return {
    add(slope, row, how, weight) {
      const factor = weight * (how === "magnitude" ? Math.abs(slope.factor(row)) : slope.factor(row));
      const at = slope.from + row;
      for (const { inRaw, offset, width, data } of columns) {
        if (!inRaw) continue;
        for (let index = 0; index < width; index++) {
          const place = row * rawWidth + offset + index;
          data[at * width + index]! += factor * HOW[how](slope.inRaw![place]!, slope.raw[place]!);
        }
      }
      for (const [source, { width }] of sources.entries()) {
        const [values, slopes] = [slope.values[source]!, slope.inSources[source]!];
        const valueAt = (index: number) =>
          factor * HOW[how](slopes[row * width + index]!, values[row * width + index]!);
        scatter(source, at, valueAt, (name) => !byName.get(name)!.inRaw);
      }
    },
    addSource: (source, row, values) =>
      scatter(
        source,
        row,
        (index) => values[index]!,
        () => true,
      ),
    sum(row) {
      return columns.reduce((sum, { data }) => {
        const size = data.length / count;
        return sum + data.subarray(row * size, (row + 1) * size).reduce((a, b) => a + b, 0);
      }, 0);
    },
    byColumn: () =>
      Object.fromEntries(
        columns.map(({ name, shape, data }) => [
          name,
          { dtype: "F32" as const, shape: [count, ...shape], data: Float32Array.from(data) },
        ]),
      ),
  };
}
