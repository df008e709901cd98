/** @file Prioritised replay: transitions drawn as often as their values were wrong, by a tree of sums (Schaul et al. 2016, appendix B.2). */
import type { NdArray } from "../../engine/index.ts";
import type { RandomStream } from "../random.ts";

export interface Priorities {
  /** A transition that has not been learned yet is as likely as the most surprising one. */
  setNewest(row: number): void;
  /** Priority (|error| + ε)^α for each row. */
  set(rows: Int32Array, errors: ArrayLike<number>): void;
  /** One row from each of as many equal parts of the sum; weights (size · P)^−β, the largest of them 1. */
  draw(
    rows: Int32Array,
    weights: Float32Array,
    of: { readonly size: number; readonly beta: number; readonly random: RandomStream },
  ): void;
  save(size: number): Record<string, NdArray>;
  restore(tensors: Readonly<Record<string, NdArray>>): void;
}

const EPSILON = 1e-6;

export function createPriorities(capacity: number, alpha: number): Priorities {
  let leaves = 1;
  while (leaves < capacity) leaves *= 2;
  /** Node n has the children 2n and 2n + 1; leaf of row r is leaves + r. */
  const sums = new Float64Array(2 * leaves);
  let largest = 1;

  function put(row: number, priority: number): void {
    let node = leaves + row;
    sums[node] = priority;
    for (node >>>= 1; node >= 1; node >>>= 1) sums[node] = sums[2 * node]! + sums[2 * node + 1]!;
  }

  /** The row in whose part of the sum `mass` falls; rounding may lead past the last one that has any. */
  function find(mass: number, size: number): number {
    let [node, rest] = [1, mass];
    while (node < leaves) {
      const left = sums[2 * node]!;
      if (rest < left || sums[2 * node + 1] === 0) node = 2 * node;
      else {
        rest -= left;
        node = 2 * node + 1;
      }
    }
    return Math.min(size - 1, node - leaves);
  }

  return {
    setNewest: (row) => put(row, largest ** alpha),
    set(rows, errors) {
      for (const [index, row] of rows.entries()) {
        const priority = Math.abs(errors[index]!) + EPSILON;
        if (!Number.isFinite(priority)) continue;
        largest = Math.max(largest, priority);
        put(row, priority ** alpha);
      }
    },
    draw(rows, weights, { size, beta, random }) {
      const total = sums[1]!;
      const count = rows.length;
      let most = 0;
      for (let index = 0; index < count; index++) {
        const row = find(((index + random.uniform()) / count) * total, size);
        rows[index] = row;
        const weight = ((size * sums[leaves + row]!) / total) ** -beta;
        weights[index] = weight;
        most = Math.max(most, weight);
      }
      for (let index = 0; index < count; index++) weights[index]! /= most;
    },
    save: (size) => ({
      priorities: { dtype: "F64", shape: [size], data: sums.slice(leaves, leaves + size) },
      largest: { dtype: "F64", shape: [1], data: Float64Array.of(largest) },
    }),
    restore({ priorities, largest: saved }) {
      sums.fill(0);
      sums.set(priorities!.data as Float64Array, leaves);
      for (let node = leaves - 1; node >= 1; node--) sums[node] = sums[2 * node]! + sums[2 * node + 1]!;
      largest = Number(saved!.data[0]);
    },
  };
}
