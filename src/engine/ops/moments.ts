/**
 * @file What batch norm asks of an image's channels, forward and backward: two numbers of each, in one walk over the image.
 * Images are [n, channels, ...size], results [2, channels].
 */
import { sizeOf, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectDType, expectRank, expectShape } from "./expect.ts";
import { type None, op, type ReferenceArray, type SampleInput } from "./op.ts";
import { reals } from "./samples.ts";

const axesBesideChannels = (image: TensorType): number[] =>
  image.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));

/** Values [channels] stretched over an image. */
function perChannel(values: Tensor, image: TensorType): Tensor {
  return values.reshape(image.shape.map((size, axis) => (axis === 1 ? size : 1))).broadcastTo(image.shape);
}

/** Of each channel, [channels] and [channels], as one [2, channels]. */
function both(first: Tensor, second: Tensor): Tensor {
  return first.reshape([1, ...first.shape]).concat([second.reshape([1, ...second.shape])], 0);
}

/** The first image counts, and of the others every second. */
function presence(images: number): SampleInput {
  return { dtype: "BOOL", shape: [images], values: Array.from({ length: images }, (_, i) => 1 - (i % 2)) };
}

/** Every element of an image with its channel. */
function forEachOfChannel({ shape, data }: ReferenceArray, visit: (channel: number, position: number) => void): void {
  const inner = sizeOf(shape.slice(2));
  for (let i = 0; i < data.length; i++) visit(Math.floor(i / inner) % shape[1]!, i);
}

/** One row of [2, channels]: [channels]. */
export function row(of: Tensor, index: 0 | 1): Tensor {
  const channels = of.shape[1]!;
  return of.slice([index, 0], [index + 1, channels]).reshape([channels]);
}

/** How many elements of each channel count: never none, so that nothing is divided by zero. */
function countOf(present: Tensor, image: TensorType): Tensor {
  return present
    .cast("F32")
    .sum()
    .mul(sizeOf(image.shape.slice(2)))
    .maximum(1);
}

/** `present` [n] stretched over an image. */
function perImage(present: Tensor, image: TensorType): Tensor {
  return present
    .cast("F32")
    .reshape(image.shape.map((size, axis) => (axis === 0 ? size : 1)))
    .broadcastTo(image.shape);
}

export const moments = {
  /**
   * The mean of each channel, and its variance over as many as there are, [2, channels], of the images that are `present`
   * (false: they only fill a batch up): BOOL [n].
   */
  channelMoments: op<None>({
    type([x, present]) {
      expectDType(x, "F32");
      expectRank(x, 2, "the image");
      expectDType(present, "BOOL");
      expectShape(present, [x.shape[0]!], "what is present");
      return { dtype: "F32", shape: [2, x.shape[1]!] };
    },
    gradient: [
      (dy, { inputs: [x, present], output }) => {
        const shares = dy.div(countOf(present, x));
        const ofVariance = perChannel(row(shares, 1).mul(2), x).mul(x.sub(perChannel(row(output, 0), x)));
        return ofVariance.add(perChannel(row(shares, 0), x)).mul(perImage(present, x));
      },
      null,
    ],
    reference([x, present], y) {
      const channels = x.shape[1]!;
      const perImage = sizeOf(x.shape.slice(1));
      const images = Float64Array.from(present.data).reduce((sum, one) => sum + one, 0);
      const count = Math.max(1, (images * perImage) / channels);
      const share = (i: number) => present.data[Math.floor(i / perImage)]! / count;
      y.data.fill(0);
      forEachOfChannel(x, (channel, i) => {
        y.data[channel]! += x.data[i]! * share(i);
      });
      forEachOfChannel(x, (channel, i) => {
        y.data[channels + channel]! += (x.data[i]! - y.data[channel]!) ** 2 * share(i);
      });
    },
    onnx: { form: "decomposition" },
    samples: (size) => [
      { inputs: [reals([size, 3]), presence(size)], attributes: {} },
      { inputs: [reals([2, 3, size]), presence(2)], attributes: {} },
      { inputs: [reals([3, size, 4, 5]), presence(3)], attributes: {} },
    ],
    cost: ({ inputs: [x] }) => 4 * sizeOf(x!.shape),
    decompose({ inputs: [x, present] }) {
      const [axes, count] = [axesBesideChannels(x), countOf(present, x)];
      const average = (value: Tensor) => value.mul(perImage(present, x)).sum(axes).div(count);
      const mean = average(x);
      return both(mean, average(x.sub(perChannel(mean, x)).square()));
    },
  }),
  /**
   * Of two images and a centre for each channel: Σ a, and Σ a · (b − centre), over each channel: [2, channels]. With
   * a the gradient of a normalised b these are the gradients of shift and scale, the latter but for the factor 1/√variance.
   */
  channelProducts: op<None>({
    type([a, b, centre]) {
      for (const each of [a, b, centre]) expectDType(each, "F32");
      expectRank(a, 2, "the image");
      expectShape(b, a.shape, "the other image");
      expectShape(centre, [a.shape[1]!], "the centre");
      return { dtype: "F32", shape: [2, a.shape[1]!] };
    },
    gradient: [
      (dy, { inputs: [a, b, centre] }) =>
        perChannel(row(dy, 1), a)
          .mul(b.sub(perChannel(centre, b)))
          .add(perChannel(row(dy, 0), a)),
      (dy, { inputs: [a] }) => perChannel(row(dy, 1), a).mul(a),
      (dy, { output }) => row(dy, 1).mul(row(output, 0)).neg(),
    ],
    reference([a, b, centre], y) {
      const channels = a.shape[1]!;
      y.data.fill(0);
      forEachOfChannel(a, (channel, i) => {
        y.data[channel]! += a.data[i]!;
        y.data[channels + channel]! += a.data[i]! * (b.data[i]! - centre.data[channel]!);
      });
    },
    onnx: { form: "decomposition" },
    samples: (size) => [
      { inputs: [reals([size, 3]), reals([size, 3]), reals([3])], attributes: {} },
      { inputs: [reals([2, 3, size]), reals([2, 3, size]), reals([3])], attributes: {} },
      { inputs: [reals([2, size, 4, 5]), reals([2, size, 4, 5]), reals([size])], attributes: {} },
    ],
    cost: ({ inputs: [a] }) => 4 * sizeOf(a!.shape),
    decompose: ({ inputs: [a, b, centre] }) =>
      both(a.sum(axesBesideChannels(a)), a.mul(b.sub(perChannel(centre, b))).sum(axesBesideChannels(a))),
  }),
};
