/** @file What networks for images repeat: a convolution, a norm, an activation. */
import type { Tensor } from "../../engine/index.ts";
import { type ActivationName, activate } from "./activations.ts";
import { batchNorm } from "./batchNorm.ts";
import { type ConvOptions, conv } from "./conv.ts";
import { INITIALISERS } from "./initialisers.ts";
import { groupNorm, instanceNorm } from "./norm.ts";
import { layer, type Scope } from "./scope.ts";

/** Norms of images, by name; `layer` looks at all channels of an image at once, `instance` at each on its own. */
const IMAGE_NORMS = {
  none: (_scope: Scope, x: Tensor) => x,
  batch: (scope: Scope, x: Tensor) => batchNorm(scope, x),
  layer: (scope: Scope, x: Tensor) => groupNorm(scope, x, { groups: 1 }),
  instance: (scope: Scope, x: Tensor) => instanceNorm(scope, x),
} as const;

export type ImageNorm = keyof typeof IMAGE_NORMS;
export const IMAGE_NORM_NAMES = Object.keys(IMAGE_NORMS) as [ImageNorm, ...ImageNorm[]];

export interface ConvNormOptions extends ConvOptions {
  /** `batch` when left out. */
  readonly norm?: ImageNorm;
  readonly activation: ActivationName;
}

/**
 * The convolution has no bias where a norm would take it away again; its padding is `same` unless told.
 * @param x [batch, in, ...size] @returns [batch, channels, ...places]; under the scope the convolution's own, and `norm`
 */
export const convNorm = layer(
  "convNorm",
  (scope: Scope, x: Tensor, { norm = "batch", activation, ...options }: ConvNormOptions): Tensor => {
    const y = conv(scope, x, { padding: "same", bias: norm === "none", init: INITIALISERS.heNormal, ...options });
    return activate(scope, IMAGE_NORMS[norm](scope.child("norm"), y), activation);
  },
);
