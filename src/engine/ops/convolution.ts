/**
 * @file Convolution over any number of spatial axes, and its transposes in the image and in the weights: each is made of
 * the same products, and the three are each other's gradients. Images are [n, channels, ...size], weights
 * [out, in / groups, ...window]; as everywhere in learning, the window is not flipped.
 */
import { type Shape, sizeOf, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectDType, expectRank, expectShape, expectThat } from "./expect.ts";
import { type OnnxAttribute, op, type ReferenceArray, type Sample } from "./op.ts";
import { reals } from "./samples.ts";
import { unslice } from "./slicing.ts";
import { forEachSeen, placesOf, type Sliding, startsOf, views } from "./window.ts";

/** Channels fall into `groups`, each convolved on its own; as many groups as channels makes it depthwise. */
export type ConvolutionAttributes = Sliding & { groups: number };

const spatial = ({ shape }: { readonly shape: Shape }) => shape.slice(2);

/** The output's shape, once image and weights are known to fit. */
function convolvedShape(image: TensorType, weights: TensorType, attributes: ConvolutionAttributes): number[] {
  const { groups } = attributes;
  expectDType(image, "F32");
  expectDType(weights, "F32");
  expectRank(image, 3, "the image");
  expectRank(weights, image.shape.length, "the weights", image.shape.length);
  const [n, channels] = image.shape as [number, number];
  const [out, perGroup] = weights.shape as [number, number];
  expectThat(
    groups >= 1 && channels === perGroup * groups && out % groups === 0,
    `${channels} channels in ${groups} groups do not fit weights for ${perGroup} in and ${out} out`,
    "weights are [out, in / groups, ...window], and groups divide both in and out",
  );
  return [n, out, ...placesOf(spatial(image), spatial(weights), attributes)];
}

/** Every product of an image's element and a weight that an output's element is a sum of, by their positions. */
function forEachProduct(
  image: TensorType,
  weights: TensorType,
  output: TensorType,
  attributes: ConvolutionAttributes,
  visit: (image: number, weight: number, output: number) => void,
): void {
  const [out, perGroup] = weights.shape as [number, number];
  const [size, window, places] = [image, weights, output].map((type) => sizeOf(spatial(type))) as [
    number,
    number,
    number,
  ];
  const outPerGroup = out / attributes.groups;
  forEachSeen(spatial(image), spatial(weights), attributes, (seen, offset, place) => {
    for (let n = 0; n < image.shape[0]!; n++) {
      for (let o = 0; o < out; o++) {
        for (let c = 0; c < perGroup; c++) {
          const channel = Math.floor(o / outPerGroup) * perGroup + c;
          const from = (n * image.shape[1]! + channel) * size + seen;
          visit(from, (o * perGroup + c) * window + offset, (n * out + o) * places + place);
        }
      }
    }
  });
}

/** [n, groups, in per group · window, places]: for each place, what its window sees. */
function columns(image: Tensor, weights: Shape, attributes: ConvolutionAttributes): Tensor {
  const [n, channels] = image.shape as [number, number];
  const window = weights.slice(2);
  const places = sizeOf(placesOf(spatial(image), window, attributes));
  const { groups } = attributes;
  const seen = views(image, window, attributes, 0).map((view) => view.reshape([n, channels, 1, places]));
  return seen[0]!.concat(seen.slice(1), 2).reshape([n, groups, (channels / groups) * seen.length, places]);
}

/** Weights, or their gradient, as a matrix for each group: [1, groups, out per group, in per group · window]. */
function matrixShape([out, perGroup, ...window]: Shape, groups: number): number[] {
  return [1, groups, out! / groups, perGroup! * sizeOf(window)];
}

function grouped(image: Tensor, groups: number): Tensor {
  const [n, channels, ...size] = image.shape as [number, number, ...number[]];
  return image.reshape([n, groups, channels / groups, sizeOf(size)]);
}

function onnxAttributes({
  strides,
  before,
  after,
  dilations,
  groups,
}: ConvolutionAttributes): Record<string, OnnxAttribute> {
  return {
    strides: { ints: strides },
    pads: { ints: [...before, ...after] },
    dilations: { ints: dilations },
    group: { int: groups },
  };
}

