/** @file Elements put elsewhere by rule: depth and space, columns and images, unpooling, crops, sequences turned around. */
import { Fault } from "../../../fault.ts";
import { type Shape, sizeOf, stridesOf } from "../../../shape.ts";
import { type Tensor, where } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { expectAxis, expectIndices } from "../impossible.ts";
import { expectTable } from "../known.ts";
import type { Output } from "../value.ts";
import { slidingOptions } from "./product.ts";

/** Blocks of channels become blocks of pixels. CRD: a channel's block stands together; DCR: the blocks do. */
function depthToSpace(call: Call): Output {
  const x = call.tensor(0);
  const b = call.int("blocksize");
  const [n, channels, height, width] = x.shape as [number, number, number, number];
  const depth = channels / (b * b);
  const arranged =
    call.string("mode", "DCR") === "CRD"
      ? x.reshape([n, depth, b, b, height, width]).permute([0, 1, 4, 2, 5, 3])
      : x.reshape([n, b, b, depth, height, width]).permute([0, 3, 4, 1, 5, 2]);
  return arranged.reshape([n, depth, height * b, width * b]);
}

function spaceToDepth(call: Call): Output {
  const x = call.tensor(0);
  const b = call.int("blocksize");
  const [n, depth, height, width] = x.shape as [number, number, number, number];
  const blocks = x.reshape([n, depth, height / b, b, width / b, b]);
  const order = call.string("mode", "DCR") === "CRD" ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
  return blocks.permute(order).reshape([n, depth * b * b, height / b, width / b]);
}

/** The gradient of cutting an image into columns: places that several columns cover add up. */
function columnsToImage(call: Call): Output {
  const x = call.tensor(0);
  const [size, window] = [call.numbers(1), call.numbers(2)];
  const [n, rows, places] = x.shape as [number, number, number];
  const channels = rows / sizeOf(window);
  const { strides, dilations, padding } = slidingOptions(call, size, window);
  const counts = size.map((length, axis) => {
    const room = length + padding[axis]![0] + padding[axis]![1] - (window[axis]! - 1) * dilations[axis]! - 1;
    return Math.floor(room / strides[axis]!) + 1;
  });
  const target = targets(size, window, counts, { strides, dilations, before: padding.map(([less]) => less) });
  const indices = x
    .constant({ dtype: "I32", shape: [1, target.length], data: target })
    .broadcastTo([n * channels, target.length]);
  const flat = x.reshape([n * channels, sizeOf(window) * places]);
  return flat.scatterAlong(indices, 1, sizeOf(size)).reshape([n, channels, ...size]);
}

/** For each offset of the window and each place: the pixel, −1 in the padding. */
function targets(
  size: Shape,
  window: Shape,
  counts: Shape,
  { strides, dilations, before }: Readonly<Record<"strides" | "dilations" | "before", readonly number[]>>,
): Int32Array {
  const [places, steps] = [sizeOf(counts), stridesOf(size)];
  const at = (position: number, shape: Shape): number[] =>
    stridesOf(shape).map((stride, axis) => Math.floor(position / stride) % shape[axis]!);
  expectTable(sizeOf(window) * places);
  return Int32Array.from({ length: sizeOf(window) * places }, (_, i) => {
    const [offset, place] = [at(Math.floor(i / places), window), at(i % places, counts)];
    const pixel = size.map(
      (_length, axis) => place[axis]! * strides[axis]! + offset[axis]! * dilations[axis]! - before[axis]!,
    );
    const isInside = pixel.every((p, axis) => p >= 0 && p < size[axis]!);
    return isInside ? pixel.reduce((sum, p, axis) => sum + p * steps[axis]!, 0) : -1;
  });
}

/** Indices count through the whole tensor that was pooled. */
function maxUnpool(call: Call): Output {
  const [x, indices] = [call.tensor(0), call.tensor(1)];
  const window = call.ints("kernel_shape");
  const { strides, padding } = slidingOptions(call, x.shape.slice(2), window);
  const planes = x.shape.slice(0, 2);
  const size = x.shape.slice(2).map((places, axis) => {
    const [less, more] = padding[axis]!;
    return (places - 1) * strides[axis]! + window[axis]! - less - more;
  });
  const pooled = [...planes, ...size];
  const shape = call.maybeNumbers(2) ?? pooled;
  const flat = x.reshape([sizeOf(x.shape)]).scatterAlong(moved(indices, pooled, shape), 0, sizeOf(shape));
  return flat.reshape(shape);
}

