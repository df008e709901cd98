/** @file Images at another size, in all of ONNX's ways: along each axis a matrix says what each pixel is made of. */
import type { NdArray } from "../../../shape.ts";
import { type Tensor, where } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { expectAxis } from "../impossible.ts";
import { expectTable } from "../known.ts";
import type { Output } from "../value.ts";
import { expectKnown } from "./names.ts";

/** One axis: how many pixels there were and will be, and by how much it grows (which rounding may part from their ratio). */
interface Axis {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
  /** Of the region of interest, as shares of the axis. */
  readonly start: number;
  readonly end: number;
}

/** Where in the old image the centre of new pixel i lies. */
const COORDINATES: Readonly<Record<string, (i: number, axis: Axis) => number>> = {
  half_pixel: (i, { scale }) => (i + 0.5) / scale - 0.5,
  half_pixel_symmetric: (i, { from, to, scale }) => (from / 2) * (1 - to / (scale * from)) + (i + 0.5) / scale - 0.5,
  pytorch_half_pixel: (i, { scale, from }) => (scale * from > 1 ? (i + 0.5) / scale - 0.5 : -0.5),
  align_corners: (i, { scale, from }) => (scale * from === 1 ? 0 : (i * (from - 1)) / (scale * from - 1)),
  asymmetric: (i, { scale }) => i / scale,
  tf_crop_and_resize: (i, { from, scale, start, end }) =>
    scale * from > 1
      ? start * (from - 1) + (i * (end - start) * (from - 1)) / (scale * from - 1)
      : ((start + end) * (from - 1)) / 2,
};

