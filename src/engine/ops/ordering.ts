/** @file Ops in which the order along an axis matters: running sums, and sorting. */
import type { Tensor } from "../tensor.ts";
import { expectDType } from "./expect.ts";
import { forEachLine } from "./loops.ts";
import { op } from "./op.ts";
import { integers, reals } from "./samples.ts";

/** What comes later along `axis` by `distance`, zeros coming in at the start (or, reversed, at the end). */
function shifted(x: Tensor, axis: number, distance: number, isReverse: boolean): Tensor {
  const none = x.shape.map(() => 0);
  const room = none.with(axis, Math.min(distance, x.shape[axis]!));
  return isReverse
    ? x.slice(room).pad(none, room)
    : x
        .slice(
          none,
          x.shape.map((size, other) => size - room[other]!),
        )
        .pad(room, none);
}

/** Whether a sorts strictly before b, ascending: NaN is larger than everything else. */
function isBefore(a: number, b: number): boolean {
  return a < b || (Number.isNaN(b) && !Number.isNaN(a));
}

export const ordering = {
  /** Element i: the sum of elements 0 … i (`exclusive`: 0 … i − 1; `reverse`: from the end). */
  cumulativeSum: op<{ axis: number; exclusive: boolean; reverse: boolean }>({
    type([x]) {
      expectDType(x, "F32", "I32");
      return { dtype: x.dtype, shape: x.shape };
    },
    gradient: [
      (dy, { attributes: { axis, exclusive, reverse } }) => dy.cumulativeSum(axis, { exclusive, reverse: !reverse }),
    ],
    reference([x], y, { axis, exclusive, reverse }) {
      forEachLine(x.shape, axis, (start, stride, length) => {
        let sum = 0;
        for (let step = 0; step < length; step++) {
          const position = start + (reverse ? length - 1 - step : step) * stride;
          const next = sum + x.data[position]!;
          y.data[position] = exclusive ? sum : next;
          sum = next;
        }
      });
    },
    onnx: (emit, [x], { attributes: { axis, exclusive, reverse } }) =>
      emit.node("CumSum", [x, emit.int64([axis])], {
        exclusive: { int: Number(exclusive) },
        reverse: { int: Number(reverse) },
      }),
    samples: (size) => [
      { inputs: [reals([size])], attributes: { axis: 0, exclusive: false, reverse: false } },
      { inputs: [reals([3, size])], attributes: { axis: 1, exclusive: true, reverse: false } },
      { inputs: [reals([2, size, 3])], attributes: { axis: 1, exclusive: false, reverse: true } },
      { inputs: [integers([size])], attributes: { axis: 0, exclusive: true, reverse: true } },
    ],
    /** Sums over the last 2, 4, 8 … elements (Hillis and Steele 1986). */
    decompose({ inputs: [x], attributes: { axis, exclusive, reverse } }) {
      let sums = exclusive ? shifted(x, axis, 1, reverse) : x;
      for (let distance = 1; distance < x.shape[axis]!; distance *= 2) {
        sums = sums.add(shifted(sums, axis, distance, reverse));
      }
      return sums;
    },
  }),
  /** I32: which element is first, second … along `axis`. NaN counts as the largest; equals keep their order either way. */
  argSort: op<{ axis: number; descending: boolean }>({
    type([x]) {
      expectDType(x, "F32", "I32");
      return { dtype: "I32", shape: x.shape };
    },
    gradient: [null],
    reference([x], y, { axis, descending }) {
      forEachLine(x.shape, axis, (start, stride, length) => {
        const at = (i: number) => x.data[start + i * stride]!;
        const order = Array.from({ length }, (_, i) => i).sort((i, j) => {
          const [a, b] = descending ? [at(j), at(i)] : [at(i), at(j)];
          return isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : i - j;
        });
        order.forEach((i, rank) => {
          y.data[start + rank * stride] = i;
        });
      });
    },
    onnx: (emit, [x], { output, attributes: { axis, descending } }) => {
      const options = { axis: { int: axis }, largest: { int: Number(descending) }, sorted: { int: 1 } };
      return emit.cast(emit.nodes("TopK", [x, emit.int64([output.shape[axis]!])], options, 2)[1]!, "I32");
    },
    samples: (size) => [
      { inputs: [reals([size])], attributes: { axis: 0, descending: false } },
      { inputs: [reals([3, size])], attributes: { axis: 1, descending: true } },
      { inputs: [integers([2, size, 3], 0, 4)], attributes: { axis: 1, descending: false } },
      { inputs: [integers([3, size], 0, 4)], attributes: { axis: 1, descending: true } },
    ],
    /** By counting, for each element, those before it: n² comparisons. */
    decompose({ inputs: [x], output, attributes: { axis, descending } }) {
      const length = x.shape[axis]!;
      const toLast = [...x.shape.keys()].filter((other) => other !== axis).concat(axis);
      const lines = x.permute(toLast);
      const rows = lines.shape.slice(0, -1);
      const [mine, other] = [lines.reshape([...rows, length, 1]), lines.reshape([...rows, 1, length])];
      const place = x.constant({ dtype: "I32", shape: [length], data: Int32Array.from({ length }, (_, i) => i) });
      const isEarlier = place.reshape([1, length]).less(place.reshape([length, 1]));
      const precedes = (a: Tensor, b: Tensor) =>
        x.dtype === "I32" ? a.less(b) : a.less(b).logicalOr(b.isNaN().logicalAnd(a.isNaN().logicalNot()));
      const before = descending ? precedes(mine, other) : precedes(other, mine);
      const after = descending ? precedes(other, mine) : precedes(mine, other);
      const rank = before.logicalOr(after.logicalNot().logicalAnd(isEarlier)).cast("F32").sum(-1).cast("I32");
      const sorted = rank
        .oneHot(length)
        .mul(place.cast("F32").reshape([length, 1]))
        .sum(-2)
        .cast("I32");
      return sorted.permute(toLast.map((_, position) => toLast.indexOf(position))).reshape(output.shape);
    },
  }),
};
