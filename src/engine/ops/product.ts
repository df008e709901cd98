/** @file Matrix products. */
import { sizeOf } from "../shape.ts";
import { expectDType, expectRank, expectShape, expectThat } from "./expect.ts";
import { type None, op } from "./op.ts";
import { reals } from "./samples.ts";

export const product = {
  /** [...batch, m, k] · [...batch, k, n] → [...batch, m, n]. `Tensor.matmul` broadcasts the batch axes first. */
  matmul: op<None>({
    type([a, b]) {
      expectDType(a, "F32");
      expectDType(b, "F32");
      expectRank(a, 2, "the left matrix");
      expectRank(b, a.shape.length, "the right matrix", a.shape.length);
      const batch = a.shape.slice(0, -2);
      expectShape({ ...b, shape: b.shape.slice(0, -2) }, batch, "the right matrices' batch");
      const [m, k] = a.shape.slice(-2) as [number, number];
      const [rows, n] = b.shape.slice(-2) as [number, number];
      expectThat(
        k === rows,
        `a matrix of ${m} × ${k} cannot be multiplied by one of ${rows} × ${n}`,
        "the left's columns must equal the right's rows",
      );
      return { dtype: "F32", shape: [...batch, m, n] };
    },
    gradient: [(dy, { inputs: [, b] }) => dy.matmul(b.transpose()), (dy, { inputs: [a] }) => a.transpose().matmul(dy)],
    reference([a, b], y) {
      const [m, k] = a.shape.slice(-2) as [number, number];
      const n = b.shape.at(-1)!;
      const batch = sizeOf(a.shape.slice(0, -2));
      y.data.fill(0);
      for (let s = 0; s < batch; s++) {
        for (let i = 0; i < m; i++) {
          for (let p = 0; p < k; p++) {
            const left = a.data[(s * m + i) * k + p]!;
            for (let j = 0; j < n; j++) y.data[(s * m + i) * n + j]! += left * b.data[(s * k + p) * n + j]!;
          }
        }
      }
    },
    onnx: "MatMul",
    samples: (size) => [
      { inputs: [reals([size, 3]), reals([3, 4])], attributes: {} },
      { inputs: [reals([2, size]), reals([size, 5])], attributes: {} },
      { inputs: [reals([4, 3]), reals([3, size])], attributes: {} },
      { inputs: [reals([1, size]), reals([size, size])], attributes: {} },
      { inputs: [reals([2, 3, size]), reals([2, size, 2])], attributes: {} },
    ],
    cost: (node) => 2 * sizeOf(node.shape) * node.inputs[0]!.shape.at(-1)!,
  }),
};