/** Places in a tensor of one shape as places in a larger one. */
function moved(indices: Tensor, from: Shape, to: Shape): Tensor {
  const [old, now] = [stridesOf(from), stridesOf(to)];
  let rest = indices.reshape([sizeOf(indices.shape)]);
  let place: Tensor | undefined;
  old.forEach((stride, axis) => {
    const here = rest.div(stride);
    rest = rest.sub(here.mul(stride));
    const added = here.mul(now[axis]!);
    place = place === undefined ? added : place.add(added);
  });
  return place!;
}

/** The middle is kept, or gets an edge of zeros; an odd one more at the end. */
function centerCropPad(call: Call): Output {
  const x = call.tensor(0);
  const asked = call.numbers(1);
  const axes = call.ints("axes", [...x.shape.keys()]).map((axis) => expectAxis(axis, x.shape.length, "attribute.axes"));
  return axes.reduce((result, axis, i) => {
    const [size, target] = [result.shape[axis]!, asked[i]!];
    const zeros = result.shape.map(() => 0);
    if (target <= size) {
      const start = Math.floor((size - target) / 2);
      return result.slice(zeros.with(axis, start), result.shape.with(axis, start + target));
    }
    const before = Math.floor((target - size) / 2);
    return result.pad(zeros.with(axis, before), zeros.with(axis, target - size - before));
  }, x);
}

/** The first `lengths` elements of each sequence the other way around. */
function reverseSequence(call: Call): Output {
  const [x, lengths] = [call.tensor(0), call.tensor(1)];
  const rank = x.shape.length;
  const [time, batch] = [call.axis(rank, 0, "time_axis"), call.axis(rank, 1, "batch_axis")];
  const along = (axis: number): number[] => x.shape.map((size, other) => (other === axis ? size : 1));
  const steps = x.constant({
    dtype: "I32",
    shape: along(time),
    data: Int32Array.from({ length: x.shape[time]! }, (_, i) => i),
  });
  const ends = lengths.reshape(along(batch));
  const places = where(steps.less(ends), ends.sub(1).sub(steps), steps);
  return x.takeAlong(places.broadcastTo(x.shape), time);
}

/** Rows that a constant condition chooses. */
function compress(call: Call): Output {
  const x = call.tensor(0);
  const flat = call.has("axis") ? x : x.reshape([sizeOf(x.shape)]);
  const chosen = call.numbers(1).flatMap((value, index) => (value !== 0 ? [index] : []));
  const indices = x.constant({ dtype: "I32", shape: [chosen.length], data: Int32Array.from(chosen) });
  const axis = call.axis(flat.shape.length, 0);
  expectIndices(indices, flat.shape[axis]!);
  return flat.gather(indices, axis);
}

function hardmax(call: Call): Output {
  const x = call.tensor(0);
  const axis = call.int("axis", call.opset >= 13 ? -1 : 1);
  if (call.opset < 13 && axis !== -1 && axis !== x.shape.length - 1) {
    throw new Fault("ONNX_OPERATOR_UNSUPPORTED", "Hardmax over several axes at once is not supported", {
      hint: 'run the model with `executor: "onnxruntime"`, or convert it to opset 13',
    });
  }
  const at = axis < 0 ? axis + x.shape.length : axis;
  const last = x.shape.length - 1;
  const order = Array.from({ length: last + 1 }, (_, place) => (place < at ? place : place === at ? last : place - 1));
  return x.argMax(at).oneHot(x.shape[at]!).permute(order);
}

export const arrangements: Readonly<Record<string, Operator>> = {
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Col2Im: columnsToImage,
  MaxUnpool: maxUnpool,
  CenterCropPad: centerCropPad,
  ReverseSequence: reverseSequence,
  Compress: compress,
  Hardmax: hardmax,
};
