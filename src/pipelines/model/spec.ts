/** @file A model spec: what a host asks for, with every default filled in. Plain data, saved as it is in `model.json`. */

import type { Preprocessing } from "../preprocess/preprocessing.ts";
import type { PreprocessSpec } from "../preprocess/spec.ts";
import type { TargetEncoding } from "../targets/index.ts";

/** The name of a registered definition, and its options beside it: `{"type": "mlp", "hidden": [64]}`. */
export type Configured = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface ModelSpec {
  /** A registered pipeline: `classification`, `regression`, `multilabel`, or a plugin's. */
  readonly pipeline: string;
  /** What one row looks like before preprocessing; null until the data of the first training says. */
  readonly input: { readonly shape: readonly number[] } | null;
  readonly backbone: Configured;
  readonly head: Configured;
  /** Fitted on the training part of the first training's data. */
  readonly preprocess: PreprocessSpec;
  /** Decides the initial weights. */
  readonly seed: number;
  /** Several trained models as one, see `createEnsemble`; `backbone`, `head` and `preprocess` are then the first one's. */
  readonly ensemble?: EnsembleSpec;
}

export interface EnsembleSpec {
  /** What the members' answers become together: their mean, what most of them say, or what a layer learns to make of them. */
  readonly combine: "average" | "vote" | "stack";
  readonly members: readonly Member[];
}

/** What one model of an ensemble is; its weights are the ensemble's, under `members.0`, `members.1` and so on. */
export interface Member {
  readonly backbone: Configured;
  readonly head: Configured;
  readonly preprocessing: Preprocessing;
  readonly target: TargetEncoding;
}
