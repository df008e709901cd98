import { describe, expect, it } from "vitest";
import { copyInPieces, fillInPieces } from "../../src/engine/pieces.ts";

/** Two whole pieces and a part of one. */
const LENGTH = 2 * 2 ** 21 + 5;

describe("arrays of several pieces", () => {
  it("are filled to their end", () => {
    const target = new Int32Array(LENGTH);
    fillInPieces(target, 7);
    expect(target.every((value) => value === 7)).toBe(true);
  });

  it("are copied as a whole, whatever the types, and no further", () => {
    const source = Uint8Array.from({ length: LENGTH }, (_, index) => index % 251);
    const target = new Float32Array(LENGTH + 3).fill(-1);
    copyInPieces(target, source);
    expect(target.subarray(0, LENGTH).every((value, index) => value === source[index])).toBe(true);
    expect([...target.subarray(LENGTH)]).toEqual([-1, -1, -1]);
  });
});
