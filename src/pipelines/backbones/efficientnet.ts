/** @file EfficientNet (Tan and Le 2019): B0, found by search, and the larger ones that are scaled from it. */
import { z } from "zod";
import { convNorm } from "../layers/convNorm.ts";
import { dropout } from "../layers/dropout.ts";
import { expectImage } from "../layers/expect.ts";
import { invertedResidual, stridesFor, wholeChannels } from "../layers/invertedResidual.ts";
import { globalPool } from "../layers/pooling.ts";
import { defineBackbone } from "../registry/define.ts";

/** Table 1 of the paper: expansion, window, channels, blocks, stride of the first. */
const STAGES = [
  [1, 3, 16, 1, 1],
  [6, 3, 24, 2, 2],
  [6, 5, 40, 2, 2],
  [6, 3, 80, 3, 2],
  [6, 5, 112, 3, 1],
  [6, 5, 192, 4, 2],
  [6, 3, 320, 1, 1],
] as const;

/** Factors on channels and on blocks, and the dropout, by variant (the authors' code). */
const VARIANTS = {
  b0: { width: 1, depth: 1, dropout: 0.2 },
  b1: { width: 1, depth: 1.1, dropout: 0.2 },
  b2: { width: 1.1, depth: 1.2, dropout: 0.3 },
  b3: { width: 1.2, depth: 1.4, dropout: 0.3 },
  b4: { width: 1.4, depth: 1.8, dropout: 0.4 },
} as const;
const VARIANT_NAMES = Object.keys(VARIANTS) as [keyof typeof VARIANTS, ...(keyof typeof VARIANTS)[]];

export const efficientnet = defineBackbone({
  type: "efficientnet",
  description:
    "EfficientNet for images [channels, height, width]: inverted residuals that weigh their channels, scaled from B0",
  options: z.object({
    variant: z.enum(VARIANT_NAMES).default("b0").describe("Which of the paper's networks"),
    width: z.number().min(0.1).max(4).optional().describe("Factor on all channels of B0; left out, the variant's"),
    depth: z
      .number()
      .min(0.1)
      .max(8)
      .optional()
      .describe("Factor on the blocks of B0's stages; left out, the variant's"),
    stem: z
      .enum(["small", "large"])
      .default("large")
      .describe("Large: five halvings of the size, as for ImageNet; small: the first two are left out"),
    dropout: z
      .number()
      .min(0)
      .lt(1)
      .optional()
      .describe("Share of the features dropped while training; left out, the variant's"),
  }),
  build(scope, x, { variant, width, depth, stem, dropout: rate }) {
    expectImage(scope, x, 2);
    const own = VARIANTS[variant];
    const channelsOf = (base: number): number => wholeChannels(base * (width ?? own.width));
    const activation = "silu";
    const stride = stridesFor(stem);
    const first = { channels: channelsOf(32), window: 3, strides: stride(2), padding: 1, activation } as const;
    let image = convNorm(scope.child("stem"), x, first);
    for (const [stage, [expansion, window, base, blocks, strides]] of STAGES.entries()) {
      for (let index = 0; index < Math.ceil(blocks * (depth ?? own.depth)); index++) {
        image = invertedResidual(scope.child(`stages.${stage}.${index}`), image, {
          channels: channelsOf(base),
          expansion,
          window,
          strides: index === 0 ? stride(strides) : 1,
          activation,
          squeeze: Math.max(1, Math.floor(image.shape[1]! / 4)),
        });
      }
    }
    const last = { channels: 4 * image.shape[1]!, window: 1, activation } as const;
    return dropout(scope, globalPool(scope, convNorm(scope.child("last"), image, last)), { rate: rate ?? own.dropout });
  },
});
