/** @file Products by letters against sums written as loops. */
import { describe, expect, it } from "vitest";
import { createReference, einsum, type Tensor } from "../../src/engine/index.ts";
import { createGenerator, materialize, run } from "./support/samples.ts";

const reference = createReference();
const SIZES: Readonly<Record<string, number>> = { b: 2, i: 3, j: 4, k: 5, h: 2 };
const draw = createGenerator(11);

function tensorOf(letters: string) {
  return materialize({ dtype: "F32", shape: [...letters].map((letter) => SIZES[letter]!) }, draw);
}

/** The definition: over all values of all letters, the product of the elements goes to the result's element. */
function byLoops(equation: string, arrays: readonly { data: ArrayLike<number | bigint> }[]): number[] {
  const [inputs, output] = [equation.split("->")[0]!.split(","), equation.split("->")[1]!];
  const letters = [...new Set(inputs.join(""))];
  const sizeOf = (text: string) => [...text].reduce((size, letter) => size * SIZES[letter]!, 1);
  const result = new Array<number>(sizeOf(output)).fill(0);
  for (let all = 0; all < sizeOf(letters.join("")); all++) {
    const values: Record<string, number> = {};
    let rest = all;
    for (const letter of letters) {
      values[letter] = rest % SIZES[letter]!;
      rest = Math.floor(rest / SIZES[letter]!);
    }
    const place = (text: string) =>
      [...text].reduce((position, letter) => position * SIZES[letter]! + values[letter]!, 0);
    result[place(output)]! += inputs.reduce((product, text, i) => product * Number(arrays[i]!.data[place(text)]), 1);
  }
  return result;
}

describe("einsum", () => {
  it.each([
    "ij,jk->ik",
    "bij,bkj->bik",
    "ij,ij->",
    "i,j->ji",
    "bhij,bhjk->bihk",
    "bij,k->bk",
    "ij->ji",
    "bij->j",
    "ij,jk->",
  ])("computes %s as its definition does", (equation) => {
    const arrays = equation.split("->")[0]!.split(",").map(tensorOf);
    const { y } = run(reference, arrays, (inputs) => ({
      y: einsum(equation, inputs[0], inputs[1] as Tensor | undefined),
    }));
    byLoops(equation, arrays).forEach((value, i) => {
      expect(y![i]).toBeCloseTo(value, 10);
    });
  });

  it.each([
    ["a letter twice in one tensor", "ii->i"],
    ["too many letters", "ijk->i"],
    ["no result", "ij"],
  ])("refuses %s", (_, equation) => {
    const attempt = () => run(reference, [tensorOf("ij")], ([x]) => ({ y: einsum(equation, x) }));
    expect(attempt).toThrow(
      expect.objectContaining({ reason: "INVALID_PARAMS", hint: expect.stringContaining("bij,bjk->bik") }),
    );
  });

  it("refuses one letter of two sizes", () => {
    const attempt = () =>
      run(reference, [tensorOf("ij"), tensorOf("ik")], ([a, b]) => ({ y: einsum("ij,ij->i", a, b) }));
    expect(attempt).toThrow(expect.objectContaining({ reason: "SHAPE_MISMATCH" }));
  });
});
