/** @file Ops that bring features to mean 0 and variance 1, or to size 1, then scale and shift them by learned amounts. */
import { type Shape, sizeOf, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectDType, expectRank, expectShape, expectThat } from "./expect.ts";
import { type GradientRule, op, type ReferenceArray } from "./op.ts";
import { reals } from "./samples.ts";

/** The axes from `axis` to the last. */
function axesFrom(shape: Shape, axis: number): number[] {
  return shape.flatMap((_, other) => (other >= axis ? [other] : []));
}

/** The shape that stretches a value for each channel over an image [n, channels, ...size]. */
function perChannel(values: Tensor, image: TensorType): Tensor {
  return values.reshape(image.shape.map((size, axis) => (axis === 1 ? size : 1)).slice(1));
}

/** Mean, and 1 / √(variance + epsilon), of `length` elements from `start` on. */
function momentsOf({ data }: ReferenceArray, start: number, length: number, epsilon: number): [number, number] {
  let mean = 0;
  for (let i = 0; i < length; i++) mean += data[start + i]! / length;
  let variance = 0;
  for (let i = 0; i < length; i++) variance += (data[start + i]! - mean) ** 2 / length;
  return [mean, 1 / Math.sqrt(variance + epsilon)];
}

function standardized(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const centred = x.sub(x.mean(axes, { keepDims: true }));
  return centred.mul(centred.square().mean(axes, { keepDims: true }).add(epsilon).rsqrt());
}

type LayerForm = { axis: number; epsilon: number };

/** Of an input of `layerNorm`: one result of a node that its other inputs share. */
const ofLayer: GradientRule<LayerForm> = (dy, { inputs: [x, scale], attributes, index }) =>
  dy.op("layerNormGradients", attributes, x, scale).part(index);

