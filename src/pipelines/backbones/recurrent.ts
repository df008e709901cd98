/** @file Recurrent networks: one backbone for each cell of the table. */
import { z } from "zod";
import { concat } from "../../engine/index.ts";
import { CELLS, type CellName } from "../layers/cells.ts";
import { recurrent } from "../layers/recurrent.ts";
import { SUMMARIES, sequenceOf } from "../layers/sequence.ts";
import { type Backbone, defineBackbone } from "../registry/define.ts";
import { sequenceOptions, tokensAsTheyAre } from "./sequences.ts";

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
    sequences: { each: { summary: "each" }, past: { summary: "each", bidirectional: false } },
    build(scope, x, { summary, hidden, layers, bidirectional, dropout, ...options }) {
      const { elements, lengths } = sequenceOf(scope, x, options);
      const kind = { cell, hidden, layers, bidirectional, dropout };
      const { outputs, last } = recurrent(scope, elements, { ...kind, ...(lengths && { lengths }) });
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
