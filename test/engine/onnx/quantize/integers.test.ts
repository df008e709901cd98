/** @file Ranges to steps, and weights to bytes. */
import { describe, expect, it } from "vitest";
import { bytesOf, roundToEven, stepsFor } from "../../../../src/engine/onnx/quantize/integers.ts";

describe("steps for a range", () => {
  it("cover it from the smallest integer to the largest", () => {
    expect(stepsFor([-1, 3], "uint8")).toEqual({ scale: Math.fround(4 / 255), zero: 64 });
    expect(stepsFor([-1, 3], "int8")).toEqual({ scale: Math.fround(4 / 255), zero: -64 });
  });

  it("always have a zero, where the range lies on one side of it", () => {
    expect(stepsFor([2, 5], "uint8")).toEqual({ scale: Math.fround(5 / 255), zero: 0 });
    expect(stepsFor([-5, -2], "uint8")).toEqual({ scale: Math.fround(5 / 255), zero: 255 });
  });

  it("are of size one where nothing was seen but zero", () => {
    expect(stepsFor([0, 0], "uint8")).toEqual({ scale: 1, zero: 0 });
  });
});

it("rounds halves to the even number, as QuantizeLinear does", () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 0.49, -2.51].map((value) => roundToEven(value) + 0)).toEqual([
    0, 2, 2, 0, -2, 0, -3,
  ]);
});

describe("a weight as bytes", () => {
  const weight = { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, -10, 0, -2, 5, 0) } as const;

  it("has a scale for each channel of its axis, by the largest magnitude there", () => {
    const { values, scales } = bytesOf(weight, 1, false);
    expect([...scales]).toEqual([2 / 127, 10 / 127, 1].map(Math.fround));
    expect([...values]).toEqual([64, -127, 0, -127, 64, 0]);
  });

  it("has one scale where no axis is given", () => {
    const { values, scales } = bytesOf(weight, null, false);
    expect([...scales]).toEqual([Math.fround(10 / 127)]);
    expect([...values]).toEqual([13, -127, 0, -25, 64, 0]);
  });

  it("stays within seven bits where asked", () => {
    expect(Math.max(...bytesOf(weight, 1, true).values.map(Math.abs))).toBe(64);
  });

  it("takes a larger scale where its bias needs one", () => {
    expect([...bytesOf(weight, 1, false, () => 1).scales]).toEqual([1, 1, 1]);
  });
});
