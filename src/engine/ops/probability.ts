/** @file Softmax and its kin: numbers as probabilities, and the loss that compares them with labels. */
import type { NodeType } from "../graph.ts";
import { sizeOf, type TensorType } from "../shape.ts";
import { expectDType, expectRank, expectShape, expectThat } from "./expect.ts";
import { forEachLine } from "./loops.ts";
import { type None, op, type ReferenceArray, type Sample } from "./op.ts";
import { integers, reals } from "./samples.ts";

function alongAxis([x]: readonly [TensorType, ...unknown[]], { axis }: { axis: number }): NodeType {
  expectDType(x, "F32");
  expectThat(axis >= 0 && axis < x.shape.length, `axis ${axis} is out of range`, "name an axis of the tensor");
  return { dtype: "F32", shape: x.shape };
}

function axisSamples(size: number): Sample<{ axis: number }>[] {
  return [
    { inputs: [reals([size])], attributes: { axis: 0 } },
    { inputs: [reals([3, size])], attributes: { axis: 1 } },
    { inputs: [reals([size, 4], -20, 20)], attributes: { axis: 1 } },
    { inputs: [reals([2, size, 3])], attributes: { axis: 1 } },
  ];
}

/** log Σ exp along one line, from its largest element. */
function logSumExpOfLine(x: ReferenceArray, start: number, stride: number, length: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < length; i++) top = Math.max(top, x.data[start + i * stride]!);
  let sum = 0;
  for (let i = 0; i < length; i++) sum += Math.exp(x.data[start + i * stride]! - top);
  return top + Math.log(sum);
}

export const probability = {
  /** exp(x) / Σ exp(x) along `axis`. */
  softmax: op<{ axis: number }>({
    type: alongAxis,
    gradient: [
      (dy, { output: y, attributes: { axis } }) => {
        const weighted = dy.mul(y);
        return weighted.sub(y.mul(weighted.sum(axis, { keepDims: true })));
      },
    ],
    reference([x], y, { axis }) {
      forEachLine(x.shape, axis, (start, stride, length) => {
        const normalizer = logSumExpOfLine(x, start, stride, length);
        for (let i = 0; i < length; i++)
          y.data[start + i * stride] = Math.exp(x.data[start + i * stride]! - normalizer);
      });
    },
    onnx: (emit, [x], { attributes: { axis } }) => emit.node("Softmax", [x], { axis: { int: axis } }),
    samples: axisSamples,
    cost: ({ shape }) => 14 * sizeOf(shape),
    decompose({ inputs: [x], attributes: { axis } }) {
      const powers = x.sub(x.max(axis, { keepDims: true }).stopGradient()).exp();
      return powers.div(powers.sum(axis, { keepDims: true }));
    },
  }),
  /** x − log Σ exp(x) along `axis`. */
  logSoftmax: op<{ axis: number }>({
    type: alongAxis,
    gradient: [(dy, { output: y, attributes: { axis } }) => dy.sub(y.exp().mul(dy.sum(axis, { keepDims: true })))],
    reference([x], y, { axis }) {
      forEachLine(x.shape, axis, (start, stride, length) => {
        const normalizer = logSumExpOfLine(x, start, stride, length);
        for (let i = 0; i < length; i++) y.data[start + i * stride] = x.data[start + i * stride]! - normalizer;
      });
    },
    onnx: (emit, [x], { attributes: { axis } }) => emit.node("LogSoftmax", [x], { axis: { int: axis } }),
    samples: axisSamples,
    cost: ({ shape }) => 14 * sizeOf(shape),
    decompose({ inputs: [x], attributes: { axis } }) {
      const shifted = x.sub(x.max(axis, { keepDims: true }).stopGradient());
      return shifted.sub(shifted.exp().sum(axis, { keepDims: true }).log());
    },
  }),
  /**
   * −log softmax(logits) at the label: logits F32 [..., classes], labels I32 [...] → F32 [...], one loss a row.
   * A label outside 0 … classes − 1 picks no logit: check labels before they get here.
   */
  crossEntropy: op<None>({
    type([logits, labels]) {
      expectDType(logits, "F32");
      expectDType(labels, "I32");
      expectRank(logits, 1, "the logits");
      expectShape(labels, logits.shape.slice(0, -1), "the labels");
      return { dtype: "F32", shape: labels.shape };
    },
    gradient: [
      (dy, { inputs: [logits, labels] }) =>
        logits
          .softmax(-1)
          .sub(labels.oneHot(logits.shape.at(-1)!))
          .mul(dy.reshape([...dy.shape, 1])),
      null,
    ],
    reference([logits, labels], y) {
      const classes = logits.shape.at(-1)!;
      for (let row = 0; row < y.data.length; row++) {
        const label = labels.data[row]!;
        const chosen = label >= 0 && label < classes ? logits.data[row * classes + label]! : 0;
        y.data[row] = logSumExpOfLine(logits, row * classes, 1, classes) - chosen;
      }
    },
    onnx: { form: "decomposition" },
    samples: (size) => [
      { inputs: [reals([size, 4]), integers([size], 0, 4)], attributes: {} },
      { inputs: [reals([3, size + 1], -20, 20), integers([3], 0, size + 1)], attributes: {} },
      { inputs: [reals([2, size, 3]), integers([2, size], 0, 3)], attributes: {} },
    ],
    cost: (node) => 14 * sizeOf(node.inputs[0]!.shape),
    decompose: ({ inputs: [logits, labels] }) =>
      logits.logSumExp(-1).sub(logits.mul(labels.oneHot(logits.shape.at(-1)!)).sum(-1)),
  }),
};