const plain = (rank: number): ConvolutionAttributes => {
  const all = (value: number) => new Array<number>(rank).fill(value);
  return { strides: all(1), before: all(0), after: all(0), dilations: all(1), groups: 1 };
};

/** An image's shape, the weights', and how one slides over the other: odd sizes, strides, dilation, groups, one to three axes. */
function cases(size: number): [image: Shape, weights: Shape, attributes: ConvolutionAttributes][] {
  return [
    [[2, 3, size], [4, 3, 3], { ...plain(1), before: [1], after: [1] }],
    [
      [1, 4, size + 4, 5],
      [6, 2, 3, 2],
      { strides: [2, 1], before: [1, 0], after: [0, 1], dilations: [1, 2], groups: 2 },
    ],
    [[2, 3, 4, size + 2], [3, 1, 3, 3], { ...plain(2), before: [1, 1], after: [1, 1], strides: [1, 3], groups: 3 }],
    [[1, 2, 3, 3, size + 1], [2, 2, 2, 2, 2], { ...plain(3), strides: [1, 2, 1] }],
  ];
}

function samplesOf<A>(
  size: number,
  from: (image: Shape, weights: Shape, output: Shape, attributes: ConvolutionAttributes) => [Shape, Shape, A],
): Sample<A>[] {
  return cases(size).map(([image, weights, attributes]) => {
    const f32 = (shape: Shape): TensorType => ({ dtype: "F32", shape });
    const [a, b, own] = from(image, weights, convolvedShape(f32(image), f32(weights), attributes), attributes);
    return { inputs: [reals(a), reals(b)], attributes: own };
  });
}

function zeroed({ data }: ReferenceArray): ReferenceArray["data"] {
  return data.fill(0);
}

