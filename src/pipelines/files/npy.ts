/**
 * @file NumPy's `.npy` format, versions 1 to 3 (numpy.org/doc/stable/reference/generated/numpy.lib.format.html): magic,
 * version, a header that is a Python dict, then the elements. Pickled objects are refused, unread.
 */
import { DTYPES, type DType, Fault, type NdArray, sizeOf, stridesOf, type TypedArray } from "../../engine/index.ts";

/** An array of strings (`<U…`, `|S…`), such as class names. */
export interface StringArray {
  readonly dtype: "STRING";
  readonly shape: readonly number[];
  readonly data: readonly string[];
}

const MAGIC = "\x93NUMPY";

interface Element {
  readonly dtype: DType;
  readonly bytes: number;
  /** Reads one element where no typed array of ours has its layout. */
  readonly read?: (view: DataView, offset: number, littleEndian: boolean) => number | bigint;
}

/** By kind and width. Unsigned integers without a dtype of ours become the smallest that holds their values. */
const ELEMENTS: Readonly<Record<string, Element>> = {
  f8: { dtype: "F64", bytes: 8 },
  f4: { dtype: "F32", bytes: 4 },
  f2: { dtype: "F16", bytes: 2 },
  i8: { dtype: "I64", bytes: 8 },
  i4: { dtype: "I32", bytes: 4 },
  i2: { dtype: "I16", bytes: 2 },
  i1: { dtype: "I8", bytes: 1 },
  u1: { dtype: "U8", bytes: 1 },
  b1: { dtype: "BOOL", bytes: 1 },
  u2: { dtype: "I32", bytes: 2, read: (view, offset, little) => view.getUint16(offset, little) },
  u4: { dtype: "I64", bytes: 4, read: (view, offset, little) => BigInt(view.getUint32(offset, little)) },
  u8: { dtype: "F64", bytes: 8, read: (view, offset, little) => Number(view.getBigUint64(offset, little)) },
};

const TYPE_CODES: Partial<Record<DType, string>> = {
  F64: "<f8",
  F32: "<f4",
  F16: "<f2",
  I64: "<i8",
  I32: "<i4",
  I16: "<i2",
  I8: "|i1",
  U8: "|u1",
  BOOL: "|b1",
};

/**
 * One array, in C order whatever the file's order and byte order.
 * Faults: DATA_INVALID for what is no `.npy` file, is cut off, or has too many bytes; DTYPE_UNSUPPORTED for objects, complex
 * numbers, structures.
 * @param source what to call the file in a fault.
 */
export function decodeNpy(bytes: Uint8Array, source: string): NdArray | StringArray {
  const { descr, fortranOrder, shape, start } = readHeader(bytes, source);
  const match = /^([<>|=])([fiubUS])(\d+)$/.exec(descr);
  const [, order, kind, width] = match ?? [];
  const element = ELEMENTS[`${kind}${width}`];
  const isString = kind === "U" || kind === "S";
  if (match === null || (element === undefined && !isString)) {
    throw new Fault("DTYPE_UNSUPPORTED", `\`${source}\` holds elements of type \`${descr}\``, {
      violations: [
        { path: source, message: "element type not supported", expected: "numbers, booleans or strings", got: descr },
      ],
      hint: "convert it before saving, such as `np.save(path, array.astype(np.float32))`",
    });
  }
  const bytesEach = isString ? Number(width) * (kind === "U" ? 4 : 1) : element!.bytes;
  const count = sizeOf(shape);
  if (bytes.length - start !== count * bytesEach) {
    const cut = bytes.length - start < count * bytesEach;
    throw invalid(
      source,
      cut ? "cut off" : "longer than its shape",
      `${count * bytesEach} bytes for shape [${shape.join(", ")}]`,
      `${bytes.length - start}`,
    );
  }
  const little = order !== ">";
  if (isString) {
    const data = readStrings(bytes, start, count, Number(width), kind, little);
    return { dtype: "STRING", shape, data: fortranOrder ? toCOrder(data, shape, new Array<string>(count)) : data };
  }
  const data = readNumbers(bytes, start, count, element!, little);
  return {
    dtype: element!.dtype,
    shape,
    data: fortranOrder ? toCOrder(data, shape, new DTYPES[element!.dtype].array(count)) : data,
  };
}

