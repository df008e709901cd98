/** @file Convolution over one, two or three axes (or more), and its transpose. Images are [batch, channels, ...size]. */
import { type Shape, type SlidingOptions, sizeOf, slidingOf, type Tensor } from "../../engine/index.ts";
import { expectDivides, expectImage, expectSomethingLeft } from "./expect.ts";
import { fanInUniform, forWindows, type Initialiser, uniformWithin } from "./initialisers.ts";
import { layer, type Scope } from "./scope.ts";

/** What stands beyond the edges, named as in PyTorch, and what the engine calls it. */
const PADDING_MODES = { reflect: "reflect", replicate: "edge", circular: "wrap" } as const;
export type PaddingMode = "zeros" | keyof typeof PADDING_MODES;
export const PADDING_MODE_NAMES = ["zeros", "reflect", "replicate", "circular"] as const satisfies PaddingMode[];

export interface ConvOptions extends SlidingOptions {
  /** Of the output. */
  readonly channels: number;
  /** A number stands for every axis. */
  readonly window: number | Shape;
  /** Input and output channels fall into so many groups, each convolved on its own; as many as channels: depthwise. */
  readonly groups?: number;
  readonly bias?: boolean;
  /** For weights as products have them, [..., inputs, outputs]. */
  readonly init?: Initialiser;
}

/** The window with every axis spelled out. */
export function windowOf(x: Tensor, window: number | Shape): Shape {
  return typeof window === "number" ? x.shape.slice(2).map(() => window) : window;
}

function biased(scope: Scope, y: Tensor, bias: boolean, fanIn: number): Tensor {
  if (!bias) return y;
  const channels = y.shape[1]!;
  const values = scope.parameter("bias", [channels], uniformWithin(1 / Math.sqrt(fanIn)));
  return y.add(values.reshape([channels, ...y.shape.slice(2).map(() => 1)]));
}

/**
 * `torch.nn.Conv1d`, `Conv2d`, `Conv3d`, by the axes of x; its initial values too, unless `init` says otherwise.
 * @param x [batch, in, ...size] @returns [batch, channels, ...places]; weight is [channels, in / groups, ...window]
 */
export const conv = layer(
  "conv",
  (scope: Scope, x: Tensor, options: ConvOptions & { readonly paddingMode?: PaddingMode }): Tensor => {
    const { channels, groups = 1, bias = true, paddingMode = "zeros", init = fanInUniform, ...sliding } = options;
    const window = windowOf(x, options.window);
    expectImage(scope, x, window.length);
    expectDivides(scope, x.shape[1]!, groups, "groups", x);
    expectDivides(scope, channels, groups, "groups", x);
    const shape = [channels, x.shape[1]! / groups, ...window];
    const weight = scope.parameter("weight", shape, forWindows(init));
    const { before, after, strides, dilations } = slidingOf(x.shape.slice(2), window, sliding);
    const y =
      paddingMode === "zeros"
        ? x.conv(weight, { ...sliding, groups })
        : x
            .padWith(PADDING_MODES[paddingMode], [0, 0, ...before], [0, 0, ...after])
            .conv(weight, { strides, dilations, groups });
    return biased(scope, expectSomethingLeft(scope, x, y), bias, sizeOf(shape.slice(1)));
  },
);

/**
 * `torch.nn.ConvTranspose1d` and its kin: each element spreads over a window. Padding is what is cut off the edges.
 * @param x [batch, in, ...places] @returns [batch, channels, ...size]; weight is [in, channels / groups, ...window]
 */
export const convTranspose = layer(
  "convTranspose",
  (
    scope: Scope,
    x: Tensor,
    options: ConvOptions & {
      readonly padding?: number;
      /** Added to the end of each axis, below its stride: which of the sizes that `conv` makes equal comes back. */
      readonly outputPadding?: number;
    },
  ): Tensor => {
    const { channels, groups = 1, bias = true, init = fanInUniform, window: _, ...sliding } = options;
    const window = windowOf(x, options.window);
    expectImage(scope, x, window.length);
    expectDivides(scope, x.shape[1]!, groups, "groups", x);
    expectDivides(scope, channels, groups, "groups", x);
    const shape = [x.shape[1]!, channels / groups, ...window];
    const y = x.convTranspose(scope.parameter("weight", shape, forWindows(init)), { ...sliding, groups });
    return biased(scope, y, bias, sizeOf(shape.slice(1)));
  },
);
