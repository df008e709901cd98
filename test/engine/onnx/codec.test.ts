/** @file ONNX bytes: read and written by the schema, lossless, and refused with a place when damaged. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fault } from "../../../src/engine/fault.ts";
import { decodeMessage, decodeOnnx, encodeMessage, encodeOnnx } from "../../../src/engine/onnx/codec.ts";
import type { ModelProto } from "../../../src/engine/onnx/schema.ts";
import { faultOf } from "./fault-of.ts";

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const model: ModelProto = {
  irVersion: 8n,
  producerName: "test",
  graph: {
    name: "g",
    node: [{ input: ["x", ""], output: ["y"], opType: "Gemm", attribute: [{ name: "alpha", f: 0.5, type: 1 }] }],
    initializer: [{ dims: BigInt64Array.of(2n), dataType: 1, name: "w", rawData: bytesOf("0000803f00000040") }],
  },
  opsetImport: [{ domain: "", version: 17n }],
  metadataProps: [{ key: "labels", value: '["a","é"]' }],
};

describe("the ONNX codec", () => {
  it("gives back what it wrote", () => {
    expect(decodeOnnx(encodeOnnx(model))).toEqual(model);
  });

  it("reads from the middle of a larger buffer", () => {
    const tensor = { floatData: Float32Array.of(1, 2), rawData: bytesOf("0102") };
    const bytes = encodeMessage("TensorProto", tensor);
    const pool = Buffer.alloc(bytes.length + 10);
    pool.set(bytes, 5);
    expect(decodeMessage("TensorProto", pool.subarray(5, 5 + bytes.length))).toEqual(tensor);
  });

  it("writes what protobuf's own writers write", () => {
    // OperatorSetIdProto{domain: "", version: 17}
    expect(hexOf(encodeMessage("OperatorSetIdProto", { domain: "", version: 17n }))).toBe("0a001011");
    // TensorProto{dims: [2, 300], float_data: [1]}: dims one by one, float_data as a block
    const tensor = { dims: BigInt64Array.of(2n, 300n), floatData: Float32Array.of(1) };
    expect(hexOf(encodeMessage("TensorProto", tensor))).toBe("080208ac0222040000803f");
  });

  it("keeps fields that it does not know, byte for byte and in order", () => {
    // OperatorSetIdProto.version = 17, then unknown fields 100 (varint), 101 (bytes), 102 (fixed32), 103 (a group)
    const bytes = bytesOf("1011 a00601 aa0602abcd b50601020304 bb06 0805 bc06");
    const message = decodeMessage("OperatorSetIdProto", bytes);
    expect(message.version).toBe(17n);
    expect(hexOf(encodeMessage("OperatorSetIdProto", message))).toBe(hexOf(bytes));
  });

  it("reads repeated numbers as a block, one by one, and mixed", () => {
    const dims = (hex: string) => decodeMessage("TensorProto", bytesOf(hex)).dims;
    expect(dims("0802 0803")).toEqual(BigInt64Array.of(2n, 3n));
    expect(dims("0a020203")).toEqual(BigInt64Array.of(2n, 3n));
    expect(dims("0801 0a020203 0804")).toEqual(BigInt64Array.of(1n, 2n, 3n, 4n));
    const floats = (hex: string) => decodeMessage("AttributeProto", bytesOf(hex)).floats;
    expect(floats("3a040000803f 3d00000040")).toEqual(Float32Array.of(1, 2));
    expect(floats("3d00000040 3a040000803f")).toEqual(Float32Array.of(2, 1));
  });

  it("merges a message that comes in two pieces, as protobuf has it", () => {
    const pieces = Buffer.concat([
      encodeOnnx({ graph: { name: "g", node: [{ opType: "Add" }] } }),
      encodeOnnx({ graph: { docString: "d", node: [{ opType: "Mul" }] } }),
    ]);
    expect(decodeOnnx(pieces).graph).toEqual({
      name: "g",
      docString: "d",
      node: [{ opType: "Add" }, { opType: "Mul" }],
    });
  });

  it("keeps negative and extreme integers", () => {
    const ints = BigInt64Array.of(-1n, 2n ** 63n - 1n, -(2n ** 63n));
    const uints = BigUint64Array.of(0n, 2n ** 64n - 1n);
    const message = { int32Data: Int32Array.of(-1, 2 ** 31 - 1), int64Data: ints, uint64Data: uints };
    expect(decodeMessage("TensorProto", encodeMessage("TensorProto", message))).toEqual(message);
  });

  it("gives back any tensor and any attribute", () => {
    const tensor = fc.record(
      {
        dims: fc.bigInt64Array(),
        dataType: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        floatData: fc.float32Array({ minLength: 1 }),
        int32Data: fc.int32Array({ minLength: 1 }),
        doubleData: fc.float64Array({ minLength: 1 }),
        uint64Data: fc.bigUint64Array({ minLength: 1 }),
        name: fc.string({ unit: "binary" }),
        rawData: fc.uint8Array(),
      },
      { requiredKeys: [] },
    );
    const attribute = fc.record(
      { name: fc.string(), f: fc.float(), i: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), t: tensor },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(attribute, { minLength: 1 }), (attributes) => {
        const node = { attribute: attributes };
        // An empty repeated field leaves no trace in the bytes.
        for (const { t } of attributes) if (t?.dims?.length === 0) delete t.dims;
        expect(decodeMessage("NodeProto", encodeMessage("NodeProto", node))).toEqual(node);
      }),
    );
  });
});

describe("damaged ONNX bytes", () => {
  const whole = encodeOnnx(model);

  it("are refused wherever they are cut, or read as a shorter model", () => {
    for (let length = 1; length < whole.length; length++) {
      const cut = whole.subarray(0, length);
      let read: Uint8Array | null = null;
      try {
        read = encodeOnnx(decodeOnnx(cut));
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
        expect((error as Fault).reason).toBe("DATA_INVALID");
      }
      if (read !== null) expect(hexOf(read)).toBe(hexOf(cut));
    }
  });

  it("never do worse than a fault, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeOnnx(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Fault);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("are named by where they are: a length past the end", () => {
    // ModelProto.graph { node { op_type: 5 bytes promised, 1 there } }
    const fault = faultOf(() => decodeOnnx(bytesOf("3a 05 0a 03 22 05 41")));
    expect(fault.violations[0]?.path).toBe("ModelProto.graph.node[0].opType");
  });

  it("are named by where they are: a wrong wire type", () => {
    // ModelProto.ir_version as a string
    const fault = faultOf(() => decodeOnnx(bytesOf("0a 01 41")));
    expect(fault.violations[0]).toMatchObject({
      path: "ModelProto.irVersion",
      expected: "varint (wire type 0)",
      got: "bytes (wire type 2)",
    });
  });

  it.each([
    ["an integer that never ends", "08 ffffffffffffffffffffff"],
    ["field number 0", "00 01"],
    ["a wire type that does not exist", "0f"],
    ["a group that is not closed", "a306 0801"],
    ["a group that was not opened", "a406"],
    ["a block of floats of odd size", "3a 06 2a 04 22 02 0000"],
    ["a string that is not UTF-8", "12 02 c328"],
  ])("with %s are refused", (_, hex) => {
    expect(faultOf(() => decodeOnnx(bytesOf(hex))).reason).toBe("DATA_INVALID");
  });

  it("nested a thousand levels deep are refused, not overflowed", () => {
    let type = encodeMessage("TypeProto", {});
    for (let level = 0; level < 1000; level++) {
      const inner = Buffer.concat([encodeMessage("TypeProto", {}), type]);
      type = wrap(wrap(inner, 0x0a), 0x22); // TypeProto.sequence_type { elem_type }
    }
    expect(faultOf(() => decodeMessage("TypeProto", type)).message).toMatch(/too deep/);
  });
});

/** `content` as a length-delimited field. */
function wrap(content: Uint8Array, tag: number): Uint8Array {
  const length: number[] = [];
  let rest = content.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Uint8Array.of(tag, ...length, rest), content]);
}
