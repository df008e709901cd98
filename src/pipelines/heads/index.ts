/** @file All heads, in the catalog's order. */
import type { Head } from "../registry/define.ts";
import { classification } from "./classification.ts";
import { contrastive, supervisedContrastive } from "./contrastive.ts";
import { multilabel } from "./multilabel.ts";
import { multitask } from "./multitask.ts";
import { reconstruction } from "./reconstruction.ts";
import { regression } from "./regression.ts";
import { tagging } from "./tagging.ts";

export const HEADS: readonly Head[] = [
  classification,
  regression,
  multilabel,
  tagging,
  reconstruction,
  contrastive,
  supervisedContrastive,
  multitask,
];
