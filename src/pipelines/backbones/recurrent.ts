/** @file Recurrent networks: one backbone for each cell of the table. */
import { z } from "zod";
import { concat } from "../../engine/index.ts";
import { CELLS, type CellName } from "../layers/cells.ts";
import { embedding } from "../layers/embedding.ts";
import { recurrent } from "../layers/recurrent.ts";
import { SUMMARIES } from "../layers/sequence.ts";
import { type Backbone, defineBackbone } from "../registry/define.ts";
import { readSequence, refuseAlone, sequenceOptions, tokensAsTheyAre } from "./sequences.ts";

const NAMES: Record<CellName, string> = {
  rnn: "Recurrent network",
  lstm: "Long short-term memory",
  gru: "Gated recurrent units",
};

function network(cell: CellName): Backbone {
  return defineBackbone({
    type: cell,
    description: `${NAMES[cell]} for sequences: ${CELLS[cell].description}`,
    options: z.object({
      ...sequenceOptions,
      kind: z
        .enum(["encoder", "encoderDecoder"])
        .default("encoder")
        .describe(
          "Whether it reads a sequence, or reads one and writes another: a second network begins with what the first remembers (Sutskever et al. 2014)",
        ),
      hidden: z.int().min(1).max(16_384).default(64).describe("Width of the hidden state"),
      layers: z.int().min(1).max(64).default(1).describe("How many stand on each other"),
      bidirectional: z.boolean().default(false).describe("Whether a second one reads from the end"),
      dropout: z
        .number()
        .min(0)
        .lt(1)
        .default(0)
        .describe("Share of the activations between layers dropped while training"),
      summary: z
        .enum(["state", "mean", "max", "each"])
        .default("state")
        .describe("What a sequence becomes: the last hidden state, the mean or the largest of all, or all of them"),
    }),
    preprocess: tokensAsTheyAre,
    sequences: {
      each: { summary: "each", kind: "encoder" },
      past: { summary: "each", bidirectional: false, kind: "encoder" },
      translated: { kind: "encoderDecoder", bidirectional: false },
    },
    remembers: true,
    build(scope, x, { summary, kind, hidden, layers, bidirectional, dropout, ...options }, { parts, previous }) {
      const { elements, lengths } = readSequence(scope, x, options, parts);
      const stacked = { cell, hidden, layers, bidirectional, dropout };
      const { outputs, last } = recurrent(scope, elements, { ...stacked, ...(lengths && { lengths }) });
      if (kind === "encoderDecoder") {
        if (previous === undefined) return refuseAlone(scope, x);
        const { tokens, vocabulary } = previous;
        const written = embedding(scope.child("written"), tokens, { vocabulary, width: options.width });
        return recurrent(scope.child("decoder"), written, { ...stacked, initial: last }).outputs;
      }
      if (summary !== "state") return SUMMARIES[summary](outputs, lengths);
      const directions = last.slice(bidirectional ? -2 : -1);
      return concat(
        directions.map(([state]) => state!),
        1,
      );
    },
  });
}

export const rnn = network("rnn");
export const lstm = network("lstm");
export const gru = network("gru");
