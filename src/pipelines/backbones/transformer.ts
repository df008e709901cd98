/** @file Transformers (Vaswani et al. 2017): blocks of attention, over the whole sequence or over its past. */
import { z } from "zod";
import type { Tensor } from "../../engine/index.ts";
import { ACTIVATION_NAMES } from "../layers/activations.ts";
import { dense } from "../layers/dense.ts";
import { dropout } from "../layers/dropout.ts";
import { embedding } from "../layers/embedding.ts";
import { expectContext } from "../layers/expect.ts";
import { fanInUniform } from "../layers/initialisers.ts";
import { withinLengths } from "../layers/lengths.ts";
import { layerNorm, rmsNorm } from "../layers/norm.ts";
import { learnedPositions, sinusoidalPositions } from "../layers/positions.ts";
import type { Scope } from "../layers/scope.ts";
import { SUMMARIES, SUMMARY_NAMES } from "../layers/sequence.ts";
import { type TransformerOptions, transformerBlock } from "../layers/transformer.ts";
import { defineBackbone } from "../registry/define.ts";
import { readSequence, refuseAlone, sequenceOptions, tokensAsTheyAre } from "./sequences.ts";

/** What each adds to the elements; rotary positions are the attention's. */
const POSITIONS = {
  learned: (scope: Scope, x: Tensor, context: number | undefined) =>
    learnedPositions(scope, x, { context: context ?? scope.past?.context ?? x.shape[1]! }),
  sinusoidal: (scope: Scope, x: Tensor) => sinusoidalPositions(scope, x),
  rotary: (_scope: Scope, x: Tensor) => x,
  none: (_scope: Scope, x: Tensor) => x,
} as const;
const POSITION_NAMES = Object.keys(POSITIONS) as [keyof typeof POSITIONS, ...(keyof typeof POSITIONS)[]];

const NORMS = { layer: layerNorm, rms: rmsNorm } as const;

const Options = z.object({
  ...sequenceOptions,
  kind: z
    .enum(["encoder", "decoder", "encoderDecoder"])
    .default("encoder")
    .describe(
      "Whether elements see the whole sequence, or what came before; or an encoder that reads one sequence, and a decoder that looks at it while it writes another",
    ),
  layers: z.int().min(1).max(256).default(2).describe("Blocks of attention and feed-forward network"),
  decoderLayers: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe("Of an encoder and decoder: blocks of the decoder; left out, as many as of the encoder"),
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
    .describe("The longest sequence that the model takes; left out, the data's"),
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
});
type Options = z.output<typeof Options>;

export const transformer = defineBackbone({
  type: "transformer",
  description:
    "Transformer for sequences: an encoder, whose elements see each other, a decoder, where each sees its past, or both",
  options: Options,
  preprocess: tokensAsTheyAre,
  sequences: {
    each: { summary: "each" },
    past: { summary: "each", kind: "decoder" },
    translated: { kind: "encoderDecoder" },
  },
  remembers: true,
  build(scope, x, { summary, ...options }, { parts, previous }) {
    const { width, vocabulary, padding, lengths: column, kind, layers, decoderLayers = layers } = options;
    const isText = vocabulary !== undefined || parts[0]?.kind === "tokens";
    const { elements, lengths } = readSequence(scope, x, { width, vocabulary, padding, lengths: column }, parts);
    const wide = isText ? elements : dense(scope.child("input"), elements, { units: width, init: fanInUniform });
    const encoded = stackOf(scope, wide, options, {
      layers,
      causal: kind === "decoder",
      ...(lengths && { mask: placesWithin(lengths, wide) }),
    });
    if (kind !== "encoderDecoder") return SUMMARIES[summary](encoded, lengths);
    if (previous === undefined) return refuseAlone(scope, x);
    const written = embedding(scope.child("written"), previous.tokens, { vocabulary: previous.vocabulary, width });
    return stackOf(scope.child("decoder"), written, options, {
      layers: decoderLayers,
      causal: true,
      memory: encoded,
      ...(lengths && { memoryMask: placesWithin(lengths, wide) }),
    });
  },
});

/** BOOL [batch, 1, 1, time]: where any query may look. */
function placesWithin(lengths: Tensor, sequence: Tensor): Tensor {
  const [batch, time] = sequence.shape as [number, number];
  return withinLengths(lengths, time).reshape([batch, 1, 1, time]);
}

interface StackOptions extends Pick<TransformerOptions, "mask" | "memory" | "memoryMask"> {
  readonly layers: number;
  readonly causal: boolean;
}

/** Positions, blocks, and the norm at the end where norms come first. @param x [batch, time, width] */
function stackOf(
  scope: Scope,
  x: Tensor,
  options: Omit<Options, "summary">,
  { layers, ...sight }: StackOptions,
): Tensor {
  const { positions, context, heads, keyHeads, feedForward, norm, normFirst, dropout: rate } = options;
  const { activation, checkpointing } = options;
  const place = scope.child("positions");
  if (context !== undefined) expectContext(place, x, context);
  const placed = POSITIONS[positions](place, x, context);
  const block = {
    ...{ heads, activation, checkpointing, norm, normFirst, dropout: rate },
    ...sight,
    ...(keyHeads && { keyHeads }),
    ...(feedForward && { feedForward }),
    ...(positions === "rotary" && { rotary: {} }),
  };
  let sequence = dropout(scope, placed, { rate });
  for (let index = 0; index < layers; index++) {
    sequence = transformerBlock(scope.child(`blocks.${index}`), sequence, block);
  }
  return normFirst ? NORMS[norm](scope.child("norm"), sequence) : sequence;
}
