/** @file The model card: what a file takes, gives, was trained on and is worth, as plain JSON beside it and inside it. */
import type { DType } from "../../engine/index.ts";
import type { ModelRecord, Provenance, RecordedMetrics } from "./record.ts";

/** An input or output of an exported file, as a host has to feed or read it. */
export interface CardValue {
  readonly name: string;
  readonly dtype: DType | "STRING";
  /** "batch" stands for any number of rows. */
  readonly shape: readonly (number | "batch")[];
  readonly description: string;
  /** The strings that the model knows; any other counts as unknown. */
  readonly categories?: readonly string[];
}

export interface ModelCard {
  readonly format: "ml-sidecar model card 1";
  readonly name: string;
  readonly pipeline: string;
  readonly backbone: unknown;
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
  parts: Pick<ModelCard, "inputs" | "outputs" | "labels">,
): ModelCard {
  return {
    format: "ml-sidecar model card 1",
    name,
    pipeline: record.spec.pipeline,
    backbone: record.spec.backbone,
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
