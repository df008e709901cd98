/** @file The model card: what a file takes, gives, was trained on and is worth, as plain JSON beside it and inside it. */
import type { DType } from "../../engine/index.ts";
import type { ModelRecord, Provenance, RecordedMetrics } from "./record.ts";

/** An input or output of an exported file, as a host has to feed or read it. */
export interface CardValue {
  readonly name: string;
  readonly dtype: DType | "STRING";
  /** "batch" stands for any number of rows, "sequence" for any number of elements. */
  readonly shape: readonly (number | "batch" | "sequence")[];
  readonly description: string;
  /** The strings that the model knows; any other counts as unknown. */
  readonly categories?: readonly string[];
  /** Of a text: what it is taken apart into. */
  readonly unit?: "characters" | "words";
}

/** What a host says of a model that the model cannot know. */
export interface About {
  /** SPDX, such as `CC-BY-4.0`, or words. */
  readonly license?: string | undefined;
  readonly author?: string | undefined;
  readonly description?: string | undefined;
}

export interface ModelCard extends About {
  readonly format: "ml-sidecar model card 1";
  readonly name: string;
  readonly pipeline: string;
  readonly backbone: unknown;
  readonly head: unknown;
  /** Of the network's first weights. */
  readonly seed: number;
  readonly parameters: number | null;
  readonly inputs: readonly CardValue[];
  readonly outputs: readonly CardValue[];
  /** Names of classes, labels or output columns, by index. */
  readonly labels: readonly string[];
  readonly preprocessing: readonly { readonly column: string; readonly steps: readonly string[] }[];
  readonly metrics: RecordedMetrics | null;
  readonly provenance: Provenance | null;
  /** One row in and what the model answers, for a host's self-test. Made up, not from the data. */
  readonly sample?: {
    readonly inputs: Readonly<Record<string, unknown>>;
    readonly outputs: Readonly<Record<string, unknown>>;
  };
}

export function cardOf(
  record: ModelRecord,
  name: string,
  { about, ...parts }: Pick<ModelCard, "inputs" | "outputs" | "labels"> & { readonly about: About },
): ModelCard {
  return {
    format: "ml-sidecar model card 1",
    name,
    ...saidOf(about),
    pipeline: record.spec.pipeline,
    backbone: record.spec.backbone,
    head: record.spec.head,
    seed: record.seed,
    parameters: record.parameters,
    ...parts,
    preprocessing: (record.preprocessing?.columns ?? []).map((column) => ({
      column: column.name,
      steps: column.steps.map(({ type }) => type),
    })),
    metrics: record.metrics,
    provenance: record.provenance,
  };
}

/** Only what was said. */
export const saidOf = (about: About): About =>
  Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined));

/** What runtimes show of a file, as texts: each part of the card by itself, and the card. */
export function metadataOf(card: object): Record<string, string> {
  const parts: Readonly<Record<string, unknown>> = { ...card };
  const entries = SHOWN.flatMap((key): [string, string][] => {
    const value = parts[key];
    if (value === undefined || value === null) return [];
    return [[key, typeof value === "string" ? value : JSON.stringify(value, (_, inner) => plain(inner))]];
  });
  return { ...Object.fromEntries(entries), card: JSON.stringify(card, (_, inner) => plain(inner)) };
}

const SHOWN = [
  "labels",
  "license",
  "author",
  "description",
  "pipeline",
  "preprocessing",
  "spaces",
  "metrics",
  "provenance",
] as const;

/** JSON has no NaN and no infinities. */
export const plain = (value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
