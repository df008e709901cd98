/** @file Inside a trained model: its weights, their gradients on some data, what layers give for some inputs, where they look. */
import { Fault } from "../../engine/index.ts";
import type { Dataset, Inputs } from "../data/dataset.ts";
import type { PredictionContext } from "../model/loaded.ts";
import { fitted } from "../model/network.ts";
import { rawRows } from "../model/rawRows.ts";
import { type Activation, type AttentionMaps, activationsOf, attentionOf } from "./activations.ts";
import {
  type GradientStatistics,
  gradientStatistics,
  type ParameterStatistics,
  weightStatistics,
} from "./parameters.ts";
import { refuseWriting } from "./select.ts";

export const PARTS = ["weights", "gradients", "activations", "attention"] as const;
export type Part = (typeof PARTS)[number];

export interface InspectOptions {
  readonly what: readonly Part[];
  /** Path patterns of layers, or of parameters where these are looked at. */
  readonly layers: readonly string[] | undefined;
  /** For activations and attention. */
  readonly inputs: Inputs | undefined;
  /** For gradients: labelled rows. */
  readonly data: Dataset | undefined;
  /** Of each histogram; 0: none. */
  readonly bins: number;
  /** Whether activations come with their values. */
  readonly values: boolean;
}

export interface Inspection {
  readonly weights?: readonly ParameterStatistics[];
  readonly gradients?: GradientStatistics;
  readonly activations?: readonly Activation[];
  readonly attention?: readonly AttentionMaps[];
}

/** @throws INVALID_PARAMS for a pattern that matches nothing, and for a part without the rows that it is of. */
export function inspect(context: PredictionContext, options: InspectOptions): Inspection {
  const record = fitted(context.record);
  const trained = { ...context, record };
  const { what, layers, bins, data } = options;
  const has = (part: Part): boolean => what.includes(part);
  if (has("activations") || has("attention")) refuseWriting(context.registry, record);
  const rows = has("activations") || has("attention") ? rowsOf(options) : undefined;
  const encoded = rows && rawRows(record, rows);
  if (has("gradients") && data === undefined) throw missing("data", "gradients are those of the loss on labelled rows");
  return {
    ...(has("weights") && { weights: weightStatistics(record, layers, bins) }),
    ...(has("gradients") && { gradients: gradientStatistics(trained, data!, layers, bins) }),
    ...(has("activations") && { activations: activationsOf(trained, encoded!, options) }),
    ...(has("attention") && { attention: attentionOf(trained, encoded!, layers) }),
  };
}

function rowsOf({ inputs, what }: InspectOptions): Inputs {
  if (inputs === undefined) throw missing("inputs", `${what.join(" and ")} are those of some rows`);
  return inputs;
}

function missing(path: "data" | "inputs", why: string): Fault {
  return new Fault("INVALID_PARAMS", `\`${path}\` is missing: ${why}`, {
    violations: [{ path, message: "missing", expected: path === "data" ? "labelled rows" : "rows", got: "nothing" }],
    hint: path === "data" ? 'such as `"data": {"builtin": "iris"}`' : "give `inputs` as `predict` takes them",
  });
}
