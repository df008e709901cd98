/** @file What a column's values say: centres, quantiles, the elements of a row one by one or all as one. */
import type { Column } from "../data/dataset.ts";
import type { PerElement } from "./preprocessing.ts";

/** A column's values, row after row; bytes as long as no step has changed them. */
export type Numbers = Float32Array | Uint8Array;

/** Stand-ins for missing values; 0 where nothing is known. */
export const CENTRES = {
  mean(values: Numbers): number {
    let sum = 0;
    for (let index = 0; index < values.length; index++) sum += values[index]!;
    return values.length === 0 ? 0 : sum / values.length;
  },
  median: (values: Numbers): number => quantile(values.slice().sort(), 0.5),
  /** The most frequent value; the smallest of several. */
  mode(values: Numbers): number {
    const counts = new Map<number, number>();
    for (const value of values.slice().sort()) counts.set(value, (counts.get(value) ?? 0) + 1);
    let best = 0;
    let most = 0;
    for (const [value, count] of counts) if (count > most) [best, most] = [value, count];
    return best;
  },
} as const;

/** Linear interpolation between order statistics, as NumPy's default; 0 of nothing. */
export function quantile(sorted: Numbers, share: number): number {
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? 0;
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * Images share one scale, and so do vectors whose elements look like pixels: all have the same minimum, and at least half
 * the same maximum. Standardising each pixel by itself would blow up those that are hardly ever lit.
 */
export function usualOver({ kind, shape }: Column, values: Numbers, width: number): "element" | "tensor" {
  if (kind !== "tensor" || width === 1) return "element";
  if (shape.length > 1) return "tensor";
  const least = new Float32Array(width).fill(Infinity);
  const most = new Float32Array(width).fill(-Infinity);
  for (let index = 0; index < values.length; index++) {
    const element = index % width;
    if (values[index]! < least[element]!) least[element] = values[index]!;
    if (values[index]! > most[element]!) most[element] = values[index]!;
  }
  const highest = CENTRES.mode(most);
  const agreeing = most.filter((value) => value === highest).length;
  return agreeing >= width / 2 && least.every((value) => value === least[0]) ? "tensor" : "element";
}

/** The values of each element of a row over all rows, or all of them as one. */
export function elementsOf(values: Numbers, width: number, over: "element" | "tensor"): Numbers[] {
  if (over === "tensor" || width === 1) return [values];
  const rows = values.length / width;
  return Array.from({ length: width }, (_, element) => {
    const own = new Float32Array(rows);
    for (let row = 0; row < rows; row++) own[row] = values[row * width + element]!;
    return own;
  });
}

export function perElement(values: Numbers, width: number, of: (element: Numbers) => number): PerElement {
  return elementsOf(values, width, "element").map(of);
}
