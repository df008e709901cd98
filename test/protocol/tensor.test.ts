/** @file Tensors on the wire: what a host claims is checked, what it sends arrives, and nothing is rounded in silence. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DecodeContext,
  decodeTensor,
  encodeMessage,
  encodeTensor,
  MAX_INLINE_VALUES,
  Refusal,
  type TensorData,
  type TensorValue,
  type WireDType,
} from "../../src/protocol/index.ts";
import { WIRE_DTYPES } from "../../src/protocol/schemas/tensor.ts";

function refusalOf(wire: unknown, context: DecodeContext = { path: "inputs" }): Refusal {
  try {
    decodeTensor(wire, context);
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown;
    throw thrown;
  }
  throw new Error("it was taken");
}

const values = (dtype: string, list: unknown[], shape = [list.length]) => ({ dtype, shape, values: list });
const decoded = (wire: unknown) => [...decodeTensor(wire).data];
const base64 = (...bytes: number[]) => Buffer.from(bytes).toString("base64");

describe("values", () => {
  it("may be nested as the shape says, or flat", () => {
    const expected = { dtype: "I32", shape: [2, 3], data: Int32Array.of(1, 2, 3, 4, 5, 6) };
    expect(
      decodeTensor(
        values(
          "I32",
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          [2, 3],
        ),
      ),
    ).toEqual(expected);
    expect(decodeTensor(values("I32", [1, 2, 3, 4, 5, 6], [2, 3]))).toEqual(expected);
  });

  it.each([
    ["too few", [1, 2, 3], "inputs.values"],
    ["too many", [1, 2, 3, 4, 5], "inputs.values"],
    ["a short row", [[1, 2], [3]], "inputs.values[1]"],
    [
      "a row too many",
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      "inputs.values",
    ],
    ["a number for a row", [[1, 2], 3], "inputs.values[1]"],
    [
      "a row too deep",
      [
        [1, [2]],
        [3, 4],
      ],
      "inputs.values[0][1]",
    ],
  ])("are refused where their count does not fit the shape: %s", (_what, list, path) => {
    expect(refusalOf(values("F32", list, [2, 2]))).toMatchObject({ reason: "SHAPE_MISMATCH", violations: [{ path }] });
  });

  it("carry non-finite numbers as strings, and only those strings", () => {
    expect(decoded(values("F32", ["NaN", "Infinity", "-Infinity"]))).toEqual([
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
    expect(refusalOf(values("F32", [0, "nan"]))).toMatchObject({
      reason: "INVALID_PARAMS",
      violations: [{ path: "inputs.values[1]" }],
    });
  });

  it("keep the sign of zero", () => {
    expect(decoded(values("F32", [-0]))).toEqual([-0]);
  });

  it("carry 64-bit integers as decimal strings", () => {
    expect(decoded(values("I64", ["9223372036854775807", "-9223372036854775808", 5]))).toEqual([
      2n ** 63n - 1n,
      -(2n ** 63n),
      5n,
    ]);
  });

  it.each([
    ["U8", 256],
    ["U8", -1],
    ["I8", 128],
    ["I16", 40000],
    ["I32", 2 ** 31],
    ["I32", 0.5],
    ["I64", "9223372036854775808"],
    ["I64", "9".repeat(5000)],
    ["I64", 2 ** 53],
    ["F32", 1e39],
    ["F32", "9".repeat(400)],
    ["F16", 65520],
    ["BF16", 3.4e38],
    ["BOOL", 2],
    ["F32", true],
    ["F32", "1.5"],
    ["F32", {}],
  ])("of %s can't hold %j, and are refused rather than wrapped or rounded away", (dtype, value) => {
    expect(refusalOf(values(dtype, [0, value]))).toMatchObject({
      reason: "INVALID_PARAMS",
      violations: [{ path: "inputs.values[1]" }],
    });
  });

  it("say what to write for null", () => {
    expect(refusalOf(values("F32", [null])).hint).toContain('"NaN"');
  });
});

describe("16-bit floats", () => {
  it.each([
    ["F16", 65504, 0x7bff],
    ["F16", 65519.99, 0x7bff],
    ["F16", 2 ** -24, 0x0001],
    ["F16", 2 ** -25, 0x0000],
    ["F16", 2 ** -25 * 1.0001, 0x0001],
    ["F16", 2 ** -14, 0x0400],
    ["F16", 2 ** -14 - 2 ** -24, 0x03ff],
    ["F16", 1 + 2 ** -11, 0x3c00],
    ["F16", 1 + 3 * 2 ** -11, 0x3c02],
    ["F16", 0.1, 0x2e66],
    ["F16", -0, 0x8000],
    ["F16", "NaN", 0x7e00],
    ["F16", "-Infinity", 0xfc00],
    ["BF16", 3.3895313892515355e38, 0x7f7f],
    ["BF16", 1e-40, 0x0001],
    ["BF16", 1 + 2 ** -8, 0x3f80],
    ["BF16", 1 + 3 * 2 ** -8, 0x3f82],
    ["BF16", -0, 0x8000],
    ["BF16", "Infinity", 0x7f80],
    ["BF16", "NaN", 0x7fc0],
  ])("78: %s of %j is %s", (dtype, value, bits) => {
    expect(decoded(values(dtype, [value]))).toEqual([bits]);
  });

  it.each(["F16", "BF16"] as const)("78: every %s comes back from its values bit for bit", (dtype) => {
    const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const wire = JSON.parse(encodeMessage(encodeTensor({ dtype, shape: [65536], data: all }, { form: "values" })));
    const back = decodeTensor(wire).data as Uint16Array;
    const [exponent, quiet] = dtype === "F16" ? [0x7c00, 0x7e00] : [0x7f80, 0x7fc0];
    const expected = all.map((bits) => ((bits & 0x7fff) > exponent ? quiet : bits));
    expect(back).toEqual(expected);
  });
});

describe("base64", () => {
  it("is little-endian and in C order", () => {
    expect(decodeTensor({ dtype: "I16", shape: [2], b64: base64(1, 2, 0xff, 0xff) })).toEqual({
      dtype: "I16",
      shape: [2],
      data: Int16Array.of(0x0201, -1),
    });
  });

  it.each([0, 1, 2, 4, 5, 12])("71: of %i bytes is refused where 3 are claimed", (count) => {
    expect(refusalOf({ dtype: "U8", shape: [3], b64: base64(...new Array(count).fill(7)) })).toMatchObject({
      reason: "SHAPE_MISMATCH",
      violations: [{ path: "inputs.b64", expected: "3 bytes", got: `${count} bytes` }],
    });
  });

  it.each([
    ["spaces", "AAAA AAA"],
    ["a line break", "AAAA\nAAA"],
    ["the URL alphabet", "-_-_"],
    ["no padding", "AAAAAA"],
    ["padding in the middle", "AA==AAAA"],
    ["too much padding", "A==="],
    ["another character", "AAA\u00e9"],
  ])("75: with %s is refused", (_what, b64) => {
    expect(refusalOf({ dtype: "U8", shape: [4], b64 })).toMatchObject({
      reason: "INVALID_PARAMS",
      violations: [{ path: "inputs.b64" }],
    });
  });

  it("75: says which alphabet it wants", () => {
    expect(refusalOf({ dtype: "U8", shape: [3], b64: "-_-_" }).hint).toContain("URL alphabet");
  });

  it("of BOOL takes any byte but 0 for true", () => {
    expect(decoded({ dtype: "BOOL", shape: [3], b64: base64(0, 1, 7) })).toEqual([0, 1, 1]);
  });
});

describe("shapes", () => {
  it("72: too large for any memory are refused before anything is allocated", () => {
    expect(refusalOf({ dtype: "F32", shape: [2 ** 31, 2 ** 31], b64: "" })).toMatchObject({
      reason: "LIMIT_EXCEEDED",
      violations: [{ path: "inputs.shape" }],
    });
    expect(refusalOf({ dtype: "F32", shape: new Array(32).fill(2 ** 53 - 1), values: [] }).reason).toBe(
      "LIMIT_EXCEEDED",
    );
  });

  it.each([-1, 1.5, "3", null, 2 ** 53])("73: with the size %j are refused", (size) => {
    expect(refusalOf({ dtype: "F32", shape: [2, size], values: [] })).toMatchObject({
      reason: "INVALID_PARAMS",
      violations: [{ path: "inputs.shape[1]" }],
    });
  });

  it("74: larger than their data are refused before anything is allocated", () => {
    const before = process.memoryUsage().arrayBuffers;
    expect(refusalOf({ dtype: "F32", shape: [500_000_000], values: [1] }).reason).toBe("SHAPE_MISMATCH");
    expect(refusalOf({ dtype: "F32", shape: [500_000_000], b64: "AAAA" }).reason).toBe("SHAPE_MISMATCH");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
  });

  it("79: may be empty along any axis, or of a scalar", () => {
    expect(decodeTensor({ dtype: "F32", shape: [0, 2 ** 40], values: [] })).toMatchObject({
      shape: [0, 2 ** 40],
      data: new Float32Array(0),
    });
    expect(decodeTensor({ dtype: "F32", shape: [2, 0], values: [[], []] })).toMatchObject({
      data: new Float32Array(0),
    });
    expect(decodeTensor({ dtype: "F64", shape: [], values: [0.5] })).toEqual({
      dtype: "F64",
      shape: [],
      data: Float64Array.of(0.5),
    });
    expect(decodeTensor({ dtype: "F32", shape: [], b64: base64(0, 0, 128, 63) }).data).toEqual(Float32Array.of(1));
  });
});

describe("files and handles", () => {
  const region = (bytes: Uint8Array): DecodeContext => ({ path: "inputs", readRegion: () => bytes });

  it("76: unaligned bytes are copied to where they are aligned", () => {
    const bytes = new Uint8Array([9, 0, 0, 128, 63, 9]).subarray(1, 5);
    expect(decodeTensor({ dtype: "F32", shape: [1], file: { path: "x" } }, region(bytes)).data).toEqual(
      Float32Array.of(1),
    );
    expect(decodeTensor({ dtype: "F32", shape: [1], file: { path: "x" } }, region(Buffer.from(bytes))).data).toEqual(
      Float32Array.of(1),
    );
  });

  it("the reader is asked for exactly the bytes that shape and dtype make", () => {
    const asked: unknown[] = [];
    const readRegion: NonNullable<DecodeContext["readRegion"]> = (wanted) => {
      asked.push(wanted);
      return new Uint8Array(wanted.nbytes);
    };
    decodeTensor({ dtype: "I16", shape: [3], file: { path: "x", offset: 5 } }, { readRegion });
    expect(asked).toEqual([{ path: "x", offset: 5, nbytes: 6 }]);
  });

  it("77: a file that claims, or has, another number of bytes is refused", () => {
    expect(
      refusalOf({ dtype: "F32", shape: [2], file: { path: "x", nbytes: 4 } }, region(new Uint8Array(8))),
    ).toMatchObject({
      reason: "SHAPE_MISMATCH",
      violations: [{ path: "inputs.file.nbytes" }],
    });
    expect(refusalOf({ dtype: "F32", shape: [2], file: { path: "x" } }, region(new Uint8Array(7)))).toMatchObject({
      reason: "SHAPE_MISMATCH",
      violations: [{ path: "inputs.file" }],
    });
  });

  it("a handle must be of the tensor that is described", () => {
    const held: TensorValue = { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) };
    const context = { path: "inputs", resolveHandle: () => held };
    expect(decodeTensor({ dtype: "F32", shape: [2], handle: "t_1" }, context)).toBe(held);
    expect(refusalOf({ dtype: "F32", shape: [1, 2], handle: "t_1" }, context).reason).toBe("SHAPE_MISMATCH");
  });

  it.each([{}, { values: [1], b64: "AACAPw==" }])("exactly one source must be given, not %j", (sources) => {
    expect(refusalOf({ dtype: "F32", shape: [1], ...sources })).toMatchObject({ reason: "INVALID_PARAMS" });
  });
});

it("an unknown dtype is refused with the nearest one", () => {
  expect(refusalOf({ dtype: "float32", shape: [1], values: [1] })).toMatchObject({
    reason: "DTYPE_UNSUPPORTED",
    violations: [{ path: "inputs.dtype" }],
  });
  expect(refusalOf({ dtype: "f32", shape: [1], values: [1] }).hint).toContain("`F32`");
});

describe("bare arrays", () => {
  it("become F32 of the shape that they have", () => {
    expect(
      decodeTensor([
        [1, 2.5],
        ["NaN", 4],
      ]),
    ).toEqual({ dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2.5, Number.NaN, 4) });
    expect(decodeTensor(3)).toEqual({ dtype: "F32", shape: [], data: Float32Array.of(3) });
    expect(decodeTensor([[], []])).toEqual({ dtype: "F32", shape: [2, 0], data: new Float32Array(0) });
  });

  it("become F64 where F32 would round an integer", () => {
    expect(decodeTensor([1, 2 ** 24 + 1])).toEqual({ dtype: "F64", shape: [2], data: Float64Array.of(1, 2 ** 24 + 1) });
  });

  it("become BOOL where all are true or false", () => {
    expect(decodeTensor([true, false])).toEqual({ dtype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) });
  });

  it.each([
    ["ragged ones", [[1, 2], [3]], "inputs[1]"],
    [
      "ones with a text",
      [
        [1, 2],
        [3, "a"],
      ],
      "inputs[1][1]",
    ],
    ["ones with null", [1, null], "inputs[1]"],
    ["objects", [{ a: 1 }], "inputs"],
  ])("are refused with the place: %s", (_what, wire, path) => {
    expect(refusalOf(wire).violations[0]?.path).toBe(path);
  });
});

describe("an encoded tensor", () => {
  const ramp = (count: number): TensorValue => ({
    dtype: "F32",
    shape: [count],
    data: Float32Array.from({ length: count }, (_, i) => i / 10),
  });

  it("is readable while it is small, base64 while it is not large, then a file", () => {
    const writeRegion = (bytes: Uint8Array) => ({ path: "x", offset: 0, nbytes: bytes.length });
    expect(encodeTensor(ramp(MAX_INLINE_VALUES))).toHaveProperty("values");
    expect(encodeTensor(ramp(MAX_INLINE_VALUES + 1))).toHaveProperty("b64");
    expect(encodeTensor(ramp(1000), { maxInlineBytes: 3999, writeRegion })).toMatchObject({ file: { nbytes: 4000 } });
  });

  it("takes the form that is asked for", () => {
    expect(encodeTensor(ramp(2), { form: "b64" })).toHaveProperty("b64");
    expect(encodeTensor(ramp(1000), { form: "values" })).toHaveProperty("values");
  });

  it("writes an F32 in the fewest digits that give it back", () => {
    expect(encodeTensor({ dtype: "F32", shape: [3], data: Float32Array.of(0.1, 1 / 3, 16777216) }).values).toEqual([
      0.1, 0.33333334, 16777216,
    ]);
  });

  it("comes back as it was, of any dtype and shape and in either inline form", () => {
    const shapes = fc.array(fc.nat(4), { maxLength: 4 });
    const forms = fc.constantFrom("values" as const, "b64" as const);
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(WIRE_DTYPES) as WireDType[])),
        shapes,
        forms,
        fc.infiniteStream(fc.nat(255)),
        (dtype, shape, form, stream) => {
          const tensor = { dtype, shape, data: randomData(dtype, shape, stream) };
          const back = decodeTensor(JSON.parse(encodeMessage(encodeTensor(tensor, { form }))));
          expect(back).toEqual(tensor);
        },
      ),
    );
  });
});

/** Any bytes, but BOOL's are 0 and 1, and a NaN is always the same one: JSON has no others. */
function randomData(dtype: WireDType, shape: readonly number[], stream: Iterator<number>): TensorData {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  const { data } = decodeTensor({
    dtype,
    shape: [...shape],
    b64: Buffer.alloc(size * WIRE_DTYPES[dtype]).toString("base64"),
  });
  const bytes = new Uint8Array(data.buffer);
  for (let index = 0; index < bytes.length; index++)
    bytes[index] = dtype === "BOOL" ? stream.next().value % 2 : stream.next().value;
  const canonical = { F16: [0x7c00, 0x7e00], BF16: [0x7f80, 0x7fc0] }[dtype as "F16" | "BF16"];
  for (let index = 0; index < data.length; index++) {
    if (canonical !== undefined && (Number(data[index]) & 0x7fff) > canonical[0]!) data[index] = canonical[1]!;
    if (Number.isNaN(data[index])) data[index] = Number.NaN;
  }
  return data;
}
