/** @file Temporal convolutional networks (Bai et al. 2018, section 3): causal convolutions that see ever further back. */
import { z } from "zod";
import type { Tensor } from "../../engine/index.ts";
import { ACTIVATION_NAMES, type ActivationName, activate } from "../layers/activations.ts";
import { conv } from "../layers/conv.ts";
import { convNorm, IMAGE_NORM_NAMES, type ImageNorm } from "../layers/convNorm.ts";
import { dropout } from "../layers/dropout.ts";
import type { Scope } from "../layers/scope.ts";
import { SUMMARIES, SUMMARY_NAMES } from "../layers/sequence.ts";
import { defineBackbone } from "../registry/define.ts";
import { readSequence, sequenceOptions, tokensAsTheyAre } from "./sequences.ts";

interface BlockOptions {
  readonly units: number;
  readonly window: number;
  readonly dilation: number;
  readonly activation: ActivationName;
  readonly norm: ImageNorm;
  readonly rate: number;
}

/** Two causal convolutions and a way around them. @param x [batch, channels, time] */
function block(scope: Scope, x: Tensor, { units, window, dilation, activation, norm, rate }: BlockOptions): Tensor {
  const past = (window - 1) * dilation;
  const sliding = { channels: units, window, dilations: dilation, padding: [[past, 0]] as const };
  const y = [0, 1].reduce(
    (z, index) =>
      dropout(scope, convNorm(scope.child(`conv${index + 1}`), z, { ...sliding, norm, activation }), { rate }),
    x,
  );
  const around = x.shape[1] === units ? x : conv(scope.child("shortcut"), x, { channels: units, window: 1 });
  return activate(scope, y.add(around), activation);
}

export const tcn = defineBackbone({
  type: "tcn",
  description:
    "Temporal convolutional network for sequences: residual blocks of causal convolutions, twice as far apart each",
  options: z.object({
    ...sequenceOptions,
    channels: z
      .array(z.int().min(1).max(65_536))
      .min(1)
      .max(32)
      .default([32, 32, 32])
      .describe("Of each block; block i sees every 2^i-th element"),
    window: z.int().min(2).max(255).default(3).describe("Elements that each convolution sees"),
    activation: z.enum(ACTIVATION_NAMES).default("relu").describe("After each convolution, and after each sum"),
    norm: z.enum(IMAGE_NORM_NAMES).default("none").describe("Between a convolution and its activation"),
    dropout: z.number().min(0).lt(1).default(0).describe("Share of each convolution's outputs dropped while training"),
    summary: z
      .enum(SUMMARY_NAMES)
      .default("last")
      .describe("What a sequence becomes: its last element, the mean or the largest of all, or all of them"),
  }),
  preprocess: tokensAsTheyAre,
  sequences: { each: { summary: "each" }, past: { summary: "each" } },
  build(scope, x, { channels, summary, dropout: rate, window, activation, norm, ...options }, { parts }) {
    const { elements, lengths } = readSequence(scope, x, options, parts);
    const y = channels.reduce(
      (input, units, index) =>
        block(scope.child(`blocks.${index}`), input, { units, window, dilation: 2 ** index, activation, norm, rate }),
      elements.permute([0, 2, 1]),
    );
    return SUMMARIES[summary](y.permute([0, 2, 1]), lengths);
  },
});
