/** @file All heads, in the catalog's order. */
import type { Head } from "../registry/define.ts";
import { classification } from "./classification.ts";
import { contrastive, supervisedContrastive } from "./contrastive.ts";
import { language } from "./language.ts";
import { multilabel } from "./multilabel.ts";
import { multitask } from "./multitask.ts";
import { reconstruction } from "./reconstruction.ts";
import { regression } from "./regression.ts";
import { seq2seq } from "./seq2seq.ts";
import { tagging } from "./tagging.ts";

export const HEADS: readonly Head[] = [
  classification,
  regression,
  multilabel,
  tagging,
  seq2seq,
  language,
  reconstruction,
  contrastive,
  supervisedContrastive,
  multitask,
];
