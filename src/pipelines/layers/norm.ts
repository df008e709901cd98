/** @file Norms that look at one sample at a time: layer, root mean square, group and instance normalisation. */
import type { Tensor } from "../../engine/index.ts";
import { expectDivides, expectImage } from "./expect.ts";
import { ones, zeros } from "./initialisers.ts";
import { layer, type Scope } from "./scope.ts";

export interface NormOptions {
  /** Added to the variance; 1e-5 when left out. */
  readonly epsilon?: number;
}

/** Layer normalisation over the last axis (Ba et al. 2016, equation 4). @param x [..., channels] */
export const layerNorm = layer("layerNorm", (scope: Scope, x: Tensor, { epsilon = 1e-5 }: NormOptions = {}): Tensor => {
  const channels = [x.shape.at(-1)!];
  const scale = scope.parameter("weight", channels, ones);
  const shift = scope.parameter("bias", channels, zeros);
  return x.layerNorm(scale, shift, { epsilon });
});

/** Division by the root mean square of the last axis (Zhang and Sennrich 2019, equation 4). @param x [..., channels] */
export const rmsNorm = layer("rmsNorm", (scope: Scope, x: Tensor, { epsilon = 1e-5 }: NormOptions = {}): Tensor => {
  return x.rmsNorm(scope.parameter("weight", [x.shape.at(-1)!], ones), { epsilon });
});

/** The channels of each image in `groups`, normalised together (Wu and He 2018). @param x [batch, channels, ...size] */
export const groupNorm = layer(
  "groupNorm",
  (scope: Scope, x: Tensor, { groups, epsilon = 1e-5 }: NormOptions & { readonly groups: number }): Tensor => {
    const channels = x.shape[1]!;
    expectDivides(scope, channels, groups, "groups", x);
    const scale = scope.parameter("weight", [channels], ones);
    return x.groupNorm(scale, scope.parameter("bias", [channels], zeros), groups, { epsilon });
  },
);

/** Each channel of each image on its own (Ulyanov et al. 2016). @param x [batch, channels, ...size] */
export const instanceNorm = layer("instanceNorm", (scope: Scope, x: Tensor, options: NormOptions = {}): Tensor => {
  expectImage(scope, x);
  return groupNorm(scope, x, { ...options, groups: x.shape[1]! });
});
