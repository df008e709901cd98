/** @file What a model's record says before anything was learned from data. */
import type { ModelRecord } from "./record.ts";

export const BLANK = {
  signature: null,
  preprocessing: null,
  target: null,
  loss: null,
  metrics: null,
  provenance: null,
} as const satisfies Partial<ModelRecord>;
