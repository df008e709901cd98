/** @file Weight snapshots: packed into one shared buffer, and read back as arrays without copying. */
import { randomUUID } from "node:crypto";
import { copyInPieces, DTYPES, Fault, type NdArray, sizeOf, type TypedArray } from "../../engine/index.ts";
import type { WeightEntry, Weights } from "./record.ts";

const ALIGNMENT = 8;

/**
 * Copies `arrays` (by dotted path) into one new snapshot.
 * @param previous the snapshot before it, of the same lineage; left out, a new lineage begins.
 */
export function packWeights(arrays: Readonly<Record<string, NdArray>>, previous: Weights | null = null): Weights {
  const layout: WeightEntry[] = [];
  let bytes = 0;
  for (const [path, { dtype, shape }] of Object.entries(arrays)) {
    layout.push({ path, dtype, shape, offset: bytes });
    bytes += Math.ceil((sizeOf(shape) * DTYPES[dtype].bytes) / ALIGNMENT) * ALIGNMENT;
  }
  const weights: Weights = {
    layout,
    buffer: new SharedArrayBuffer(bytes),
    lineage: previous?.lineage ?? randomUUID(),
    version: (previous?.version ?? -1) + 1,
  };
  const views = weightArrays(weights);
  for (const [path, { data }] of Object.entries(arrays)) {
    copyInPieces(views[path]!.data, data);
  }
  return weights;
}

/** Views on a snapshot, by dotted path, in the order of its layout. Do not write to them. */
export function weightArrays({ layout, buffer }: Weights): Record<string, NdArray> {
  return Object.fromEntries(
    layout.map(({ path, dtype, shape, offset }) => {
      const end = offset + sizeOf(shape) * DTYPES[dtype].bytes;
      if (end > buffer.byteLength) {
        throw new Fault("INTERNAL", `weights of \`${path}\` end at byte ${end} of ${buffer.byteLength}`);
      }
      const View = DTYPES[dtype].array as new (buffer: SharedArrayBuffer, offset: number, length: number) => TypedArray;
      return [path, { dtype, shape, data: new View(buffer, offset, sizeOf(shape)) }];
    }),
  );
}

/** Whether every number of a snapshot is finite. */
export function isFiniteSnapshot(weights: Weights): boolean {
  return Object.values(weightArrays(weights)).every(({ data }) => {
    for (let index = 0; index < data.length; index++) if (!Number.isFinite(Number(data[index]))) return false;
    return true;
  });
}
