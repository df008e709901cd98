/** @file Protobuf's wire format: variable-length integers, fixed-width numbers and length-delimited bytes, read and written. */
import { Fault } from "../fault.ts";

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;
export type WireType = (typeof WIRE)[keyof typeof WIRE];

/** Where in the message tree a reader stands, for errors: `ModelProto.graph.node[3]`. */
export type Path = string[];

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const toUtf8 = new TextEncoder();

export function malformed(path: Path, message: string, expected: string, got: string): Fault {
  const where = path.join("");
  return new Fault("DATA_INVALID", `not a readable ONNX file: ${message} in ${where}`, {
    violations: [{ path: where, message, expected, got }],
    hint: "the file is damaged, cut short, or not ONNX; compare its size and sha256 with the original's",
  });
}

/** Reads forward through `bytes`; every read checks that what it needs is there. */
export interface Reader {
  readonly bytes: Uint8Array;
  position: number;
  readonly end: number;
  readonly path: Path;
}

export function openReader(bytes: Uint8Array, path: Path, position = 0, end = bytes.length): Reader {
  return { bytes, position, end, path };
}

function require(reader: Reader, size: number): void {
  const left = reader.end - reader.position;
  if (size > left) throw malformed(reader.path, "the bytes end too early", `${size} bytes`, `${left} bytes`);
}

/** An unsigned integer of up to 64 bits. */
export function readVarint(reader: Reader): bigint {
  let low = 0; // the first 28 bits, without bigint arithmetic: enough for all tags and most lengths
  for (let shift = 0; shift < 28; shift += 7) {
    require(reader, 1);
    const byte = reader.bytes[reader.position++]!;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt(low);
  }
  let value = BigInt(low);
  for (let shift = 28n; shift < 70n; shift += 7n) {
    require(reader, 1);
    const byte = reader.bytes[reader.position++]!;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw malformed(reader.path, "an integer does not end", "at most 10 bytes", "more");
}

export function readLength(reader: Reader): number {
  const length = Number(readVarint(reader));
  require(reader, length);
  return length;
}

export function readTag(reader: Reader): { field: number; wireType: WireType } {
  const tag = Number(readVarint(reader));
  const wireType = tag & 7;
  const field = Math.floor(tag / 8);
  if (field < 1 || field > 0x1fffffff) {
    throw malformed(reader.path, "a field number is out of range", "1 to 536870911", String(field));
  }
  if (wireType > 5) throw malformed(reader.path, "a wire type does not exist", "0 to 5", String(wireType));
  return { field, wireType: wireType as WireType };
}

/** A view on the next `length` bytes. */
export function readBytes(reader: Reader, length: number): Uint8Array {
  require(reader, length);
  const start = reader.position;
  reader.position += length;
  return reader.bytes.subarray(start, reader.position);
}

export function readString(reader: Reader): string {
  const bytes = readBytes(reader, readLength(reader));
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed(reader.path, "a string is not UTF-8", "UTF-8", Buffer.from(bytes.subarray(0, 16)).toString("hex"));
  }
}

const DEEPEST = 100;

/** Steps over a value that nobody knows, nested groups included. */
export function skipValue(reader: Reader, field: number, wireType: WireType, depth = 0): void {
  if (wireType === WIRE.varint) readVarint(reader);
  else if (wireType === WIRE.fixed64) readBytes(reader, 8);
  else if (wireType === WIRE.fixed32) readBytes(reader, 4);
  else if (wireType === WIRE.bytes) readBytes(reader, readLength(reader));
  else if (wireType === WIRE.startGroup && depth < DEEPEST) {
    for (;;) {
      const inner = readTag(reader);
      if (inner.wireType === WIRE.endGroup && inner.field === field) return;
      skipValue(reader, inner.field, inner.wireType, depth + 1);
    }
  } else {
    throw malformed(reader.path, "a group is not closed or not opened", "matching groups", `field ${field}`);
  }
}

/** Writes backward, so that a message's length is known by the time it has to be written. */
export interface Writer {
  buffer: Uint8Array;
  /** Everything from here to the end of the buffer is written. */
  start: number;
}

/** Protobuf's own limit for one message. */
const LARGEST = 2 ** 31 - 1;

export function openWriter(): Writer {
  return { buffer: new Uint8Array(4096), start: 4096 };
}

export const written = (writer: Writer): number => writer.buffer.length - writer.start;

/** The finished bytes, as their own array. */
export const closeWriter = (writer: Writer): Uint8Array => writer.buffer.slice(writer.start);

function reserve(writer: Writer, size: number): void {
  if (size <= writer.start) {
    writer.start -= size;
    return;
  }
  const used = written(writer);
  if (used + size > LARGEST) {
    throw new Fault("LIMIT_EXCEEDED", "an ONNX file cannot hold more than 2 GiB", {
      hint: "keep its data in a file beside it (`externalData: true`), or export as safetensors",
    });
  }
  const grown = new Uint8Array(Math.min(LARGEST, Math.max(writer.buffer.length * 2, used + size)));
  grown.set(writer.buffer.subarray(writer.start), grown.length - used);
  writer.buffer = grown;
  writer.start = grown.length - used - size;
}

export function writeBytes(writer: Writer, bytes: Uint8Array): void {
  reserve(writer, bytes.length);
  writer.buffer.set(bytes, writer.start);
}

export const writeString = (writer: Writer, text: string): void => writeBytes(writer, toUtf8.encode(text));

/** Negative numbers take ten bytes, as protobuf's int32 and int64 do. */
export function writeVarint(writer: Writer, value: number | bigint): void {
  let rest = BigInt.asUintN(64, BigInt(value));
  const septets: number[] = [];
  do {
    septets.push(Number(rest & 0x7fn));
    rest >>= 7n;
  } while (rest > 0n);
  reserve(writer, septets.length);
  septets.forEach((septet, index) => {
    writer.buffer[writer.start + index] = index === septets.length - 1 ? septet : septet | 0x80;
  });
}

export const writeTag = (writer: Writer, field: number, wireType: WireType): void =>
  writeVarint(writer, field * 8 + wireType);
