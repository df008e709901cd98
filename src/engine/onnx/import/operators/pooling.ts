/** @file Windows that slide: maximum, average, Lp, over the whole plane or part of it. */
import type { Fault } from "../../../fault.ts";
import { type Shape, sizeOf } from "../../../shape.ts";
import type { Tensor } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { impossible } from "../impossible.ts";
import { INT64, type Output } from "../value.ts";
import { slidingOptions } from "./product.ts";

interface Windows {
  readonly window: Shape;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Of `after`, what `ceil_mode` adds: places that no average counts. */
  readonly beyond: readonly number[];
}

/** With `ceil_mode` a last window may hang over the end, unless it would start in the padding there. */
function windowsOf(call: Call, size: Shape): Windows {
  const window = call.ints("kernel_shape");
  const { strides, dilations, padding } = slidingOptions(call, size, window);
  const ceil = call.int("ceil_mode", 0) === 1;
  const beyond = size.map((length, axis) => {
    const [less, more] = padding[axis]!;
    const seen = (window[axis]! - 1) * dilations[axis]! + 1;
    const room = length + less + more - seen;
    if (room < 0) throw tooWide(axis, seen, length + less + more);
    const places = Math.ceil(room / strides[axis]!);
    if (!ceil || room % strides[axis]! === 0 || places * strides[axis]! >= length + less) return 0;
    return places * strides[axis]! - room;
  });
  return {
    window,
    strides,
    dilations,
    before: padding.map(([less]) => less),
    after: padding.map(([, more], axis) => more + beyond[axis]!),
    beyond,
  };
}

function tooWide(axis: number, seen: number, length: number): Fault {
  return impossible(`the window sees ${seen} places along spatial axis ${axis}, which has ${length} with its padding`, {
    path: "attribute.kernel_shape",
    expected: `at most ${length}`,
    got: String(seen),
  });
}

const pairs = ({ before, after }: Windows): [number, number][] => before.map((less, axis) => [less, after[axis]!]);

function maxPool(call: Call): readonly Output[] {
  const x = call.tensor(0);
  const size = x.shape.slice(2);
  const windows = windowsOf(call, size);
  const { window, strides, dilations, before, after } = windows;
  const real = x.cast("F32");
  const y = real.maxPool(window, { strides, dilations, padding: pairs(windows) }).cast(x.dtype);
  if (!call.isAsked(1)) return [y];
  const inPlane = real.maxPoolIndices({ window, strides, dilations, before, after });
  const planes = x.shape[0]! * x.shape[1]!;
  const plane = sizeOf(size);
  const starts = x.constant({
    dtype: "I32",
    shape: [x.shape[0]!, x.shape[1]!, ...size.map(() => 1)],
    data: Int32Array.from({ length: planes }, (_, index) => index * plane),
  });
  return [
    y,
    { type: INT64, tensor: (call.int("storage_order", 0) === 1 ? columnMajor(inPlane, size) : inPlane).add(starts) },
  ];
}

/** The place in a plane counted along the first axis first. */
function columnMajor(place: Tensor, size: Shape): Tensor {
  const width = size.at(-1)!;
  const row = place.div(width);
  return place.sub(row.mul(width)).mul(size[0]!).add(row);
}

/** Sums over windows: what averages and norms are made of. */
function windowSums(x: Tensor, windows: Windows): Tensor {
  const channels = x.shape[1]!;
  const [n, , ...size] = x.shape as [number, number, ...number[]];
  const ones = x.constant(1).broadcastTo([1, 1, ...windows.window]);
  const { strides, dilations } = windows;
  const sums = x.reshape([n * channels, 1, ...size]).conv(ones, { strides, dilations, padding: pairs(windows) });
  return sums.reshape([n, channels, ...sums.shape.slice(2)]);
}

function averagePool(call: Call): Output {
  const x = call.tensor(0);
  const windows = windowsOf(call, x.shape.slice(2));
  const counted = x.constant(1).broadcastTo([1, 1, ...x.shape.slice(2)]);
  const countsPadding = call.int("count_include_pad", 0) === 1;
  const { before, after, beyond } = windows;
  const sides = (side: readonly number[], less: readonly number[]) => [0, 0, ...side.map((n, axis) => n - less[axis]!)];
  const counts = countsPadding
    ? windowSums(
        counted.pad(
          sides(
            before,
            before.map(() => 0),
          ),
          sides(after, beyond),
          1,
        ),
        {
          ...windows,
          before: before.map(() => 0),
          after: beyond,
        },
      )
    : windowSums(counted, windows);
  return windowSums(x, windows).div(counts);
}

function lpPool(call: Call): Output {
  const x = call.tensor(0);
  const p = call.int("p", 2);
  return windowSums(x.abs().pow(p), windowsOf(call, x.shape.slice(2))).pow(1 / p);
}

const planes = (x: Tensor): number[] => x.shape.flatMap((_, axis) => (axis < 2 ? [] : [axis]));

export const pooling: Readonly<Record<string, Operator>> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: lpPool,
  GlobalAveragePool: (call) => call.tensor(0).mean(planes(call.tensor(0)), { keepDims: true }),
  GlobalMaxPool: (call) => call.tensor(0).max(planes(call.tensor(0)), { keepDims: true }),
  GlobalLpPool: (call) => {
    const [x, p] = [call.tensor(0), call.int("p", 2)];
    return x
      .abs()
      .pow(p)
      .sum(planes(x), { keepDims: true })
      .pow(1 / p);
  },
};
