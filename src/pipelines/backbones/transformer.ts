/** @file Transformers (Vaswani et al. 2017): blocks of attention, over the whole sequence or over its past. */
import { z } from "zod";
import type { Tensor } from "../../engine/index.ts";
import { ACTIVATION_NAMES } from "../layers/activations.ts";
import { dense } from "../layers/dense.ts";
import { dropout } from "../layers/dropout.ts";
import { fanInUniform } from "../layers/initialisers.ts";
import { withinLengths } from "../layers/lengths.ts";
import { layerNorm, rmsNorm } from "../layers/norm.ts";
import { learnedPositions, sinusoidalPositions } from "../layers/positions.ts";
import type { Scope } from "../layers/scope.ts";
import { SUMMARIES, SUMMARY_NAMES, sequenceOf } from "../layers/sequence.ts";
import { transformerBlock } from "../layers/transformer.ts";
import { defineBackbone } from "../registry/define.ts";
import { sequenceOptions, tokensAsTheyAre } from "./sequences.ts";

/** What each adds to the elements; rotary positions are the attention's. */
const POSITIONS = {
  learned: (scope: Scope, x: Tensor, context: number | undefined) =>
    learnedPositions(scope, x, { context: context ?? x.shape[1]! }),
  sinusoidal: (scope: Scope, x: Tensor) => sinusoidalPositions(scope, x),
  rotary: (_scope: Scope, x: Tensor) => x,
  none: (_scope: Scope, x: Tensor) => x,
} as const;
const POSITION_NAMES = Object.keys(POSITIONS) as [keyof typeof POSITIONS, ...(keyof typeof POSITIONS)[]];

const NORMS = { layer: layerNorm, rms: rmsNorm } as const;

export const transformer = defineBackbone({
  type: "transformer",
  description:
    "Transformer for sequences: an encoder, whose elements see each other, or a decoder, where each sees its past",
  options: z.object({
    ...sequenceOptions,
    kind: z
      .enum(["encoder", "decoder"])
      .default("encoder")
      .describe("Whether elements see the whole sequence, or what came before"),
    layers: z.int().min(1).max(256).default(2).describe("Blocks of attention and feed-forward network"),
    heads: z.int().min(1).max(1024).default(4).describe("Heads of attention; they divide the width"),
    keyHeads: z
      .int()
      .min(1)
      .max(1024)
      .optional()
      .describe("Heads of keys and values, shared by those of the queries; left out, as many"),
    feedForward: z
      .int()
      .min(1)
      .max(262_144)
      .optional()
      .describe("Units inside each block's second part; left out, 4 · width"),
    positions: z.enum(POSITION_NAMES).default("sinusoidal").describe("How elements know their place"),
    context: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe("Learned positions: the longest sequence that the model takes; left out, the data's"),
    activation: z.enum(ACTIVATION_NAMES).default("gelu").describe("Of the feed-forward networks"),
    norm: z.enum(["layer", "rms"]).default("layer").describe("Normalisation of each block"),
    normFirst: z
      .boolean()
      .default(true)
      .describe("Whether norms stand before attention and feed-forward network, or after"),
    dropout: z.number().min(0).lt(1).default(0).describe("Share of the activations dropped while training"),
    checkpointing: z
      .boolean()
      .default(false)
      .describe("Whether training computes each block again instead of keeping its insides: less memory, more time"),
    summary: z
      .enum(SUMMARY_NAMES)
      .default("mean")
      .describe("What a sequence becomes: its last element, the mean or the largest of all, or all of them"),
  }),
  preprocess: tokensAsTheyAre,
  sequences: { each: { summary: "each" }, past: { summary: "each", kind: "decoder" } },
  build(scope, x, { summary, kind, layers, positions, context, dropout: rate, vocabulary, padding, ...options }) {
    const { width, keyHeads, feedForward, norm, ...rest } = options;
    const { elements, lengths } = sequenceOf(scope, x, { vocabulary, width, padding });
    const [batch, time] = x.shape as [number, number];
    const wide =
      vocabulary === undefined ? dense(scope.child("input"), elements, { units: width, init: fanInUniform }) : elements;
    let sequence = dropout(scope, POSITIONS[positions](scope.child("positions"), wide, context), { rate });
    const block = {
      ...rest,
      norm,
      dropout: rate,
      causal: kind === "decoder",
      ...(keyHeads && { keyHeads }),
      ...(feedForward && { feedForward }),
      ...(positions === "rotary" && { rotary: {} }),
      ...(lengths && { mask: withinLengths(lengths, time).reshape([batch, 1, 1, time]) }),
    };
    for (let index = 0; index < layers; index++) {
      sequence = transformerBlock(scope.child(`blocks.${index}`), sequence, block);
    }
    const seen = options.normFirst ? NORMS[norm](scope.child("norm"), sequence) : sequence;
    return SUMMARIES[summary](seen, lengths);
  },
});
