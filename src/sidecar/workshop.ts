/** @file What a compute worker works with: registry, machine, the models that it holds; wire values in, tensors out. */
import { writeFileSync } from "node:fs";
import type { Executor } from "../engine/index.ts";
import { type Dataset, loadData, type ModelRecord, type Registry } from "../pipelines/index.ts";
import { encodeTensor } from "../protocol/encodeTensor.ts";
import { fromWireNumber } from "../protocol/numbers.ts";
import { decodeTensor, isTensorObject, type TensorValue } from "../protocol/tensor.ts";
import type { DataRequest, Notice, Resident } from "./calls.ts";
import { regionReader } from "./regions.ts";
import { makeWayTo } from "./scratch.ts";

/** What a worker has at hand. */
export interface Workshop {
  readonly registry: Registry;
  /** Where files may be read; left out: anywhere. */
  readonly roots: readonly string[] | undefined;
  readonly control: Int32Array;
  /** The records that the main thread need not send again. */
  readonly models: Map<string, ModelRecord>;
  /** Kept between calls, because it caches compiled programs. */
  machine?: Executor;
  createMachine(threads: number | null): Executor;
  notify(notice: Notice): void;
}

const MOST_RESIDENT = 64;

/** The record sent, or the one that came before it. Forgets in the order in which the main thread does. */
export function recordOf({ id, record }: Resident, { models }: Workshop): ModelRecord {
  if (record === null) return models.get(id)!;
  models.delete(id);
  models.set(id, record);
  if (models.size > MOST_RESIDENT) models.delete(models.keys().next().value!);
  return record;
}

export function machineOf(workshop: Workshop): Executor {
  workshop.machine ??= workshop.createMachine(1);
  return workshop.machine;
}

/** Wire tensors become arrays; all else is the pipelines' to understand. */
export function load({ reference, handles }: DataRequest, { registry, roots }: Workshop): Promise<Dataset> {
  const decoded: Record<string, unknown> = { ...reference };
  for (const member of ["x", "y", "sampleWeight", "lengths"]) {
    const wire = reference[member];
    if (isTensorObject(wire))
      decoded[member] = decodeTensor(wire, { path: `data.${member}`, readRegion: regionReader(roots) });
  }
  return loadData(decoded as never, { registry, handles, roots });
}

/** Rows of a table stay as they are where a cell is more than a number; everything else is a tensor. */
export function decodeInputs(
  inputs: unknown,
  { preprocessing }: ModelRecord,
  { roots }: Workshop,
  path = "inputs",
): unknown {
  const kinds = new Set(preprocessing?.columns.map(({ kind }) => kind));
  const isMore = (row: unknown) =>
    Array.isArray(row) ? !kinds.has("tensor") && !row.every(isNumber) : Object(row) === row;
  const takesWords = kinds.has("category") || (kinds as ReadonlySet<string>).has("tokens");
  if (Array.isArray(inputs) && (takesWords || inputs.some(isMore))) return inputs;
  return decodeTensor(inputs, { path, readRegion: regionReader(roots) });
}

const isNumber = (cell: unknown): boolean => fromWireNumber(cell) !== undefined;

/**
 * Tensors of one answer on their way to the host, the large ones through files.
 * @param spillPath where the first file goes; others beside it.
 */
export function tensorEncoder(form: "values" | "b64" | "file" | null, spillPath: string) {
  let files = 0;
  const writeRegion = (bytes: Uint8Array) => {
    const path = files++ === 0 ? spillPath : `${spillPath}.${files}`;
    makeWayTo(path);
    writeFileSync(path, bytes, { mode: 0o600 });
    return { path, offset: 0, nbytes: bytes.byteLength };
  };
  return (tensor: TensorValue) => encodeTensor(tensor, { form: form ?? undefined, writeRegion });
}
