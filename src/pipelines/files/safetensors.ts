/**
 * @file The safetensors format, read and written: 8 bytes of header length, a JSON header, then the tensors' bytes without
 * holes (github.com/huggingface/safetensors, "Format"). Every claim of the header is checked before a byte is used.
 */
import { DTYPES, type DType, Fault, type NdArray, sizeOf, type TypedArray } from "../../engine/index.ts";

export interface Tensors {
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The reference implementation's limit. */
const LARGEST_HEADER = 100_000_000;
const PREFIX = 8;

interface Entry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * The tensors of a safetensors file. Arrays are views on `bytes` where its alignment allows, copies elsewhere.
 * Faults: CHECKPOINT_CORRUPT that says what is wrong and where.
 * @param source what to call the file in a fault.
 */
export function decodeSafetensors(bytes: Uint8Array, source: string): Tensors {
  const { entries, metadata, start } = readHeader(bytes, source);
  const tensors: [string, NdArray][] = entries.map(([name, { dtype, shape, begin, end }]) => [
    name,
    { dtype, shape, data: viewOf(bytes, dtype, start + begin, end - begin) },
  ]);
  return { tensors: Object.fromEntries(tensors), metadata };
}

/** Bytes of a safetensors file, header padded with spaces so that tensors are aligned; larger elements first, then by name. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, NdArray>>,
  metadata: Readonly<Record<string, string>> = {},
): Buffer {
  const order = Object.entries(tensors).sort(
    ([a, { dtype: first }], [b, { dtype: second }]) => DTYPES[second].bytes - DTYPES[first].bytes || (a < b ? -1 : 1),
  );
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
  let total = 0;
  for (const [name, { dtype, shape, data }] of order) {
    const size = sizeOf(shape) * DTYPES[dtype].bytes;
    if (data.byteLength !== size) {
      throw new Fault(
        "SHAPE_MISMATCH",
        `tensor \`${name}\` has ${data.byteLength} bytes, ${dtype} [${shape.join(", ")}] needs ${size}`,
      );
    }
    entries.push([name, { dtype, shape, data_offsets: [total, total + size] }]);
    total += size;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const file = Buffer.alloc(PREFIX + headerLength + total, " ");
  file.writeBigUInt64LE(BigInt(headerLength));
  json.copy(file, PREFIX);
  let position = PREFIX + headerLength;
  for (const [, { data }] of order) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

function readHeader(bytes: Uint8Array, source: string) {
  const corrupt = (problem: string, path = source): Fault =>
    new Fault("CHECKPOINT_CORRUPT", `\`${source}\` is not a whole safetensors file: ${problem}`, {
      violations: [{ path, message: problem }],
      hint: "it may have been cut off while copied; take another copy",
    });
  if (bytes.length < PREFIX) throw corrupt(`it has ${bytes.length} bytes, not even the 8 of its header's length`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > LARGEST_HEADER) throw corrupt(`its header claims ${length} bytes`);
  const start = PREFIX + Number(length);
  if (start > bytes.length) throw corrupt(`its header needs ${length} bytes, ${bytes.length - PREFIX} are there`);

  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(PREFIX, start)));
  } catch (cause) {
    throw corrupt(`its header is not JSON (${(cause as Error).message})`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header))
    throw corrupt("its header is not an object");
  const { __metadata__: metadata = {}, ...described } = header as Record<string, unknown>;
  if (!isStringMap(metadata)) throw corrupt("its `__metadata__` is not a map of strings");

  const entries = Object.entries(described)
    .map(
      ([name, entry]) =>
        [name, checkEntry(entry, (problem) => corrupt(`tensor \`${name}\`: ${problem}`, name))] as const,
    )
    .sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const [name, { begin, end }] of entries) {
    if (begin !== position)
      throw corrupt(`tensor \`${name}\` starts at byte ${begin}, expected ${position} (no holes, no overlaps)`, name);
    position = end;
  }
  if (position !== bytes.length - start)
    throw corrupt(`its tensors need ${position} bytes, ${bytes.length - start} are there`);
  return { entries, metadata, start };
}

function checkEntry(entry: unknown, corrupt: (problem: string) => Fault): Entry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPES, dtype))
    throw corrupt(`unknown dtype ${JSON.stringify(dtype)}`);
  if (!isCounts(shape)) throw corrupt(`shape ${JSON.stringify(shape)} is not a list of sizes`);
  if (!isCounts(offsets) || offsets.length !== 2)
    throw corrupt(`data_offsets ${JSON.stringify(offsets)} are not two positions`);
  const [begin, end] = offsets as [number, number];
  const expected = sizeOf(shape) * DTYPES[dtype as DType].bytes;
  if (end - begin !== expected)
    throw corrupt(`${dtype} [${shape.join(", ")}] needs ${expected} bytes, its offsets give ${end - begin}`);
  return { dtype: dtype as DType, shape, begin, end };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function isStringMap(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && Object.values(value).every((item) => typeof item === "string");
}

function viewOf(bytes: Uint8Array, dtype: DType, offset: number, size: number): TypedArray {
  const { bytes: width, array: TypedArray } = DTYPES[dtype];
  const position = bytes.byteOffset + offset;
  if (position % width === 0) return new TypedArray(bytes.buffer as ArrayBuffer, position, size / width);
  // A copy: `slice` of a Buffer would be one more view.
  return new TypedArray(new Uint8Array(bytes.subarray(offset, offset + size)).buffer);
}
