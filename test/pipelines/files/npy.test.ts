import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DTYPES, type NdArray, sizeOf } from "../../../src/engine/index.ts";
import { toFloats } from "../../../src/pipelines/data/tensors.ts";
import { decodeNpy, encodeNpy } from "../../../src/pipelines/files/npy.ts";
import vectors from "../../vectors/npy.json" with { type: "json" };

describe("files that NumPy wrote are read", () => {
  test.each(Object.entries(vectors))("%s", (name, { file, shape, values }) => {
    const array = decodeNpy(Buffer.from(file, "base64"), name);
    expect(array.shape).toEqual(shape);
    const elements = array.dtype === "F16" ? toFloats(array) : array.data;
    const close = array.dtype === "F16" ? values.map((value) => Math.fround(value as number)) : values;
    expect(
      Array.from(elements as ArrayLike<unknown>, (item) => (typeof item === "bigint" ? Number(item) : item)),
    ).toEqual(close);
  });

  test("whatever their alignment in memory", () => {
    const { file, values } = vectors.float64;
    const shifted = Buffer.concat([Buffer.alloc(3), Buffer.from(file, "base64")]).subarray(3);
    expect([...(decodeNpy(shifted, "x").data as Float64Array)]).toEqual(values);
  });
});

test("what is written is read back, bit for bit", () => {
  const dtypes = ["F64", "F32", "F16", "I64", "I32", "I16", "I8", "U8", "BOOL"] as const;
  const array = fc
    .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat({ max: 4 }), { maxLength: 4 }))
    .chain(([dtype, shape]) => {
      const bytes = sizeOf(shape) * DTYPES[dtype].bytes;
      return fc
        .uint8Array({ minLength: bytes, maxLength: bytes })
        .map((content): NdArray => ({ dtype, shape, data: new DTYPES[dtype].array(content.slice().buffer) }));
    });
  fc.assert(
    fc.property(array, (written) => {
      const read = decodeNpy(encodeNpy(written), "x") as NdArray;
      expect([read.dtype, read.shape]).toEqual([written.dtype, written.shape]);
      expect(Buffer.from(read.data.buffer, read.data.byteOffset, read.data.byteLength)).toEqual(
        Buffer.from(written.data.buffer),
      );
    }),
  );
});

describe("a file that is not whole is refused", () => {
  const whole = Buffer.from(vectors.float64.file, "base64");

  test("wherever it was cut", () => {
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeNpy(whole.subarray(0, length), "x.npy")).toThrow(
        expect.objectContaining({ reason: "DATA_INVALID" }),
      );
    }
  });

  test("with bytes to spare, saying how many were expected", () => {
    expect(() => decodeNpy(Buffer.concat([whole, Buffer.alloc(8)]), "x.npy")).toThrow(
      /expected 48 bytes for shape \[2, 3\], got 56/,
    );
  });

  test("whatever its header claims", () => {
    const start = Buffer.from("\x93NUMPY\x01\x00\x76\x00", "latin1");
    const headerOf = (dict: string) => Buffer.concat([start, Buffer.from(dict.padEnd(118, " "))]);
    const huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }";
    expect(() => decodeNpy(headerOf(huge), "x.npy")).toThrow(/impossible shape/);
    const large = "{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }";
    expect(() => decodeNpy(headerOf(large), "x.npy")).toThrow(/cut off/);
    const negative = "{'descr': '<f8', 'fortran_order': False, 'shape': (-3,), }";
    expect(() => decodeNpy(headerOf(negative), "x.npy")).toThrow(/unreadable header/);
  });

  test("when it holds pickled objects, with the remedy", () => {
    const header = "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }".padEnd(118, " ");
    const file = Buffer.concat([
      Buffer.from("\x93NUMPY\x01\x00\x76\x00", "latin1"),
      Buffer.from(header),
      Buffer.alloc(24),
    ]);
    expect(() => decodeNpy(file, "x.npy")).toThrow(
      expect.objectContaining({ reason: "DTYPE_UNSUPPORTED", hint: expect.stringContaining("astype") }),
    );
  });
});
