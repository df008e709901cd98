/** @file The vision transformer (Dosovitskiy et al. 2021): an image as a sequence of patches. */
import { z } from "zod";
import { concat } from "../../engine/index.ts";
import { conv } from "../layers/conv.ts";
import { dropout } from "../layers/dropout.ts";
import { expectImage } from "../layers/expect.ts";
import { normalOf } from "../layers/initialisers.ts";
import { layerNorm } from "../layers/norm.ts";
import { learnedPositions } from "../layers/positions.ts";
import { transformerBlock } from "../layers/transformer.ts";
import { defineBackbone } from "../registry/define.ts";

/** Table 1 of the paper; `tiny` is DeiT's (Touvron et al. 2021). */
const VARIANTS = {
  tiny: { layers: 12, width: 192, heads: 3 },
  small: { layers: 12, width: 384, heads: 6 },
  base: { layers: 12, width: 768, heads: 12 },
  large: { layers: 24, width: 1024, heads: 16 },
} as const;
const VARIANT_NAMES = Object.keys(VARIANTS) as [keyof typeof VARIANTS, ...(keyof typeof VARIANTS)[]];

const size = (most: number) => z.int().min(1).max(most);

export const vit = defineBackbone({
  type: "vit",
  description:
    "Vision transformer for images [channels, height, width]: patches, a token that gathers, learned positions",
  options: z.object({
    variant: z.enum(VARIANT_NAMES).default("tiny").describe("Where layers, width and heads come from, if left out"),
    patch: size(1024).default(16).describe("Side of a patch; what is left at the edges is not seen"),
    layers: size(256).optional().describe("Transformer blocks"),
    width: size(65_536).optional().describe("Of each patch's vector"),
    heads: size(1024).optional().describe("Heads of attention; they divide the width"),
    feedForward: size(262_144).optional().describe("Units inside each block's second part; left out, 4 · width"),
    dropout: z.number().min(0).lt(1).default(0).describe("Share of the blocks' activations dropped while training"),
  }),
  build(scope, x, { variant, patch, layers, width: asked, heads, feedForward, dropout: rate }) {
    expectImage(scope, x, 2);
    const { width, ...own } = { ...VARIANTS[variant], ...(asked && { width: asked }) };
    const image = conv(scope.child("patches"), x, { channels: width, window: patch, strides: patch });
    const batch = x.shape[0]!;
    const patches = image.reshape([batch, width, -1]).permute([0, 2, 1]);
    const gatherer = scope.parameter("token", [width], normalOf(0.02)).broadcastTo([batch, 1, width]);
    const tokens = concat([gatherer, patches], 1);
    const placed = learnedPositions(scope.child("positions"), tokens, { context: tokens.shape[1]! });
    const options = { heads: heads ?? own.heads, feedForward: feedForward ?? 4 * width, dropout: rate };
    let sequence = dropout(scope, placed, { rate });
    for (let index = 0; index < (layers ?? own.layers); index++) {
      sequence = transformerBlock(scope.child(`blocks.${index}`), sequence, options);
    }
    const seen = layerNorm(scope.child("norm"), sequence, { epsilon: 1e-6 });
    return seen.slice([0, 0, 0], [batch, 1, width]).reshape([batch, width]);
  },
});