export const convolution = {
  /** image [n, in, ...size], weights [out, in / groups, ...window] → [n, out, ...places]. */
  conv: op<ConvolutionAttributes>({
    type: ([image, weights], attributes) => ({ dtype: "F32", shape: convolvedShape(image, weights, attributes) }),
    gradient: [
      (dy, { inputs: [image, weights], attributes }) =>
        dy.imageGradient(weights, { ...attributes, size: spatial(image) }),
      (dy, { inputs: [image, weights], attributes }) =>
        image.weightGradient(dy, { ...attributes, window: spatial(weights) }),
    ],
    reference([image, weights], y, attributes) {
      const sums = zeroed(y);
      forEachProduct(image, weights, y, attributes, (i, w, o) => {
        sums[o]! += image.data[i]! * weights.data[w]!;
      });
    },
    onnx: (emit, inputs, { attributes }) => emit.node("Conv", inputs, onnxAttributes(attributes)),
    samples: (size) => samplesOf(size, (image, weights, _, attributes) => [image, weights, attributes]),
    cost: ({ shape, inputs: [, weights] }) => 2 * sizeOf(shape) * sizeOf(weights!.shape.slice(1)),
    decompose: ({ inputs: [image, weights], output, attributes }) =>
      weights
        .reshape(matrixShape(weights.shape, attributes.groups))
        .matmul(columns(image, weights.shape, attributes))
        .reshape(output.shape),
  }),
  /**
   * conv's transpose in the image, of spatial `size`: y [n, out, ...places], weights [out, in / groups, ...window] →
   * [n, in, ...size]. Each element of y is spread over the window that conv would have summed it from.
   */
  convTranspose: op<ConvolutionAttributes & { size: Shape }>({
    type([y, weights], { size, ...attributes }) {
      const shape = [y.shape[0]!, (weights.shape[1] ?? 0) * attributes.groups, ...size];
      expectShape(y, convolvedShape({ dtype: "F32", shape }, weights, attributes), "what is to be spread");
      return { dtype: "F32", shape };
    },
    gradient: [
      (dx, { inputs: [, weights], attributes: { size: _, ...attributes } }) => dx.convolve(weights, attributes),
      (dx, { inputs: [y, weights], attributes: { size: _, ...attributes } }) =>
        dx.weightGradient(y, { ...attributes, window: spatial(weights) }),
    ],
    reference([y, weights], image, attributes) {
      const sums = zeroed(image);
      forEachProduct(image, weights, y, attributes, (i, w, o) => {
        sums[i]! += y.data[o]! * weights.data[w]!;
      });
    },
    onnx(emit, inputs, { inputs: [y, weights], attributes }) {
      // What the places don't reach: the stride passed over the last elements.
      const reached = spatial(y).map(
        (places, axis) =>
          (places - 1) * attributes.strides[axis]! +
          (weights.shape[axis + 2]! - 1) * attributes.dilations[axis]! +
          1 -
          attributes.before[axis]! -
          attributes.after[axis]!,
      );
      const rest = attributes.size.map((length, axis) => length - reached[axis]!);
      return emit.node("ConvTranspose", inputs, { ...onnxAttributes(attributes), output_padding: { ints: rest } });
    },
    samples: (size) =>
      samplesOf(size, (image, weights, output, attributes) => [
        output,
        weights,
        { ...attributes, size: image.slice(2) },
      ]),
    cost: ({ inputs: [y, weights] }) => 2 * sizeOf(y!.shape) * sizeOf(weights!.shape.slice(1)),
    decompose({ inputs: [y, weights], output, attributes }) {
      const [n, channels, ...size] = output.shape as [number, number, ...number[]];
      const { groups, before, after, strides } = attributes;
      const window = spatial(weights);
      const matrix = weights.reshape(matrixShape(weights.shape, groups)).transpose();
      const pieces = matrix.matmul(grouped(y, groups)).reshape([n, channels, sizeOf(window), ...spatial(y)]);
      const padded = [n, channels, ...size.map((length, axis) => before[axis]! + length + after[axis]!)];
      if (sizeOf(y.shape) === 0) return y.constant(0).broadcastTo(output.shape);
      const sum = pieces
        .split(new Array(sizeOf(window)).fill(1), 2)
        .map((piece) => piece.reshape([n, channels, ...spatial(y)]))
        .map((piece, i) => unslice(piece, startsOf(window, attributes)[i]!, [1, 1, ...strides], padded))
        .reduce((total, piece) => total.add(piece));
      return sum.slice([0, 0, ...before], [n, channels, ...size.map((length, axis) => before[axis]! + length)]);
    },
  }),
  /** conv's transpose in the weights, of spatial `window`: image [n, in, ...size], y [n, out, ...places] → [out, in / groups, ...window]. */
  convWeights: op<ConvolutionAttributes & { window: Shape }>({
    type([image, y], { window, ...attributes }) {
      const shape = [y.shape[1]!, image.shape[1]! / attributes.groups, ...window];
      expectShape(y, convolvedShape(image, { dtype: "F32", shape }, attributes), "the output's gradient");
      return { dtype: "F32", shape };
    },
    gradient: [
      (dw, { inputs: [image, y], attributes: { window: _, ...attributes } }) =>
        y.imageGradient(dw, { ...attributes, size: spatial(image) }),
      (dw, { inputs: [image], attributes: { window: _, ...attributes } }) => image.convolve(dw, attributes),
    ],
    reference([image, y], weights, attributes) {
      const sums = zeroed(weights);
      forEachProduct(image, weights, y, attributes, (i, w, o) => {
        sums[w]! += image.data[i]! * y.data[o]!;
      });
    },
    onnx: { form: "decomposition" },
    samples: (size) =>
      samplesOf(size, (image, weights, output, attributes) => [
        image,
        output,
        { ...attributes, window: weights.slice(2) },
      ]),
    cost: ({ shape, inputs: [, y] }) => 2 * sizeOf(y!.shape) * sizeOf(shape.slice(1)),
    decompose: ({ inputs: [image, y], output, attributes }) =>
      grouped(y, attributes.groups)
        .matmul(columns(image, output.shape, attributes).transpose())
        .sum(0)
        .reshape(output.shape),
  }),
};