/** A version 1 `.npy` file in C order. BF16 has no NumPy type: DTYPE_UNSUPPORTED. */
export function encodeNpy({ dtype, shape, data }: NdArray): Buffer {
  const descr = TYPE_CODES[dtype];
  if (descr === undefined)
    throw new Fault("DTYPE_UNSUPPORTED", `NumPy has no ${dtype}`, { hint: "convert to F32 first" });
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const length = Math.ceil((MAGIC.length + 4 + dict.length + 1) / 64) * 64;
  const header = Buffer.from(`${MAGIC}\x01\x00\x00\x00${dict}`.padEnd(length - 1, " ").concat("\n"), "latin1");
  header.writeUInt16LE(length - MAGIC.length - 4, MAGIC.length + 2);
  return Buffer.concat([header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

function readHeader(bytes: Uint8Array, source: string) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 10 || buffer.toString("latin1", 0, MAGIC.length) !== MAGIC) {
    throw invalid(
      source,
      "not an .npy file",
      "a file that starts with \\x93NUMPY",
      JSON.stringify(buffer.toString("latin1", 0, 8)),
    );
  }
  const version = buffer[6]!;
  if (version < 1 || version > 3) throw invalid(source, "unknown version", "1, 2 or 3", String(version));
  const prefix = version === 1 ? 10 : 12;
  if (buffer.length < prefix) throw invalid(source, "cut off", "a header", `${buffer.length} bytes`);
  const start = prefix + (version === 1 ? buffer.readUInt16LE(8) : buffer.readUInt32LE(8));
  if (start > buffer.length) throw invalid(source, "cut off", `a header of ${start} bytes`, `${buffer.length} bytes`);
  const header = buffer.toString(version === 3 ? "utf8" : "latin1", prefix, start);
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const dimensions = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(header)?.[1];
  if (descr === undefined && /'descr'\s*:\s*\[/.test(header)) {
    throw new Fault("DTYPE_UNSUPPORTED", `\`${source}\` is a structured array`, {
      hint: "save each field as an array of its own",
    });
  }
  if (descr === undefined || fortran === undefined || dimensions === undefined) {
    throw invalid(source, "unreadable header", "descr, fortran_order and shape", header.trim().slice(0, 80));
  }
  const shape = dimensions
    .split(",")
    .filter((dimension) => dimension.trim() !== "")
    .map((dimension) => Number.parseInt(dimension, 10));
  if (!Number.isSafeInteger(sizeOf(shape)))
    throw invalid(source, "impossible shape", "a size below 2^53", `[${shape.join(", ")}]`);
  return { descr, fortranOrder: fortran === "True", shape, start };
}

function readNumbers(
  bytes: Uint8Array,
  start: number,
  count: number,
  { dtype, bytes: width, read }: Element,
  little: boolean,
): TypedArray {
  const TypedArray = DTYPES[dtype].array;
  if (read !== undefined) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + start);
    const data = new TypedArray(count);
    for (let index = 0; index < count; index++) data[index] = read(view, index * width, little);
    return data;
  }
  const own = new Uint8Array(bytes.subarray(start, start + count * width)).buffer;
  if (!little) SWAPS[width]?.(Buffer.from(own));
  return new TypedArray(own);
}

const SWAPS: Readonly<Record<number, (buffer: Buffer) => unknown>> = {
  2: (buffer) => buffer.swap16(),
  4: (buffer) => buffer.swap32(),
  8: (buffer) => buffer.swap64(),
};

function readStrings(
  bytes: Uint8Array,
  start: number,
  count: number,
  length: number,
  kind: string,
  little: boolean,
): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  const each = kind === "U" ? 4 : 1;
  return Array.from({ length: count }, (_, index) => {
    let text = "";
    for (let position = 0; position < length; position++) {
      const offset = (index * length + position) * each;
      const point = kind === "U" ? view.getUint32(offset, little) : view.getUint8(offset);
      if (point === 0) break;
      text += point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
    }
    return text;
  });
}

/** The first axis varies fastest in `values`, the last one in the result. */
function toCOrder<Values extends TypedArray | string[]>(
  values: Values,
  shape: readonly number[],
  result: Values,
): Values {
  const fortranStrides = stridesOf([...shape].reverse()).reverse();
  const strides = stridesOf(shape);
  for (let index = 0; index < values.length; index++) {
    let from = 0;
    for (let axis = 0, rest = index; axis < shape.length; axis++) {
      from += Math.floor(rest / strides[axis]!) * fortranStrides[axis]!;
      rest %= strides[axis]!;
    }
    result[index] = values[from]!;
  }
  return result;
}

function invalid(source: string, problem: string, expected: string, got: string): Fault {
  return new Fault("DATA_INVALID", `\`${source}\`: ${problem}: expected ${expected}, got ${got}`, {
    violations: [{ path: source, message: problem, expected, got }],
    hint: "save it again with `np.save`",
  });
}
