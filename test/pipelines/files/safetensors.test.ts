import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DTYPES, type DType, type NdArray, sizeOf } from "../../../src/engine/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../src/pipelines/files/safetensors.ts";

const SMALL: Record<string, NdArray> = {
  "layer.weight": { dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
  "layer.steps": { dtype: "I64", shape: [], data: BigInt64Array.of(5n) },
};

/** A file with any header and any content. */
function fileOf(header: unknown, content: Uint8Array = new Uint8Array()): Buffer {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, content]);
}

function bytesOf({ data }: NdArray): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

describe("a safetensors file", () => {
  test("gives back names, types, shapes and bits of any tensors", () => {
    const tensor = fc
      .tuple(fc.constantFrom(...(Object.keys(DTYPES) as DType[])), fc.array(fc.nat({ max: 3 }), { maxLength: 3 }))
      .chain(([dtype, shape]) => {
        const bytes = sizeOf(shape) * DTYPES[dtype].bytes;
        return fc
          .uint8Array({ minLength: bytes, maxLength: bytes })
          .map((content): NdArray => ({ dtype, shape, data: new DTYPES[dtype].array(content.slice().buffer) }));
      });
    const name = fc
      .string({ unit: "grapheme", maxLength: 6 })
      .filter((text) => text !== "__metadata__" && text !== "__proto__");
    fc.assert(
      fc.property(fc.dictionary(name, tensor, { maxKeys: 6, noNullPrototype: true }), (tensors) => {
        const read = decodeSafetensors(encodeSafetensors(tensors, { made: "by a test" }), "x");
        expect(read.metadata).toEqual({ made: "by a test" });
        expect(Object.keys(read.tensors).sort()).toEqual(Object.keys(tensors).sort());
        for (const [key, written] of Object.entries(tensors)) {
          expect([read.tensors[key]!.dtype, read.tensors[key]!.shape]).toEqual([written.dtype, written.shape]);
          expect(bytesOf(read.tensors[key]!)).toEqual(bytesOf(written));
        }
      }),
    );
  });

  test("starts its tensors at a multiple of eight bytes, larger elements first", () => {
    const file = encodeSafetensors(SMALL);
    const length = Number(file.readBigUInt64LE());
    expect(length % 8).toBe(0);
    const header = JSON.parse(file.subarray(8, 8 + length).toString());
    expect(header).toEqual({
      "layer.steps": { dtype: "I64", shape: [], data_offsets: [0, 8] },
      "layer.weight": { dtype: "F32", shape: [2, 2], data_offsets: [8, 24] },
    });
  });

  test("is read where its bytes are not aligned", () => {
    const shifted = Buffer.concat([Buffer.alloc(1), encodeSafetensors(SMALL)]).subarray(1);
    expect([...(decodeSafetensors(shifted, "x").tensors["layer.weight"]!.data as Float32Array)]).toEqual([1, 2, 3, 4]);
  });

  test("cut anywhere is refused as corrupt", () => {
    const file = encodeSafetensors(SMALL);
    for (let length = 0; length < file.length; length++) {
      expect(() => decodeSafetensors(file.subarray(0, length), "x")).toThrow(
        expect.objectContaining({ reason: "CHECKPOINT_CORRUPT" }),
      );
    }
  });

  test("with any byte of its header changed is read or refused, never worse", () => {
    const file = encodeSafetensors(SMALL);
    fc.assert(
      fc.property(fc.nat({ max: file.length - 1 }), fc.nat({ max: 255 }), (place, value) => {
        const changed = Buffer.from(file);
        changed[place] = value;
        try {
          decodeSafetensors(changed, "x");
        } catch (fault) {
          expect(fault).toMatchObject({ reason: "CHECKPOINT_CORRUPT" });
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a safetensors header is refused when", () => {
  const four = new Uint8Array(4);
  const entry = (change: object) => ({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4], ...change } });
  test.each<[string, Buffer, RegExp]>([
    ["it claims to be longer than the file", Buffer.from("ffffffffffffff7f7b7d", "hex"), /claims/],
    ["it is not JSON", fileOf("{nonsense"), /not JSON/],
    ["it is not UTF-8", Buffer.concat([Buffer.from("0200000000000000", "hex"), Buffer.from([0xff, 0xfe])]), /not JSON/],
    ["it is an array", fileOf([]), /not an object/],
    ["its metadata holds a number", fileOf({ __metadata__: { a: 1 } }), /__metadata__/],
    ["a dtype is unknown", fileOf(entry({ dtype: "F8" }), four), /unknown dtype "F8"/],
    ["a dtype is an inherited name", fileOf(entry({ dtype: "constructor" }), four), /unknown dtype/],
    ["a dimension is negative", fileOf(entry({ shape: [-1] }), four), /not a list of sizes/],
    ["a dimension is a fraction", fileOf(entry({ shape: [0.5] }), four), /not a list of sizes/],
    ["a shape is absurd", fileOf(entry({ shape: [2 ** 31, 2 ** 31] }), four), /needs 18446744073709552000 bytes/],
    ["offsets and shape disagree", fileOf(entry({ shape: [2] }), four), /needs 8 bytes, its offsets give 4/],
    ["offsets run backwards", fileOf(entry({ data_offsets: [4, 0] }), four), /its offsets give -4/],
    ["there is a hole", fileOf(entry({ data_offsets: [4, 8] }), new Uint8Array(8)), /starts at byte 4, expected 0/],
    [
      "tensors overlap",
      fileOf({ ...entry({}), b: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, four),
      /starts at byte 0, expected 4/,
    ],
    ["bytes are left over", fileOf(entry({}), new Uint8Array(5)), /need 4 bytes, 5 are there/],
    ["an entry is null", fileOf({ a: null }), /unknown dtype/],
  ])("%s", (_when, file, message) => {
    expect(() => decodeSafetensors(file, "x")).toThrow(message);
  });
});
