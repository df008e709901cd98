/** @file Whether rows are independent, against what programs do when another row changes. */
import { describe, expect, it } from "vitest";
import { areRowsIndependent, createReference, type Shape, scan, type Tensor, trace } from "../../src/engine/index.ts";

const BATCH = 4;

/** What the program gives for all rows but the last, with two last rows. */
function withOtherLastRow(shape: Shape, build: (x: Tensor) => Tensor): [number[], number[]] {
  const traced = trace((t) => ({ outputs: { y: build(t.input("x", { dtype: "F32", shape: [BATCH, ...shape] })) } }));
  const executor = createReference();
  const program = executor.compile(traced, executor.createState({}));
  const [x, y] = [program.inputs.x as Float32Array, program.outputs.y as Float32Array];
  const run = (last: number): number[] => {
    x.set(Array.from({ length: x.length }, (_, i) => Math.sin(i * 7.1)));
    x.fill(last, (x.length / BATCH) * (BATCH - 1));
    program.run();
    return Array.from(y.subarray(0, (y.length / BATCH) * (BATCH - 1)), Number);
  };
  return [run(3), run(-2)];
}

function areIndependent(shape: Shape, build: (x: Tensor) => Tensor): boolean {
  const traced = trace((t) => ({ outputs: { y: build(t.input("x", { dtype: "F32", shape: [BATCH, ...shape] })) } }));
  return areRowsIndependent(traced, BATCH);
}

const weights = (x: Tensor, ...shape: number[]): Tensor =>
  x.constant({
    dtype: "F32",
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.cos(i)),
  });

const rightMatrix = (x: Tensor): Tensor => weights(x, 3, 5);

describe("rows stay apart", () => {
  it.each<[string, Shape, (x: Tensor) => Tensor]>([
    ["element by element", [3], (x) => x.mul(2).add(1).tanh().sub(x)],
    ["in a product with weights", [3], (x) => x.matmul(rightMatrix(x))],
    ["as columns of a product", [3], (x) => rightMatrix(x).transpose().matmul(x.transpose()).transpose()],
    ["in a product of their own matrices", [2, 3], (x) => x.matmul(x.transpose())],
    ["under a norm over features", [3], (x) => x.layerNorm(weights(x, 3), weights(x, 3), { epsilon: 1e-5 })],
    ["under a softmax over features", [3], (x) => x.softmax(-1)],
    ["in a mean over time", [5, 3], (x) => x.mean(1)],
    [
      "with time folded in and out",
      [5, 3],
      (x) =>
        x
          .reshape([BATCH * 5, 3])
          .matmul(rightMatrix(x))
          .reshape([BATCH, 5, 5]),
    ],
    [
      "with time before them",
      [5, 3],
      (x) =>
        x
          .permute([1, 0, 2])
          .reshape([5 * BATCH, 3])
          .matmul(rightMatrix(x))
          .reshape([5, BATCH, 5])
          .permute([1, 0, 2]),
    ],
    [
      "in a convolution",
      [2, 5, 5],
      (x) =>
        x
          .conv(weights(x, 3, 2, 3, 3))
          .relu()
          .maxPool([2, 2]),
    ],
    ["in a piece of each row", [6], (x) => x.slice([0, 1], [BATCH, 4])],
    ["side by side", [3], (x) => x.concat([x.neg()], 1)],
    ["as indices of a table", [3], (x) => weights(x, 7, 2).gather(x.abs().cast("I32"), 0)],
    ["in a running sum over time", [5], (x) => x.cumulativeSum(1)],
    ["in the place of the largest", [5], (x) => x.argMax(1).cast("F32").reshape([BATCH, 1])],
    ["in a recurrence", [5, 3], (x) => recurrence(x, x.permute([1, 0, 2]))],
  ])("%s", (_name, shape, build) => {
    const [one, other] = withOtherLastRow(shape, build);
    expect(one).toEqual(other);
    expect(areIndependent(shape, build)).toBe(true);
  });
});

describe("rows meet", () => {
  it.each<[string, Shape, (x: Tensor) => Tensor]>([
    ["in the batch's mean", [3], (x) => x.sub(x.mean(0, { keepDims: true }))],
    ["in the batch's variance", [3], (x) => x.div(x.variance(0, { keepDims: true }).add(1).sqrt())],
    ["under a softmax over the batch", [3], (x) => x.softmax(0)],
    ["in a running sum over the batch", [3], (x) => x.cumulativeSum(0, { reverse: true })],
    ["in a product with each other", [3], (x) => x.matmul(x.transpose())],
    ["where the batch is turned round", [3], (x) => x.flip([0])],
    ["where one row goes to all", [3], (x) => x.sub(x.slice([BATCH - 1, 0], [BATCH, 3]))],
    ["where rows and features change places", [BATCH], (x) => x.add(x.transpose())],
    ["where a reshape cuts them otherwise", [3], (x) => x.reshape([3, BATCH]).softmax(-1).reshape([BATCH, 3])],
    ["in a recurrence over the batch", [3], (x) => recurrence(x, x.reshape([BATCH, 1, 3]), true)],
  ])("%s", (_name, shape, build) => {
    const [one, other] = withOtherLastRow(shape, build);
    expect(one).not.toEqual(other);
    expect(areIndependent(shape, build)).toBe(false);
  });
});

/** h' = tanh(h + x) over the first axis of `sequence` [steps, rows, 3]; gives the last state, or all of one row: [batch, 3]. */
function recurrence(x: Tensor, sequence: Tensor, reverse = false): Tensor {
  const rows = sequence.shape[1]!;
  const start = x.constant(0).broadcastTo([rows, 3]);
  const { carry, outputs } = scan({ carry: [start], over: [sequence], reverse }, ([h], [element]) => {
    const next = h!.add(element!).tanh();
    return { carry: [next], outputs: [next] };
  });
  return rows === 1 ? outputs[0]!.reshape([BATCH, 3]) : carry[0]!;
}
