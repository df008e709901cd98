/** @file Tensors in ONNX files: every element type in every place where a file may keep it. */
import { describe, expect, it } from "vitest";
import type { DType } from "../../../src/engine/dtype.ts";
import type { TensorProto } from "../../../src/engine/onnx/schema.ts";
import { dimensionsOf, dtypeOf, ndArrayOf, tensorProtoOf, valueInfoOf } from "../../../src/engine/onnx/tensors.ts";
import type { NdArray } from "../../../src/engine/shape.ts";
import { faultOf } from "./fault-of.ts";

const VALUES: NdArray[] = [
  { dtype: "F64", shape: [2], data: Float64Array.of(1e300, -0) },
  { dtype: "F32", shape: [2, 1], data: Float32Array.of(1.5, Number.NaN) },
  { dtype: "F16", shape: [1], data: Uint16Array.of(0x3c00) },
  { dtype: "BF16", shape: [1], data: Uint16Array.of(0x3f80) },
  { dtype: "I64", shape: [], data: BigInt64Array.of(-(2n ** 63n)) },
  { dtype: "I32", shape: [2], data: Int32Array.of(-1, 7) },
  { dtype: "I16", shape: [1], data: Int16Array.of(-300) },
  { dtype: "I8", shape: [1], data: Int8Array.of(-128) },
  { dtype: "U8", shape: [1], data: Uint8Array.of(255) },
  { dtype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) },
  { dtype: "F32", shape: [0, 3], data: new Float32Array() },
];

describe("a tensor in an ONNX file", () => {
  it.each(VALUES.map((value) => [value.dtype, value] as const))("of %s comes back as it went in", (_, value) => {
    expect(ndArrayOf(tensorProtoOf("t", value))).toEqual(value);
  });

  it("holds a program's booleans, which are 32-bit integers, as bytes", () => {
    const stored = tensorProtoOf("t", { dtype: "BOOL", shape: [2], data: Int32Array.of(1, 0) });
    expect(stored.rawData).toEqual(Uint8Array.of(1, 0));
  });

  const typed: [DType, TensorProto, NdArray["data"]][] = [
    ["F32", { dataType: 1, floatData: Float32Array.of(1.5) }, Float32Array.of(1.5)],
    ["F64", { dataType: 11, doubleData: Float64Array.of(2.5) }, Float64Array.of(2.5)],
    ["I64", { dataType: 7, int64Data: BigInt64Array.of(3n) }, BigInt64Array.of(3n)],
    ["I8", { dataType: 3, int32Data: Int32Array.of(-4) }, Int8Array.of(-4)],
    ["BOOL", { dataType: 9, int32Data: Int32Array.of(1) }, Uint8Array.of(1)],
    ["F16", { dataType: 10, int32Data: Int32Array.of(0x3c00) }, Uint16Array.of(0x3c00)],
  ];
  it.each(typed)("of %s is read from its typed field too", (dtype, proto, data) => {
    expect(ndArrayOf({ ...proto, dims: BigInt64Array.of(1n) })).toEqual({ dtype, shape: [1], data });
  });

  it("with too few bytes is refused by name", () => {
    const fault = faultOf(() =>
      ndArrayOf({ name: "w", dims: BigInt64Array.of(2n), dataType: 1, rawData: new Uint8Array(7) }),
    );
    expect(fault.violations[0]).toMatchObject({ path: "w", expected: "8", got: "7" });
  });

  it("with its data in another file is refused", () => {
    expect(faultOf(() => ndArrayOf({ name: "w", dataType: 1, dataLocation: 1 })).message).toMatch(/another file/);
  });

  it("of a type that we have not is refused by its number", () => {
    expect(faultOf(() => dtypeOf(14))).toMatchObject({ reason: "DTYPE_UNSUPPORTED" });
  });
});

it("a declared type keeps symbolic and open dimensions", () => {
  expect(dimensionsOf(valueInfoOf("x", 1, ["batch", 3]).type)).toEqual(["batch", 3]);
  expect(dimensionsOf({ tensorType: { shape: { dim: [{}] } } })).toEqual(["?"]);
  expect(dimensionsOf({ tensorType: {} })).toBeUndefined();
});
