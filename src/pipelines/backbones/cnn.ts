/** @file Convolutional networks, spelled out as a list of blocks. */
import { z } from "zod";
import type { Tensor } from "../../engine/index.ts";
import { ACTIVATION_NAMES, ACTIVATIONS, activate } from "../layers/activations.ts";
import { convNorm, IMAGE_NORM_NAMES } from "../layers/convNorm.ts";
import { dense } from "../layers/dense.ts";
import { dropout } from "../layers/dropout.ts";
import { expectImage } from "../layers/expect.ts";
import { INITIALISERS } from "../layers/initialisers.ts";
import { averagePool, globalPool, maxPool } from "../layers/pooling.ts";
import type { Scope } from "../layers/scope.ts";
import { defineBackbone } from "../registry/define.ts";

const count = (most: number) => z.int().min(1).max(most);

const Block = z.strictObject({
  channels: count(65_536).describe("Of the block's output"),
  window: count(255).default(3).describe("Side of the convolution's window"),
  strides: count(255).default(1).describe("How far the window moves"),
  dilations: count(255).default(1).describe("Distance of the elements that the window sees"),
  padding: z
    .union([z.enum(["same", "valid"]), z.int().min(0).max(255)])
    .default("same")
    .describe("Zeros at the edges: as many as keep the size, none, or that many on each side"),
  groups: count(65_536).default(1).describe("Groups of channels, each convolved on its own"),
  repeat: count(64).default(1).describe("How many such convolutions stand on each other; strides act in the first"),
  pool: z.enum(["none", "max", "average"]).default("none").describe("Pooling after the convolutions"),
  poolWindow: count(255).default(2).describe("Side of the pooling's window, and how far it moves"),
  dropout: z.number().min(0).lt(1).default(0).describe("Share of the block's outputs dropped while training"),
});

const POOLS = { none: (_scope: Scope, x: Tensor) => x, max: maxPool, average: averagePool } as const;

/** Every block is (convolution, norm, activation) × repeat, pooling, dropout. Images may have one axis, two or three. */
export const cnn = defineBackbone({
  type: "cnn",
  description: "Convolutional network for images [channels, ...size]: a list of blocks, then dense layers",
  options: z.object({
    blocks: z
      .array(Block)
      .min(1)
      .max(256)
      .default([Block.parse({ channels: 32, pool: "max" }), Block.parse({ channels: 64, pool: "max" })])
      .describe("Convolutions with their pooling, in order"),
    activation: z.enum(ACTIVATION_NAMES).default("relu").describe("After each convolution and dense layer"),
    norm: z.enum(IMAGE_NORM_NAMES).default("batch").describe("Between a convolution and its activation"),
    end: z
      .enum(["flatten", "mean", "max"])
      .default("flatten")
      .describe("How an image becomes a row: all its elements, or each channel's mean or largest"),
    hidden: z.array(count(65_536)).max(64).default([]).describe("Units of dense layers after that"),
    dropout: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe("Share of the final row dropped while training, and after each dense layer"),
  }),
  build(scope, x, { blocks, activation, norm, end, hidden, dropout: rate }) {
    expectImage(scope, x);
    const image = blocks.reduce((input, block, index) => {
      const { repeat, pool, poolWindow, dropout: blockRate, strides, ...convolution } = block;
      const layer = scope.child(`blocks.${index}`);
      let y = input;
      for (let place = 0; place < repeat; place++) {
        const options = { ...convolution, strides: place === 0 ? strides : 1, norm, activation };
        y = convNorm(layer.child(`${place}`), y, options);
      }
      return dropout(layer, POOLS[pool](layer.child("pool"), y, { window: poolWindow }), { rate: blockRate });
    }, x);
    const row = end === "flatten" ? image.reshape([x.shape[0]!, -1]) : globalPool(scope, image, { by: end });
    return hidden.reduce(
      (y, units, index) => {
        const init = INITIALISERS[ACTIVATIONS[activation].initialiser];
        const own = scope.child(`dense.${index}`);
        return dropout(own, activate(own, dense(own, y, { units, init }), activation), { rate });
      },
      dropout(scope, row, { rate }),
    );
  },
});
