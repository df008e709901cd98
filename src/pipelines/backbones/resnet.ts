/** @file Residual networks (He et al. 2016): those for small images, of 8 to 56 layers, and those for ImageNet, of 18 to 50. */
import { z } from "zod";
import type { Tensor } from "../../engine/index.ts";
import { convNorm } from "../layers/convNorm.ts";
import { expectImage } from "../layers/expect.ts";
import { globalPool, maxPool } from "../layers/pooling.ts";
import type { Scope } from "../layers/scope.ts";
import { defineBackbone } from "../registry/define.ts";

interface Block {
  /** Channels of the output, in multiples of the stage's width. */
  readonly expansion: number;
  /** The way that is not the shortcut; its last activation comes after the sum. */
  residue(scope: Scope, x: Tensor, width: number, strides: number): Tensor;
}

/** Two convolutions. */
const basic: Block = {
  expansion: 1,
  residue(scope, x, width, strides) {
    const y = convNorm(scope.child("conv1"), x, {
      channels: width,
      window: 3,
      strides,
      padding: 1,
      activation: "relu",
    });
    return convNorm(scope.child("conv2"), y, { channels: width, window: 3, activation: "identity" });
  },
};

/** Down to the width, over the image, up again; the stride is in the middle, as in torchvision. */
const bottleneck: Block = {
  expansion: 4,
  residue(scope, x, width, strides) {
    const narrow = convNorm(scope.child("conv1"), x, { channels: width, window: 1, activation: "relu" });
    const across = { channels: width, window: 3, strides, padding: 1, activation: "relu" } as const;
    const y = convNorm(scope.child("conv2"), narrow, across);
    return convNorm(scope.child("conv3"), y, { channels: 4 * width, window: 1, activation: "identity" });
  },
};

interface Architecture {
  readonly block: Block;
  /** Blocks of each stage; each stage halves the image and doubles the width. */
  readonly stages: readonly number[];
  readonly width: number;
  readonly stem: Stem;
  readonly shortcut: Shortcut;
}
type Stem = "small" | "large";
type Shortcut = "identity" | "projection";

const forSmall = (blocks: number): Architecture => ({
  block: basic,
  stages: [blocks, blocks, blocks],
  width: 16,
  stem: "small",
  shortcut: "identity",
});
const forImageNet = (block: Block, ...stages: number[]): Architecture => ({
  block,
  stages,
  width: 64,
  stem: "large",
  shortcut: "projection",
});

/** By depth: layers with weights on the longest way, the head's among them (tables 1 and 6 of the paper). */
const DEPTHS = {
  8: forSmall(1),
  14: forSmall(2),
  20: forSmall(3),
  32: forSmall(5),
  44: forSmall(7),
  56: forSmall(9),
  18: forImageNet(basic, 2, 2, 2, 2),
  34: forImageNet(basic, 3, 4, 6, 3),
  50: forImageNet(bottleneck, 3, 4, 6, 3),
} as const satisfies Record<number, Architecture>;

const STEMS: Record<Stem, (scope: Scope, x: Tensor, width: number) => Tensor> = {
  small: (scope, x, width) => convNorm(scope, x, { channels: width, window: 3, activation: "relu" }),
  large: (scope, x, width) => {
    const y = convNorm(scope, x, { channels: width, window: 7, strides: 2, padding: 3, activation: "relu" });
    return maxPool(scope.child("pool"), y, { window: 3, strides: 2, padding: 1 });
  },
};

export const resnet = defineBackbone({
  type: "resnet",
  description:
    "Residual network for images [channels, height, width]: 8 to 56 layers for small ones, 18 to 50 for large ones",
  options: z.object({
    depth: z
      .literal([8, 14, 18, 20, 32, 34, 44, 50, 56])
      .default(8)
      .describe("Layers with weights; 18, 34 and 50 are the networks for ImageNet, the others those for CIFAR"),
    width: z
      .int()
      .min(1)
      .max(4096)
      .optional()
      .describe("Channels of the first stage, doubled by each other; left out, the paper's: 16, or 64 for ImageNet"),
    stem: z
      .enum(["small", "large"])
      .optional()
      .describe("First layer: 3×3, or 7×7 and pooling that together quarter the size; left out, the paper's"),
    shortcut: z
      .enum(["identity", "projection"])
      .optional()
      .describe(
        "Ways around blocks that change the shape: every other pixel and channels of zeros, or a 1×1 convolution; left out, the paper's: the former for CIFAR",
      ),
  }),
  build(scope, x, { depth, width: asked, stem: askedStem, shortcut: askedShortcut }) {
    expectImage(scope, x, 2);
    const { block, stages, width: own, stem: ownStem, shortcut }: Architecture = DEPTHS[depth];
    const width = asked ?? own;
    const around = SHORTCUTS[askedShortcut ?? shortcut];
    const first = STEMS[askedStem ?? ownStem](scope.child("stem"), x, width);
    const features = stages.reduce((image, blocks, stage) => {
      let y = image;
      for (let index = 0; index < blocks; index++) {
        const strides = stage > 0 && index === 0 ? 2 : 1;
        y = residualBlock(scope.child(`stages.${stage}.${index}`), y, block, width * 2 ** stage, strides, around);
      }
      return y;
    }, first);
    return globalPool(scope, features);
  },
});

/** Around a block that changes the shape: options A and B of the paper. @param channels what [batch, channels, height, width] becomes */
const SHORTCUTS: Record<Shortcut, (scope: Scope, x: Tensor, channels: number, strides: number) => Tensor> = {
  identity(_scope, x, channels, strides) {
    const seen = x.slice([0, 0, 0, 0], x.shape, [1, 1, strides, strides]);
    return seen.pad([0, 0, 0, 0], [0, channels - x.shape[1]!, 0, 0]);
  },
  projection: (scope, x, channels, strides) =>
    convNorm(scope.child("shortcut"), x, { channels, window: 1, strides, padding: 0, activation: "identity" }),
};

function residualBlock(
  scope: Scope,
  x: Tensor,
  { expansion, residue }: Block,
  width: number,
  strides: number,
  around: (typeof SHORTCUTS)[Shortcut],
): Tensor {
  const channels = width * expansion;
  const shortcut = strides === 1 && x.shape[1] === channels ? x : around(scope, x, channels, strides);
  return residue(scope, x, width, strides).add(shortcut).relu();
}