const ROUNDINGS: Readonly<Record<string, (at: number) => number>> = {
  round_prefer_floor: (at) => Math.ceil(at - 0.5),
  round_prefer_ceil: (at) => Math.floor(at + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Keys 1981, equation 15: the cubic kernel, by its slope at 1. */
function cubic(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

interface Kernel {
  /** Pixels farther away than this weigh nothing. */
  readonly reach: number;
  weight(distance: number): number;
}

const KERNELS: Readonly<Record<string, (slope: number) => Kernel>> = {
  linear: () => ({ reach: 1, weight: (distance) => Math.max(0, 1 - Math.abs(distance)) }),
  cubic: (slope) => ({ reach: 2, weight: (distance) => cubic(distance, slope) }),
};

interface Blending {
  readonly kernel: Kernel;
  /** When an image shrinks, the kernel widens to see all pixels. */
  readonly antialias: boolean;
  /** Pixels outside weigh nothing, and the others make up for it; else the edge goes on. */
  readonly excludeOutside: boolean;
}

/** Weights of the old pixels in one new one; they sum to 1. */
function blend(at: number, { from, scale }: Axis, { kernel, antialias, excludeOutside }: Blending): Float64Array {
  const narrowing = antialias ? Math.min(1, scale) : 1;
  const reach = kernel.reach / narrowing;
  const weights = new Float64Array(from);
  let sum = 0;
  for (let pixel = Math.floor(at - reach) + 1; pixel < at + reach; pixel++) {
    const isOutside = pixel < 0 || pixel >= from;
    if (isOutside && excludeOutside) continue;
    const weight = kernel.weight((pixel - at) * narrowing);
    weights[Math.max(0, Math.min(from - 1, pixel))]! += weight;
    sum += weight;
  }
  return weights.map((weight) => weight / sum);
}

/** [from, to] of what each old pixel gives to each new one. */
function matrixOf(axis: Axis, place: (i: number, axis: Axis) => number, blending: Blending): NdArray {
  const data = new Float64Array(axis.from * axis.to);
  for (let i = 0; i < axis.to; i++) {
    blend(place(i, axis), axis, blending).forEach((weight, pixel) => {
      data[pixel * axis.to + i] = weight;
    });
  }
  return { dtype: "F64", shape: [axis.from, axis.to], data };
}

function alongAxis(x: Tensor, axis: number, matrix: NdArray): Tensor {
  const toLast = [...x.shape.keys()].filter((other) => other !== axis).concat(axis);
  const back = toLast.map((_, position) => toLast.indexOf(position));
  return x.permute(toLast).matmul(x.constant(matrix)).permute(back);
}

function nearest(x: Tensor, at: number, axis: Axis, places: readonly number[], mode: string): Tensor {
  const round = expectKnown(ROUNDINGS, mode, "attribute.nearest_mode");
  const pixels = Int32Array.from(places, (place) => Math.max(0, Math.min(axis.from - 1, round(place))));
  return x.gather(x.constant({ dtype: "I32", shape: [axis.to], data: pixels }), at);
}

const POLICIES: Readonly<Record<string, (ratios: readonly number[]) => number>> = {
  not_larger: (ratios) => Math.min(...ratios),
  not_smaller: (ratios) => Math.max(...ratios),
};

/** Sizes win over scales; a policy keeps the proportions. */
function axesOf(call: Call, x: Tensor, names: { roi?: number; scales: number; sizes?: number }): Map<number, Axis> {
  const rank = x.shape.length;
  const axes = call.ints("axes", [...x.shape.keys()]).map((axis) => expectAxis(axis, rank, "attribute.axes"));
  const numbers = (index: number | undefined): number[] | undefined => {
    const values = index === undefined ? undefined : call.maybeNumbers(index);
    return values?.length === 0 ? undefined : values;
  };
  const roi = numbers(names.roi) ?? axes.map(() => 0).concat(axes.map(() => 1));
  const sizes = numbers(names.sizes);
  const scales =
    sizes === undefined ? (call.has("scales") ? call.floats("scales") : numbers(names.scales))! : undefined;
  const policy = call.string("keep_aspect_ratio_policy", "stretch");
  const ratios = sizes?.map((size, i) => size / x.shape[axes[i]!]!);
  const shared =
    ratios === undefined || policy === "stretch"
      ? undefined
      : expectKnown(POLICIES, policy, "attribute.keep_aspect_ratio_policy")(ratios);
  return new Map(
    axes.map((axis, i) => {
      const from = x.shape[axis]!;
      const scale = shared ?? ratios?.[i] ?? scales![i]!;
      const to = shared !== undefined ? Math.floor(from * shared + 0.5) : (sizes?.[i] ?? Math.floor(from * scale));
      return [axis, { from, to, scale, start: roi[i]!, end: roi[i + axes.length]! }];
    }),
  );
}

function resizeBy(call: Call, names: { roi?: number; scales: number; sizes?: number }, usual: string): Output {
  const original = call.tensor(0);
  const mode = call.string("mode", "nearest").replace("bilinear", "linear");
  const transformation = call.string("coordinate_transformation_mode", usual);
  const place = expectKnown(COORDINATES, transformation, "attribute.coordinate_transformation_mode");
  let x = mode === "nearest" ? original : original.cast("F32");
  for (const [at, axis] of axesOf(call, x, names)) {
    if (axis.from === axis.to && axis.scale === 1 && transformation !== "tf_crop_and_resize") continue;
    expectTable(mode === "nearest" ? axis.to : axis.from * axis.to);
    const places = Array.from({ length: axis.to }, (_, i) => place(i, axis));
    if (mode === "nearest") {
      x = nearest(x, at, axis, places, call.string("nearest_mode", call.opset < 11 ? "floor" : "round_prefer_floor"));
    } else {
      const kernel = expectKnown(KERNELS, mode, "attribute.mode")(call.float("cubic_coeff_a", -0.75));
      const blending = {
        kernel,
        antialias: call.int("antialias", 0) === 1,
        excludeOutside: call.int("exclude_outside", 0) === 1,
      };
      x = alongAxis(x, at, matrixOf(axis, place, blending));
    }
    if (transformation === "tf_crop_and_resize") x = extrapolated(call, x, at, axis, places);
  }
  return x.cast(original.dtype);
}

/** New pixels that lie outside the old image get a value of their own. */
function extrapolated(call: Call, x: Tensor, at: number, axis: Axis, places: readonly number[]): Tensor {
  const outside = Uint8Array.from(places, (place) => Number(place < 0 || place > axis.from - 1));
  if (!outside.includes(1)) return x;
  const shape = x.shape.map((_, other) => (other === at ? axis.to : 1));
  return where(x.constant({ dtype: "BOOL", shape, data: outside }), call.float("extrapolation_value", 0), x);
}

export const resizing: Readonly<Record<string, Operator>> = {
  /** Opset 10 had scales only, and floored. */
  Resize: (call) =>
    call.opset < 11
      ? resizeBy(call, { scales: 1 }, "asymmetric")
      : resizeBy(call, { roi: 1, scales: 2, sizes: 3 }, "half_pixel"),
  Upsample: (call) => resizeBy(call, { scales: 1 }, "asymmetric"),
};
