/**
 * @file The inverted residual of MobileNetV2 (Sandler et al. 2018, table 1) and EfficientNet (Tan and Le 2019): widen,
 * look around in each channel alone, weigh the channels, narrow.
 */
import type { Tensor } from "../../engine/index.ts";
import { type ActivationName, activate } from "./activations.ts";
import { conv } from "./conv.ts";
import { convNorm } from "./convNorm.ts";
import { globalPool } from "./pooling.ts";
import { layer, type Scope } from "./scope.ts";

export interface InvertedResidualOptions {
  readonly channels: number;
  /** How many times wider it is inside. */
  readonly expansion: number;
  readonly window: number;
  readonly strides: number;
  readonly activation: ActivationName;
  /** Units between a squeeze and its excitation; none when left out. */
  readonly squeeze?: number;
}

/** @param x [batch, in, height, width] @returns [batch, channels, ...]; x is added where the shape has stayed the same */
export const invertedResidual = layer(
  "invertedResidual",
  (scope: Scope, x: Tensor, options: InvertedResidualOptions): Tensor => {
    const { channels, expansion, window, strides, activation, squeeze } = options;
    const inner = x.shape[1]! * expansion;
    const wide = expansion === 1 ? x : convNorm(scope.child("expand"), x, { channels: inner, window: 1, activation });
    const depthwise = { channels: inner, groups: inner, window, strides, padding: (window - 1) / 2, activation };
    const seen = convNorm(scope.child("depthwise"), wide, depthwise);
    const weighed = squeeze === undefined ? seen : excite(scope.child("squeeze"), seen, squeeze, activation);
    const y = convNorm(scope.child("project"), weighed, { channels, window: 1, activation: "identity" });
    return strides === 1 && x.shape[1] === channels ? x.add(y) : y;
  },
);

/** Squeeze and excitation: every channel times a weight from 0 to 1, found from the means of all (Hu et al. 2018). */
function excite(scope: Scope, x: Tensor, units: number, activation: ActivationName): Tensor {
  const [batch, channels] = x.shape as [number, number];
  const means = globalPool(scope, x).reshape([batch, channels, ...x.shape.slice(2).map(() => 1)]);
  const reduced = activate(scope, conv(scope.child("reduce"), means, { channels: units, window: 1 }), activation);
  return x.mul(conv(scope.child("expand"), reduced, { channels, window: 1 }).sigmoid());
}

/** The multiple of 8 nearest to a scaled number of channels, never more than a tenth below it, as in the authors' code. */
export function wholeChannels(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return nearest < 0.9 * channels ? nearest + 8 : nearest;
}

/** How an image enters: `large` halves it five times in all, as for ImageNet; `small` leaves the first two halvings out. */
export type Stem = "small" | "large";

/** The strides of a paper's table, asked in their order, as a stem would have them. */
export function stridesFor(stem: Stem): (strides: number) => number {
  let leftOut = stem === "small" ? 2 : 0;
  return (strides) => (strides === 2 && leftOut-- > 0 ? 1 : strides);
}
