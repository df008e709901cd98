/** @file Windows that slide over [n, channels, ...size] and keep the largest, or the mean, of what they see. */
import type { NodeType } from "../graph.ts";
import { type Shape, sizeOf, stridesOf, type TensorType } from "../shape.ts";
import { expectDType, expectRank, expectShape } from "./expect.ts";
import { forEachIndex } from "./loops.ts";
import { type OnnxAttribute, op, type ReferenceArray, type Sample } from "./op.ts";
import { indexList } from "./repetition.ts";
import { reals } from "./samples.ts";
import { forEachSeen, placesOf, type Sliding, startsOf, views } from "./window.ts";

export type PoolingAttributes = Sliding & { window: Shape };

function pooledType(x: TensorType, attributes: PoolingAttributes, dtype: "F32" | "I32"): NodeType {
  expectDType(x, "F32");
  expectRank(x, 3, "the image");
  return { dtype, shape: [...x.shape.slice(0, 2), ...placesOf(x.shape.slice(2), attributes.window, attributes)] };
}

/** Every element that a window sees, place by place, for every plane. */
function forEachElement(
  x: ReferenceArray,
  places: number,
  attributes: PoolingAttributes,
  visit: (value: number, place: number, seen: number) => void,
): void {
  const size = x.shape.slice(2);
  const plane = sizeOf(size);
  for (let p = 0; p < sizeOf(x.shape.slice(0, 2)); p++) {
    forEachSeen(size, attributes.window, attributes, (seen, _, place) => {
      visit(x.data[p * plane + seen]!, p * places + place, seen);
    });
  }
}

function onnxAttributes({ window, strides, before, after }: PoolingAttributes): Record<string, OnnxAttribute> {
  return { kernel_shape: { ints: window }, strides: { ints: strides }, pads: { ints: [...before, ...after] } };
}

function poolingSamples(size: number, dilation: number): Sample<PoolingAttributes>[] {
  return [
    {
      inputs: [reals([2, 3, size + 1])],
      attributes: { window: [2], strides: [2], before: [0], after: [0], dilations: [1] },
    },
    {
      inputs: [reals([1, 2, size + 2, 5])],
      attributes: { window: [3, 2], strides: [2, 1], before: [1, 0], after: [1, 1], dilations: [1, dilation] },
    },
    {
      inputs: [reals([1, 2, size + 2, 13])],
      attributes: { window: [2, 2], strides: [2, 2], before: [0, 0], after: [0, 0], dilations: [1, 1] },
    },
    {
      inputs: [reals([1, 2, 2, 3, size + 1])],
      attributes: { window: [2, 2, 2], strides: [1, 1, 1], before: [0, 0, 1], after: [0, 0, 0], dilations: [1, 1, 1] },
    },
  ];
}

/** How many elements each place's window sees, padding left out. */
function seenCounts(size: Shape, attributes: PoolingAttributes): Float32Array {
  const counts = new Float32Array(sizeOf(placesOf(size, attributes.window, attributes)));
  forEachSeen(size, attributes.window, attributes, (_seen, _offset, place) => {
    counts[place]!++;
  });
  return counts;
}

