import { describe, expect, it } from "vitest";
import { fromBF16, fromF16, toBF16, toF16 } from "../../src/engine/half.ts";

const ALL = Array.from({ length: 65536 }, (_, bits) => bits);

describe("16-bit floats", () => {
  it.each([
    ["F16", fromF16, toF16],
    ["BF16", fromBF16, toBF16],
  ] as const)("every number of %s comes back to its own bits", (_name, from, to) => {
    const moved = ALL.filter((bits) => !Number.isNaN(from(bits)) && to(from(bits)) !== bits);
    expect(moved).toEqual([]);
  });

  it("round to the nearest, ties to even", () => {
    expect(fromF16(toF16(2049))).toBe(2048);
    expect(fromF16(toF16(2051))).toBe(2052);
    expect(fromF16(toF16(2049.0001))).toBe(2050);
    expect(fromBF16(toBF16(257))).toBe(256);
    expect(fromBF16(toBF16(259))).toBe(260);
  });

  it("know the smallest, the largest and what lies beyond", () => {
    expect(fromF16(toF16(2 ** -24))).toBe(2 ** -24);
    expect(fromF16(toF16(2 ** -25))).toBe(0);
    expect(fromF16(toF16(65519))).toBe(65504);
    expect(fromF16(toF16(65520))).toBe(Number.POSITIVE_INFINITY);
    expect(Object.is(fromF16(toF16(-0)), -0)).toBe(true);
    expect(fromF16(toF16(Number.NaN))).toBeNaN();
    expect(fromBF16(toBF16(Number.NaN))).toBeNaN();
    expect(fromBF16(toBF16(-3.4e38))).toBe(Number.NEGATIVE_INFINITY);
  });
});
