/** @file Images at another size. */
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectDType, expectRank, expectThat } from "./expect.ts";
import { forEachIndex, positionOf } from "./loops.ts";
import { op } from "./op.ts";
import { indexList } from "./repetition.ts";
import { reals } from "./samples.ts";

/** From which of `from` pixels, and with what weights, pixel i of `to` is made. */
type Blend = (i: number, from: number, to: number) => readonly (readonly [pixel: number, weight: number])[];

const BLENDS: Readonly<Record<"nearest" | "linear", Blend>> = {
  nearest: (i, from, to) => [[Math.floor((i * from) / to), 1]],
  /** Pixels have centres at i + ½; beyond the outer centres the image goes on as it ends. */
  linear(i, from, to) {
    const at = Math.max(0, Math.min(from - 1, ((i + 0.5) * from) / to - 0.5));
    const low = Math.min(from - 1, Math.floor(at));
    return [
      [low, 1 - (at - low)],
      [Math.min(from - 1, low + 1), at - low],
    ];
  },
};

/** [from, to]: what each pixel gives to each. */
function blendMatrix(x: Tensor, from: number, to: number): Tensor {
  const data = new Float64Array(from * to);
  for (let i = 0; i < to; i++)
    for (const [pixel, weight] of BLENDS.linear(i, from, to)) data[pixel * to + i]! += weight;
  return x.constant({ dtype: "F64", shape: [from, to], data });
}

export const resizing = {
  /**
   * Image [n, channels, ...size] at another spatial size. `nearest` takes pixel ⌊i · from / to⌋; `linear` blends the two
   * neighbours along each axis, without smoothing when the image shrinks. Both as PyTorch's `interpolate` does by default.
   */
  resize: op<{ size: Shape; mode: "nearest" | "linear" }>({
    type([x], { size }) {
      expectDType(x, "F32");
      expectRank(x, size.length + 2, "the image", size.length + 2);
      expectThat(
        sizeOf(x.shape.slice(2)) > 0 || sizeOf(size) === 0,
        "an empty image has no larger form",
        "give an image with pixels",
      );
      return { dtype: "F32", shape: [...x.shape.slice(0, 2), ...size] };
    },
    reference([x], y, { mode }) {
      y.data.fill(0);
      forEachIndex(y.shape, ([n, channel, ...place], position) => {
        const blends = place.map((i, axis) => BLENDS[mode](i, x.shape[axis + 2]!, y.shape[axis + 2]!));
        forEachIndex(
          blends.map((blend) => blend.length),
          (choice) => {
            const pixels = choice.map((c, axis) => blends[axis]![c]!);
            const weight = pixels.reduce((product, [, factor]) => product * factor, 1);
            y.data[position]! +=
              weight * x.data[positionOf([n!, channel!, ...pixels.map(([pixel]) => pixel)], x.shape)]!;
          },
        );
      });
    },
    onnx: (emit, [x], { output, attributes: { mode } }) =>
      emit.node("Resize", [x, "", "", emit.shape(output.shape)], {
        mode: { string: mode },
        coordinate_transformation_mode: { string: mode === "nearest" ? "asymmetric" : "half_pixel" },
        nearest_mode: { string: "floor" },
      }),
    samples: (size) =>
      (["nearest", "linear"] as const).flatMap((mode) => [
        { inputs: [reals([1, 2, 3])], attributes: { size: [size], mode } },
        { inputs: [reals([2, 1, size + 1, 4])], attributes: { size: [3, 7], mode } },
        { inputs: [reals([1, 2, 5, 2])], attributes: { size: [2, size], mode } },
      ]),
    cost: ({ shape }) => 4 * sizeOf(shape),
    decompose({ inputs: [x], attributes: { size, mode } }) {
      return size.reduce((y, to, spatial) => {
        const [axis, from] = [spatial + 2, x.shape[spatial + 2]!];
        if (to === from) return y;
        if (mode === "nearest")
          return y.gather(y.constant(indexList(to, (i) => BLENDS.nearest(i, from, to)[0]![0])), axis);
        const toLast = [...y.shape.keys()].filter((other) => other !== axis).concat(axis);
        const blended = y.permute(toLast).matmul(blendMatrix(y, from, to));
        return blended.permute(toLast.map((_, position) => toLast.indexOf(position)));
      }, x);
    },
  }),
};
