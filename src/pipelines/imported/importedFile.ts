/** @file An ONNX file that a model came from: its bytes, shared between threads, and its graph, opened once in each. */
import { decodeOnnx, type ModelProto, type OpenedOnnx, openModel, pruned } from "../../engine/index.ts";

export interface ImportedFile {
  /** With all its data inside; never written to. */
  readonly bytes: SharedArrayBuffer;
  /** Of the bytes. */
  readonly sha256: string;
  /** The engine lacks an operator that it asks for. */
  readonly needsOnnxruntime?: true;
}

/** A file as it is computed with: whole, or up to some of its values. */
export interface OpenedFile {
  readonly model: ModelProto;
  readonly opened: OpenedOnnx;
}

/** Opening a large file takes a while, and tracing asks for it again and again. */
const KEPT = 8;
const kept = new Map<string, OpenedFile>();

/** @param outputs values to stop at; the file's own outputs when left out */
export function openFile({ bytes, sha256 }: ImportedFile, outputs?: readonly string[]): OpenedFile {
  const key = [sha256, ...(outputs ?? [])].join("\n");
  const known = kept.get(key);
  kept.delete(key);
  const file = known ?? openNew(bytes, outputs);
  kept.set(key, file);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
  return file;
}

/** Lets go of what was opened of a file. */
export function closeFile({ sha256 }: ImportedFile): void {
  for (const key of kept.keys()) if (key.split("\n")[0] === sha256) kept.delete(key);
}

function openNew(bytes: SharedArrayBuffer, outputs: readonly string[] | undefined): OpenedFile {
  const whole = decodeOnnx(new Uint8Array(bytes));
  const model = outputs === undefined ? whole : { ...whole, graph: pruned(whole.graph!, outputs) };
  return { model, opened: openModel(model) };
}
