/**
 * @file The IDX format of MNIST and its kin (yann.lecun.com/exdb/mnist): two zero bytes, a type, a rank, big-endian sizes,
 * then the elements, big-endian. Often gzipped.
 */
import { DTYPES, type DType, Fault, type NdArray, sizeOf } from "../../engine/index.ts";
import { unpacked } from "./gzip.ts";

/** Element types by the header's third byte. */
const TYPES: Readonly<Record<number, DType>> = { 8: "U8", 9: "I8", 11: "I16", 12: "I32", 13: "F32", 14: "F64" };

/**
 * One array. Faults: DATA_INVALID for what is no IDX file, is cut off, or has too many bytes.
 * @param source what to call the file in a fault.
 */
export function decodeIdx(file: Uint8Array, source: string): NdArray {
  const bytes = unpacked(file, source);
  const [zero, alsoZero, type, rank] = bytes;
  const dtype = TYPES[type ?? -1];
  if (bytes.length < 4 || zero !== 0 || alsoZero !== 0 || dtype === undefined) {
    const magic = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw invalid(source, "not an IDX file", "a file that begins with 00 00, a type (08 to 0e) and a rank", magic);
  }
  const start = 4 + 4 * rank!;
  if (bytes.length < start) throw invalid(source, "cut off", `a header of ${start} bytes`, `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const shape = Array.from({ length: rank! }, (_, axis) => view.getUint32(4 + 4 * axis));
  const { array: TypedArray } = DTYPES[dtype];
  const width = TypedArray.BYTES_PER_ELEMENT;
  const expected = sizeOf(shape) * width;
  const got = bytes.length - start;
  if (got !== expected) {
    const problem = got < expected ? "cut off" : "longer than its shape";
    throw invalid(source, problem, `${expected} bytes for shape [${shape.join(", ")}]`, `${got}`);
  }
  if (width === 1)
    return { dtype, shape, data: new TypedArray(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, got) };
  const own = Buffer.from(bytes.subarray(start));
  SWAPS[width]!(own);
  return { dtype, shape, data: new TypedArray(new Uint8Array(own).buffer) };
}

const SWAPS: Readonly<Record<number, (buffer: Buffer) => unknown>> = {
  2: (buffer) => buffer.swap16(),
  4: (buffer) => buffer.swap32(),
  8: (buffer) => buffer.swap64(),
};

function invalid(source: string, problem: string, expected: string, got: string): Fault {
  return new Fault("DATA_INVALID", `\`${source}\`: ${problem}: expected ${expected}, got ${got}`, {
    violations: [{ path: source, message: problem, expected, got }],
    hint: "download it again, and check that it is the file you mean",
  });
}