export const pooling = {
  /** The largest element in each window; padding is −∞. The gradient goes to the first of equals, as in PyTorch. */
  maxPool: op<PoolingAttributes>({
    type: ([x], attributes) => pooledType(x, attributes, "F32"),
    gradient: [(dy, { inputs: [x], attributes }) => x.maxPoolGradient(dy, attributes)],
    reference([x], y, attributes) {
      y.data.fill(Number.NEGATIVE_INFINITY);
      forEachElement(x, sizeOf(y.shape.slice(2)), attributes, (value, place) => {
        y.data[place] = Math.max(y.data[place]!, value);
      });
    },
    onnx: (emit, [x], { attributes }) =>
      emit.node("MaxPool", [x], { ...onnxAttributes(attributes), dilations: { ints: attributes.dilations } }),
    samples: (size) => poolingSamples(size, 2),
    cost: ({ shape, attributes }) => sizeOf(shape) * sizeOf(attributes.window as Shape),
    decompose: ({ inputs: [x], attributes }) =>
      views(x, attributes.window, attributes, Number.NEGATIVE_INFINITY).reduce((most, view) => most.maximum(view)),
  }),
  /** maxPool's gradient: zeros of x's shape, each element of dy added where x is the largest of its window, the first of equals. */
  maxPoolGradient: op<PoolingAttributes>({
    type([x, dy], attributes) {
      expectShape(dy, pooledType(x, attributes, "F32").shape, "the gradient");
      return { dtype: "F32", shape: x.shape };
    },
    reference([x, dy], dx, attributes) {
      const places = sizeOf(dy.shape.slice(2));
      const size = sizeOf(x.shape.slice(2));
      const best = new Float64Array(dy.data.length).fill(Number.NEGATIVE_INFINITY);
      const chosen = new Int32Array(dy.data.length).fill(-1);
      forEachElement(x, places, attributes, (value, place, seen) => {
        const isBetter = value > best[place]! || (Number.isNaN(value) && !Number.isNaN(best[place]!));
        if (chosen[place] !== -1 && !isBetter) return;
        best[place] = value;
        chosen[place] = Math.floor(place / places) * size + seen;
      });
      dx.data.fill(0);
      chosen.forEach((element, place) => {
        if (element !== -1) dx.data[element]! += dy.data[place]!;
      });
    },
    onnx: { form: "decomposition" },
    samples: (size) =>
      poolingSamples(size, 2).map(({ inputs: [x], attributes }) => {
        const places = placesOf(x!.shape.slice(2), attributes.window, attributes);
        return { inputs: [x!, reals([...x!.shape.slice(0, 2), ...places])], attributes };
      }),
    cost: ({ inputs: [, dy], attributes }) => sizeOf(dy!.shape) * sizeOf(attributes.window as Shape),
    decompose({ inputs: [x, dy], attributes }) {
      const [n, channels, ...size] = x.shape as [number, number, ...number[]];
      const flat = [n, channels, sizeOf(dy.shape.slice(2))];
      const chosen = x.maxPoolIndices(attributes).reshape(flat);
      return dy.reshape(flat).scatterAlong(chosen, 2, sizeOf(size)).reshape(x.shape);
    },
  }),
  /** I32: where in its plane, in C order, the largest element of each window stands: the first of equals, NaN before all. */
  maxPoolIndices: op<PoolingAttributes>({
    type: ([x], attributes) => pooledType(x, attributes, "I32"),
    gradient: [null],
    reference([x], y, attributes) {
      const best = new Float64Array(y.data.length).fill(Number.NEGATIVE_INFINITY);
      y.data.fill(-1);
      forEachElement(x, sizeOf(y.shape.slice(2)), attributes, (value, place, seen) => {
        const isBetter = value > best[place]! || (Number.isNaN(value) && !Number.isNaN(best[place]!));
        if (y.data[place] !== -1 && !isBetter) return;
        best[place] = value;
        y.data[place] = seen;
      });
    },
    onnx: { form: "decomposition" },
    samples: (size) => poolingSamples(size, 2),
    cost: ({ shape, attributes }) => sizeOf(shape) * sizeOf(attributes.window as Shape),
    decompose({ inputs: [x], output, attributes }) {
      const { window, strides, before } = attributes;
      const step = stridesOf(x.shape.slice(2));
      const along = (index: readonly number[]) => index.reduce((sum, i, axis) => sum + i * step[axis]!, 0);
      const offsets = startsOf(window, attributes).map((starts) => along(starts.slice(2)));
      const corners: number[] = [];
      forEachIndex(output.shape.slice(2), (place) => {
        corners.push(along(place.map((i, axis) => i * strides[axis]! - before[axis]!)));
      });
      const seen = views(x, window, attributes, Number.NEGATIVE_INFINITY).map((view) =>
        view.reshape([1, ...view.shape]),
      );
      const chosen = seen[0]!.concat(seen.slice(1), 0).argMax(0);
      const corner = x.constant(indexList(corners.length, (i) => corners[i]!)).reshape(output.shape.slice(2));
      return x
        .constant(indexList(offsets.length, (i) => offsets[i]!))
        .gather(chosen, 0)
        .add(corner);
    },
  }),
  /** The mean of each window; padding counts as zeros (`countPadding`) or not at all. Dilations are 1. */
  averagePool: op<PoolingAttributes & { countPadding: boolean }>({
    type: ([x], attributes) => pooledType(x, attributes, "F32"),
    reference([x], y, attributes) {
      const places = sizeOf(y.shape.slice(2));
      const counts = seenCounts(x.shape.slice(2), attributes);
      y.data.fill(0);
      forEachElement(x, places, attributes, (value, place) => {
        y.data[place]! += value / (attributes.countPadding ? sizeOf(attributes.window) : counts[place % places]!);
      });
    },
    onnx: (emit, [x], { attributes }) =>
      emit.node("AveragePool", [x], {
        ...onnxAttributes(attributes),
        count_include_pad: { int: Number(attributes.countPadding) },
      }),
    samples: (size) =>
      poolingSamples(size, 1).flatMap(({ inputs, attributes }) =>
        [true, false].map((countPadding) => ({ inputs, attributes: { ...attributes, countPadding } })),
      ),
    cost: ({ shape, attributes }) => sizeOf(shape) * sizeOf(attributes.window as Shape),
    decompose({ inputs: [x], output, attributes }) {
      const sum = views(x, attributes.window, attributes, 0).reduce((total, view) => total.add(view));
      if (attributes.countPadding) return sum.div(sizeOf(attributes.window));
      const data = seenCounts(x.shape.slice(2), attributes).map((count) => Math.max(1, count));
      return sum.div(x.constant({ dtype: "F32", shape: output.shape.slice(2), data }));
    },
  }),
};
