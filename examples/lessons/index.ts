/** @file The lessons, by name, in the order in which they build on each other. */
import { activations } from "./activations.ts";
import { attention } from "./attention.ts";
import { convolutions } from "./convolutions.ts";
import { depth } from "./depth.ts";
import { embeddings } from "./embeddings.ts";
import type { Lesson } from "./lesson.ts";
import { memory } from "./memory.ts";
import { optimizers } from "./optimizers.ts";
import { regularisation } from "./regularisation.ts";
import { stability } from "./stability.ts";

export const LESSONS: Readonly<Record<string, Lesson>> = {
  optimizers,
  activations,
  depth,
  memory,
  convolutions,
  attention,
  embeddings,
  regularisation,
  stability,
};
