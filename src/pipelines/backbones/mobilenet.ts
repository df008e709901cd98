/** @file MobileNetV2 (Sandler et al. 2018): inverted residuals, for images where arithmetic is dear. */
import { z } from "zod";
import { convNorm } from "../layers/convNorm.ts";
import { dropout } from "../layers/dropout.ts";
import { expectImage } from "../layers/expect.ts";
import { invertedResidual, stridesFor, wholeChannels } from "../layers/invertedResidual.ts";
import { globalPool } from "../layers/pooling.ts";
import { defineBackbone } from "../registry/define.ts";

/** Table 2 of the paper: expansion, channels, blocks, stride of the first. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

export const mobilenet = defineBackbone({
  type: "mobilenet",
  description: "MobileNetV2 for images [channels, height, width]: depthwise convolutions between narrow layers",
  options: z.object({
    width: z.number().min(0.1).max(4).default(1).describe("Factor on all channels"),
    stem: z
      .enum(["small", "large"])
      .default("large")
      .describe("Large: five halvings of the size, as for ImageNet; small: the first two are left out"),
    dropout: z.number().min(0).lt(1).default(0.2).describe("Share of the features dropped while training"),
  }),
  build(scope, x, { width, stem, dropout: rate }) {
    expectImage(scope, x, 2);
    const activation = "relu6";
    const stride = stridesFor(stem);
    const channels = wholeChannels(32 * width);
    let image = convNorm(scope.child("stem"), x, { channels, window: 3, strides: stride(2), padding: 1, activation });
    for (const [stage, [expansion, base, blocks, first]] of STAGES.entries()) {
      for (let index = 0; index < blocks; index++) {
        const strides = index === 0 ? stride(first) : 1;
        const options = { channels: wholeChannels(base * width), expansion, window: 3, strides, activation } as const;
        image = invertedResidual(scope.child(`stages.${stage}.${index}`), image, options);
      }
    }
    const last = wholeChannels(1280 * Math.max(1, width));
    const features = convNorm(scope.child("last"), image, { channels: last, window: 1, activation });
    return dropout(scope, globalPool(scope, features), { rate });
  },
});
