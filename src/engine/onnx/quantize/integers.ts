/** @file Real numbers as 8-bit integers, r = scale · (q − zero): the steps for a range, and weights with a scale for each channel. */
import { type NdArray, sizeOf } from "../../shape.ts";

export type ActivationType = "uint8" | "int8";

/** The smallest and the largest value that was seen. */
export type Range = readonly [low: number, high: number];

export interface Steps {
  /** As float32 holds it. */
  readonly scale: number;
  readonly zero: number;
}

const INTEGERS: Readonly<Record<ActivationType, Range>> = { uint8: [0, 255], int8: [-128, 127] };

const SMALLEST_NORMAL = 2 ** -126;

/** To the nearest, of two the even one, as QuantizeLinear does. */
export function roundToEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

/**
 * Steps by which integers of a type cover a range; zero is always one of them. As onnxruntime's `compute_scale_zp`:
 * scale = (high − low) / (qmax − qmin), zero = round(qmin − low / scale).
 */
export function stepsFor([low, high]: Range, type: ActivationType): Steps {
  const [least, most] = INTEGERS[type];
  const [below, above] = [Math.min(low, 0), Math.max(high, 0)];
  const scale = (above - below) / (most - least);
  if (!(scale >= SMALLEST_NORMAL && Number.isFinite(scale))) return { scale: 1, zero: 0 };
  return { scale: Math.fround(scale), zero: roundToEven(least - below / scale) };
}

/** A weight as signed bytes around zero. */
export interface ByteWeight {
  readonly values: Int8Array;
  /** One for each place along the axis, or a single one. */
  readonly scales: Float32Array;
  /** Null: one scale for all. */
  readonly axis: number | null;
}

/** The largest magnitude: seven bits leave room where a processor adds pairs of products in 16 bits. */
const LARGEST = { whole: 127, reduced: 64 } as const;

/**
 * Symmetric: scale = max|w| / 127 of each channel, q = round(w / scale).
 * @param axis the channels' axis; null for one scale
 * @param least scales that may not be gone below, by channel: what an int32 bias needs
 */
export function bytesOf(
  { shape, data }: NdArray,
  axis: number | null,
  isReduced: boolean,
  least: (channel: number) => number = () => 0,
): ByteWeight {
  const channels = axis === null ? 1 : shape[axis]!;
  const inner = axis === null ? sizeOf(shape) : sizeOf(shape.slice(axis + 1));
  const most = isReduced ? LARGEST.reduced : LARGEST.whole;
  const channelOf = (index: number): number => (axis === null ? 0 : Math.floor(index / inner) % channels);
  const largest = new Float64Array(channels);
  const real = data as Float32Array;
  for (let index = 0; index < real.length; index++) {
    const channel = channelOf(index);
    largest[channel] = Math.max(largest[channel]!, Math.abs(real[index]!));
  }
  const scales = Float32Array.from(largest, (size, channel) => {
    const scale = Math.max(size / most, least(channel));
    return scale >= SMALLEST_NORMAL ? scale : 1;
  });
  const values = Int8Array.from({ length: real.length }, (_, index) =>
    Math.max(-most, Math.min(most, roundToEven(real[index]! / scales[channelOf(index)]!))),
  );
  return { values, scales, axis };
}
