/** @file Embedding: a learned vector for each of a vocabulary's entries. */
import type { Tensor } from "../../engine/index.ts";
import { type Initialiser, normalOf } from "./initialisers.ts";
import { layer, type Scope } from "./scope.ts";

export interface EmbeddingOptions {
  /** How many entries there are. */
  readonly vocabulary: number;
  readonly width: number;
  /** The index whose vector is zero and stays so. */
  readonly padding?: number;
  readonly init?: Initialiser;
}

/**
 * `torch.nn.Embedding`, with vectors drawn from N(0, 1) as there. An index outside the vocabulary gives zeros.
 * @param indices I32 [...] @returns [..., width]; weight is [vocabulary, width]
 */
export const embedding = layer(
  "embedding",
  (scope: Scope, indices: Tensor, { vocabulary, width, padding, init = normalOf(1) }: EmbeddingOptions): Tensor => {
    const vectors = scope.parameter("weight", [vocabulary, width], init).gather(indices, 0);
    if (padding === undefined) return vectors;
    return indices
      .notEqual(padding)
      .reshape([...indices.shape, 1])
      .where(vectors, 0);
  },
);