export const normalization = {
  /**
   * Layer normalization (Ba, Kiros and Hinton 2016): x over the axes from `axis` on brought to mean 0 and variance 1
   * (1/√(variance + epsilon)), then scale · x + shift. scale and shift have the shape of those axes.
   */
  layerNorm: op<LayerForm>({
    type([x, scale, shift], { axis }) {
      expectDType(x, "F32");
      expectThat(axis >= 0 && axis < x.shape.length, `axis ${axis} is out of range`, "name an axis of the tensor");
      expectShape(scale, x.shape.slice(axis), "the scale");
      expectShape(shift, x.shape.slice(axis), "the shift");
      return { dtype: "F32", shape: x.shape };
    },
    gradient: [ofLayer],
    reference([x, scale, shift], y, { axis, epsilon }) {
      const length = sizeOf(x.shape.slice(axis));
      for (let start = 0; start < x.data.length; start += length) {
        const [mean, factor] = momentsOf(x, start, length, epsilon);
        for (let i = 0; i < length; i++) {
          y.data[start + i] = (x.data[start + i]! - mean) * factor * scale.data[i]! + shift.data[i]!;
        }
      }
    },
    onnx: (emit, inputs, { attributes: { axis, epsilon } }) =>
      emit.node("LayerNormalization", inputs, { axis: { int: axis }, epsilon: { float: epsilon } }),
    samples: (size) => [
      { inputs: [reals([3, size]), reals([size]), reals([size])], attributes: { axis: 1, epsilon: 1e-5 } },
      { inputs: [reals([size, 5]), reals([5]), reals([5])], attributes: { axis: 1, epsilon: 1e-5 } },
      { inputs: [reals([2, size, 3]), reals([size, 3]), reals([size, 3])], attributes: { axis: 1, epsilon: 0.1 } },
      { inputs: [reals([size, 24]), reals([24]), reals([24])], attributes: { axis: 1, epsilon: 1e-5 } },
    ],
    cost: ({ shape }) => 8 * sizeOf(shape),
    decompose: ({ inputs: [x, scale, shift], attributes: { axis, epsilon } }) =>
      standardized(x, axesFrom(x.shape, axis), epsilon).mul(scale).add(shift),
  }),
  /**
   * The gradients of `layerNorm` with respect to x, scale and shift, from that of its result, which comes first, x and scale.
   * With s the standardized x, f = 1/√(variance + epsilon) and g = dy · scale, that of x is f · (g − mean(g) − s · mean(g · s)).
   */
  layerNormGradients: op<LayerForm>({
    type([dy, x, scale], { axis }) {
      for (const each of [dy, x, scale]) expectDType(each, "F32");
      expectThat(axis >= 0 && axis < x.shape.length, `axis ${axis} is out of range`, "name an axis of the tensor");
      expectShape(dy, x.shape, "the result's gradient");
      expectShape(scale, x.shape.slice(axis), "the scale");
      const parts = [x, scale, scale].map(({ shape }): TensorType => ({ dtype: "F32", shape }));
      return { ...parts[0]!, parts };
    },
    reference([dy, x, scale], _first, { epsilon }, outputs) {
      const [ofX, ofScale, ofShift] = outputs as readonly [ReferenceArray, ReferenceArray, ReferenceArray];
      for (const { data } of outputs) data.fill(0);
      const length = sizeOf(scale.shape);
      for (let start = 0; start < x.data.length; start += length) {
        const [mean, factor] = momentsOf(x, start, length, epsilon);
        const standard = (i: number) => (x.data[start + i]! - mean) * factor;
        let [plain, along] = [0, 0];
        for (let i = 0; i < length; i++) {
          const flowing = dy.data[start + i]!;
          ofShift.data[i]! += flowing;
          ofScale.data[i]! += flowing * standard(i);
          plain += (flowing * scale.data[i]!) / length;
          along += (flowing * scale.data[i]! * standard(i)) / length;
        }
        for (let i = 0; i < length; i++) {
          ofX.data[start + i] = factor * (dy.data[start + i]! * scale.data[i]! - plain - standard(i) * along);
        }
      }
    },
    onnx: { form: "decomposition" },
    samples: (size) => [
      { inputs: [reals([3, size]), reals([3, size]), reals([size])], attributes: { axis: 1, epsilon: 1e-3 } },
      { inputs: [reals([size, 24]), reals([size, 24]), reals([24])], attributes: { axis: 1, epsilon: 1e-5 } },
      {
        inputs: [reals([2, size, 4]), reals([2, size, 4]), reals([size, 4])],
        attributes: { axis: 1, epsilon: 0.1 },
      },
    ],
    cost: ({ shape }) => 16 * sizeOf(shape),
    decompose({ inputs: [dy, x, scale], attributes: { axis, epsilon } }) {
      const [axes, outer] = [axesFrom(x.shape, axis), x.shape.slice(0, axis).map((_, other) => other)];
      const centred = x.sub(x.mean(axes, { keepDims: true }));
      const factor = centred.square().mean(axes, { keepDims: true }).add(epsilon).rsqrt();
      const standard = centred.mul(factor);
      const flowing = dy.mul(scale);
      const along = flowing.mul(standard).mean(axes, { keepDims: true });
      const ofX = flowing
        .sub(flowing.mean(axes, { keepDims: true }))
        .sub(standard.mul(along))
        .mul(factor);
      return [ofX, dy.mul(standard).sum(outer), dy.sum(outer)];
    },
  }),
  /**
   * Root mean square normalization (Zhang and Sennrich 2019): x over the axes from `axis` on, divided by
   * √(mean of squares + epsilon), times scale, which has the shape of those axes.
   */
  rmsNorm: op<{ axis: number; epsilon: number }>({
    type([x, scale], { axis }) {
      expectDType(x, "F32");
      expectThat(axis >= 0 && axis < x.shape.length, `axis ${axis} is out of range`, "name an axis of the tensor");
      expectShape(scale, x.shape.slice(axis), "the scale");
      return { dtype: "F32", shape: x.shape };
    },
    reference([x, scale], y, { axis, epsilon }) {
      const length = sizeOf(x.shape.slice(axis));
      for (let start = 0; start < x.data.length; start += length) {
        let square = 0;
        for (let i = 0; i < length; i++) square += x.data[start + i]! ** 2 / length;
        for (let i = 0; i < length; i++) {
          y.data[start + i] = (x.data[start + i]! / Math.sqrt(square + epsilon)) * scale.data[i]!;
        }
      }
    },
    onnx: { form: "decomposition" },
    samples: (size) => [
      { inputs: [reals([3, size]), reals([size])], attributes: { axis: 1, epsilon: 1e-5 } },
      { inputs: [reals([2, size, 3]), reals([size, 3])], attributes: { axis: 1, epsilon: 0.1 } },
    ],
    cost: ({ shape }) => 5 * sizeOf(shape),
    decompose: ({ inputs: [x, scale], attributes: { axis, epsilon } }) =>
      x.mul(x.square().mean(axesFrom(x.shape, axis), { keepDims: true }).add(epsilon).rsqrt()).mul(scale),
  }),
  /**
   * Batch normalization with given moments (Ioffe and Szegedy 2015): image [n, channels, ...size]; scale, shift, mean and
   * variance [channels]. In training pass the batch's own `mean` and `variance`, and the gradient flows through them too.
   */
  batchNorm: op<{ epsilon: number }>({
    type([x, ...parameters]) {
      expectDType(x, "F32");
      expectRank(x, 2, "the image");
      ["scale", "shift", "mean", "variance"].forEach((name, i) => {
        expectShape(parameters[i]!, [x.shape[1]!], `the ${name}`);
      });
      return { dtype: "F32", shape: x.shape };
    },
    // With y = (x − mean) · scale · r + shift and r = 1 / √(variance + epsilon), the derivative of r in the variance is −r³ / 2.
    gradient: [
      (dy, { inputs: [x, scale, , , variance], attributes: { epsilon } }) =>
        dy.mul(perChannel(variance.add(epsilon).rsqrt().mul(scale), x)),
      (dy, { inputs: [x, , , mean, variance], attributes: { epsilon } }) =>
        dy.channelProducts(x, mean)[1].mul(variance.add(epsilon).rsqrt()),
      (dy, { inputs: [x, , , mean] }) => dy.channelProducts(x, mean)[0],
      (dy, { inputs: [x, scale, , mean, variance], attributes: { epsilon } }) =>
        dy.channelProducts(x, mean)[0].mul(variance.add(epsilon).rsqrt().mul(scale)).neg(),
      (dy, { inputs: [x, scale, , mean, variance], attributes: { epsilon } }) => {
        const factor = variance.add(epsilon).rsqrt();
        return dy.channelProducts(x, mean)[1].mul(scale).mul(factor.mul(factor).mul(factor)).mul(-0.5);
      },
    ],
    reference([x, scale, shift, mean, variance], y, { epsilon }) {
      const inner = sizeOf(x.shape.slice(2));
      for (let i = 0; i < y.data.length; i++) {
        const c = Math.floor(i / inner) % x.shape[1]!;
        const standard = (x.data[i]! - mean.data[c]!) / Math.sqrt(variance.data[c]! + epsilon);
        y.data[i] = standard * scale.data[c]! + shift.data[c]!;
      }
    },
    onnx: (emit, inputs, { attributes: { epsilon } }) =>
      emit.node("BatchNormalization", inputs, { epsilon: { float: epsilon } }),
    samples: (size) => [
      {
        inputs: [reals([size, 3]), reals([3]), reals([3]), reals([3]), reals([3], 0.5, 2)],
        attributes: { epsilon: 1e-5 },
      },
      {
        inputs: [reals([2, size, 3, 2]), reals([size]), reals([size]), reals([size]), reals([size], 0.5, 2)],
        attributes: { epsilon: 0.1 },
      },
    ],
    cost: ({ shape }) => 4 * sizeOf(shape),
    decompose({ inputs: [x, ...parameters], attributes: { epsilon } }) {
      const [scale, shift, mean, variance] = parameters.map((values) => perChannel(values, x)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      return x.sub(mean).mul(variance.add(epsilon).rsqrt().mul(scale)).add(shift);
    },
  }),
  /**
   * Group normalization (Wu and He 2018): the channels of image [n, channels, ...size] in `groups`, each brought to mean 0
   * and variance 1; scale and shift [channels]. As many groups as channels: instance normalization.
   */
  groupNorm: op<{ groups: number; epsilon: number }>({
    type([x, scale, shift], { groups }) {
      expectDType(x, "F32");
      expectRank(x, 2, "the image");
      const channels = x.shape[1]!;
      expectThat(
        groups >= 1 && channels % groups === 0,
        `${channels} channels in ${groups} groups`,
        "groups must divide the channels",
      );
      expectShape(scale, [channels], "the scale");
      expectShape(shift, [channels], "the shift");
      return { dtype: "F32", shape: x.shape };
    },
    reference([x, scale, shift], y, { groups, epsilon }) {
      const [channels, inner] = [x.shape[1]!, sizeOf(x.shape.slice(2))];
      const length = (channels / groups) * inner;
      for (let start = 0; start < x.data.length; start += length) {
        const [mean, factor] = momentsOf(x, start, length, epsilon);
        for (let i = start; i < start + length; i++) {
          const c = Math.floor(i / inner) % channels;
          y.data[i] = (x.data[i]! - mean) * factor * scale.data[c]! + shift.data[c]!;
        }
      }
    },
    onnx: { form: "decomposition" },
    samples: (size) => [
      { inputs: [reals([2, 4, size]), reals([4]), reals([4])], attributes: { groups: 2, epsilon: 1e-5 } },
      { inputs: [reals([size, 3, 2, 2]), reals([3]), reals([3])], attributes: { groups: 3, epsilon: 0.1 } },
    ],
    cost: ({ shape }) => 8 * sizeOf(shape),
    decompose({ inputs: [x, scale, shift], attributes: { groups, epsilon } }) {
      const [n, channels, ...size] = x.shape as [number, number, ...number[]];
      const standard = standardized(x.reshape([n, groups, (channels / groups) * sizeOf(size)]), [2], epsilon);
      return standard.reshape(x.shape).mul(perChannel(scale, x)).add(perChannel(shift, x));
    },
  }),
};
