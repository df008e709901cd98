/** @file Images read at places of a grid, the grids that an affine map makes, and the windows of signal processing. */
import { type Shape, sizeOf } from "../../../shape.ts";
import { type Tensor, where } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { expectTable } from "../known.ts";
import { elementType, factsOf, type Output } from "../value.ts";
import { expectKnown } from "./names.ts";

/** From −1 … 1 over an axis to pixels. With `align_corners` the ends are the middles of the outer pixels, else their edges. */
const toPixels = (place: Tensor, size: number, isAligned: boolean): Tensor =>
  isAligned ? place.add(1).mul((size - 1) / 2) : place.add(1).mul(size).sub(1).div(2);

/** Places outside, as `padding_mode` has them. */
const OUTSIDE: Readonly<Record<string, (place: Tensor, size: number, isAligned: boolean) => Tensor>> = {
  zeros: (place) => place,
  border: (place, size) => place.clamp(0, size - 1),
  reflection(place, size, isAligned) {
    const [low, span] = isAligned ? [0, size - 1] : [-0.5, size];
    if (span === 0) return place.mul(0);
    const away = place.sub(low).abs();
    const turn = away.sub(
      away
        .div(2 * span)
        .floor()
        .mul(2 * span),
    );
    return where(turn.greater(span), turn.neg().add(2 * span), turn)
      .add(low)
      .clamp(0, size - 1);
  },
};

/** For each axis the pixels that are read, and how much of each. */
const READS: Readonly<Record<string, (place: Tensor) => readonly (readonly [pixel: Tensor, share: Tensor | null])[]>> =
  {
    nearest: (place) => [[place.round(), null]],
    linear(place) {
      const low = place.floor();
      const share = place.sub(low);
      return [
        [low, share.neg().add(1)],
        [low.add(1), share],
      ];
    },
  };

const MODES: Readonly<Record<string, string>> = { bilinear: "linear", linear: "linear", nearest: "nearest" };

/** x [n, channels, ...size], grid [n, ...places, axes], of which the last axis counts the axes from the last on. */
function gridSample(call: Call): Output {
  const [x, grid] = [call.tensor(0), call.tensor(1)];
  const [n, channels, ...size] = x.shape as [number, number, ...number[]];
  const places = grid.shape.slice(1, -1);
  const isAligned = call.int("align_corners", 0) === 1;
  const outside = expectKnown(OUTSIDE, call.string("padding_mode", "zeros"), "attribute.padding_mode");
  const reads = READS[expectKnown(MODES, call.string("mode", "linear"), "attribute.mode")]!;
  const columns = grid.split(new Array<number>(size.length).fill(1), -1).reverse();
  const axes = columns.map((column, axis) => {
    const place = toPixels(column.reshape([n, sizeOf(places)]), size[axis]!, isAligned);
    return reads(outside(place, size[axis]!, isAligned));
  });
  const flat = x.reshape([n, channels, sizeOf(size)]);
  const corners = axes.reduce<readonly (readonly (readonly [Tensor, Tensor | null])[])[]>(
    (sets, choices) => sets.flatMap((set) => choices.map((choice) => [...set, choice])),
    [[]],
  );
  const parts = corners.map((corner) => {
    const read = flat.takeAlong(
      pixelOf(
        corner.map(([pixel]) => pixel),
        size,
        [n, channels, sizeOf(places)],
      ),
      2,
    );
    const shares = corner.flatMap(([, share]) => (share === null ? [] : [share]));
    return shares.reduce((value, share) => value.mul(share.reshape([n, 1, sizeOf(places)])), read);
  });
  return parts.reduce((sum, part) => sum.add(part)).reshape([n, channels, ...places]);
}

/** Where in a row of pixels, −1 outside. */
function pixelOf(axes: readonly Tensor[], size: Shape, shape: readonly [number, number, number]): Tensor {
  const [n, , places] = shape;
  const index = axes.reduce((sum, pixel, axis) => (axis === 0 ? pixel : sum.mul(size[axis]!).add(pixel)));
  const isInside = axes
    .map((pixel, axis) => pixel.greaterEqual(0).logicalAnd(pixel.lessEqual(size[axis]! - 1)))
    .reduce((all, own) => all.logicalAnd(own));
  return where(isInside, index, -1).cast("I32").reshape([n, 1, places]).broadcastTo(shape);
}

/** theta [n, axes, axes + 1] to a grid [n, ...size, axes]. */
function affineGrid(call: Call): Output {
  const theta = call.tensor(0);
  const [n, , ...size] = call.numbers(1) as [number, number, ...number[]];
  const isAligned = call.int("align_corners", 0) === 1;
  const axes = size.length;
  expectTable(sizeOf(size) * (axes + 1));
  const data = new Float64Array(sizeOf(size) * (axes + 1));
  for (let place = 0; place < sizeOf(size); place++) {
    let rest = place;
    for (let axis = axes - 1; axis >= 0; axis--) {
      const at = rest % size[axis]!;
      rest = Math.floor(rest / size[axis]!);
      const length = size[axis]!;
      const unit = isAligned ? (length === 1 ? 0 : (2 * at) / (length - 1) - 1) : (2 * at + 1) / length - 1;
      data[place * (axes + 1) + (axes - 1 - axis)] = unit; // the last axis first
    }
    data[place * (axes + 1) + axes] = 1;
  }
  const base = theta.constant({ dtype: "F64", shape: [1, sizeOf(size), axes + 1], data });
  return base
    .broadcastTo([n, sizeOf(size), axes + 1])
    .matmul(theta.transpose())
    .reshape([n, ...size, axes]);
}

/** Cosines of whole turns over the window: Σ weights[k] · cos(2πk · i / length). */
const windowOf =
  (weights: readonly number[]): Operator =>
  (call) => {
    const length = call.numbers(0)[0]!;
    expectTable(length);
    const turn = call.int("periodic", 1) === 1 ? length : length - 1;
    const data = Float64Array.from({ length }, (_, i) =>
      weights.reduce((sum, weight, k) => sum + weight * Math.cos((2 * Math.PI * k * i) / turn), 0),
    );
    const type = elementType(call.int("output_datatype", 1));
    const { computed } = factsOf(type);
    const tensor = call.constant({ dtype: "F64", shape: [length], data });
    return { type, tensor: computed === tensor.dtype ? tensor : tensor.cast(computed) };
  };

export const sampling: Readonly<Record<string, Operator>> = {
  GridSample: gridSample,
  AffineGrid: affineGrid,
  HannWindow: windowOf([0.5, -0.5]),
  HammingWindow: windowOf([25 / 46, -21 / 46]),
  BlackmanWindow: windowOf([0.42, -0.5, 0.08]),
};
