/** @file Products of two tensors as Einstein wrote them: "bqd,bkd->bqk". */
import { Fault } from "./fault.ts";
import { sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** Sums over the axes whose letters are not in `kept`. */
function summed(tensor: Tensor, letters: string, kept: string): [Tensor, string] {
  const gone = [...letters].flatMap((letter, axis) => (kept.includes(letter) ? [] : [axis]));
  return [
    gone.length === 0 ? tensor : tensor.sum(gone),
    [...letters].filter((letter) => kept.includes(letter)).join(""),
  ];
}

function ordered(tensor: Tensor, from: string, to: string): Tensor {
  return tensor.permute([...to].map((letter) => from.indexOf(letter)));
}

function parse(
  equation: string,
  tensors: readonly Tensor[],
): { inputs: string[]; output: string; sizes: Map<string, number> } {
  const [left = "", output] = equation.replaceAll(" ", "").split("->");
  const inputs = left.split(",");
  const isWritten = inputs.every((letters) => /^[a-zA-Z]*$/.test(letters) && new Set(letters).size === letters.length);
  if (output === undefined || !isWritten || inputs.some((letters, i) => letters.length !== tensors[i]?.shape.length)) {
    throw new Fault("INVALID_PARAMS", `\`${equation}\` does not describe ${tensors.length} tensors of these ranks`, {
      hint: 'write a letter for each axis, different ones within a tensor, and the result: "bij,bjk->bik"',
    });
  }
  const sizes = new Map<string, number>();
  inputs.forEach((letters, i) => {
    [...letters].forEach((letter, axis) => {
      const size = tensors[i]!.shape[axis]!;
      if ((sizes.get(letter) ?? size) !== size) {
        throw new Fault("SHAPE_MISMATCH", `\`${letter}\` is ${sizes.get(letter)} and ${size} in \`${equation}\``, {
          hint: "axes of one letter have one size",
        });
      }
      sizes.set(letter, size);
    });
  });
  return { inputs, output, sizes };
}

/**
 * One tensor reordered and summed, or the product of two, summed over the letters that the result leaves out.
 * Letters of both inputs and the result are a batch; it becomes one matrix product between two permutations.
 */
export function einsum(equation: string, a: Tensor, b?: Tensor): Tensor {
  const { inputs, output, sizes } = parse(equation, b === undefined ? [a] : [a, b]);
  const [lettersA = "", lettersB = ""] = inputs;
  const [left, ofLeft] = summed(a, lettersA, output + lettersB);
  if (b === undefined) return ordered(left, ofLeft, output);
  const [right, ofRight] = summed(b, lettersB, output + lettersA);

  const only = (letters: string, test: (letter: string) => boolean) => [...letters].filter(test).join("");
  const batch = only(ofLeft, (letter) => ofRight.includes(letter) && output.includes(letter));
  const inner = only(ofLeft, (letter) => ofRight.includes(letter) && !output.includes(letter));
  const rows = only(ofLeft, (letter) => !ofRight.includes(letter));
  const columns = only(ofRight, (letter) => !ofLeft.includes(letter));
  const size = (letters: string) => [...letters].map((letter) => sizes.get(letter)!);
  const matrix = (tensor: Tensor, from: string, down: string, across: string) =>
    ordered(tensor, from, batch + down + across).reshape([...size(batch), sizeOf(size(down)), sizeOf(size(across))]);
  const product = matrix(left, ofLeft, rows, inner).matmul(matrix(right, ofRight, inner, columns));
  return ordered(product.reshape(size(batch + rows + columns)), batch + rows + columns, output);
}
