/** @file From what a host asks for to a model record: the spec parsed, and counted where it says enough. */

import { z } from "zod";
import type { ImportedFile } from "../imported/importedFile.ts";
import { PreprocessSpec } from "../preprocess/spec.ts";
import { find, optionsOf, parseBy, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { BLANK } from "./blank.ts";
import { countParameters, declare } from "./network.ts";
import type { ModelRecord } from "./record.ts";
import type { Configured, ModelSpec } from "./spec.ts";
import { suit } from "./suit.ts";
import { outputsOf, tasksOf } from "./tasks.ts";

const specSchema = z.strictObject({
  name: z.string().optional().describe("The host's name for the model; not part of the spec"),
  pipeline: z.string().describe("What is learned"),
  input: z
    .strictObject({ shape: z.array(z.int().min(1)).min(1).max(8).describe("Of one row, the batch left out") })
    .optional()
    .describe("What goes in; left out, taken from the data of the first training"),
  backbone: z.unknown().optional().describe("Inputs to features: a name, or an object with its `type` and options"),
  head: z.unknown().optional().describe("Features to answers; left out, the pipeline's own"),
  preprocess: z.unknown().optional().describe("What is done to raw columns first"),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).describe("Decides the initial weights"),
});

/** @throws INVALID_PARAMS with a violation for each wrong field, such as `backbone.hidden[0]`; wrong names get the nearest. */
export function parseModelSpec(registry: Registry, raw: unknown): ModelSpec {
  const { pipeline, input, backbone, head, preprocess, seed } = parseBy(specSchema, raw, "");
  const { head: ownHead, defaults } = find(registry.pipelines, pipeline, "pipeline");
  const chosenHead = parseConfigured(registry.heads, head, "head", ownHead);
  const suited = suit(registry, backbone, defaults.backbone.type, chosenHead);
  const chosen = parseConfigured(registry.backbones, suited, "backbone", defaults.backbone.type);
  return {
    pipeline,
    input: input ?? null,
    backbone: chosen,
    head: chosenHead,
    preprocess: parseBy(PreprocessSpec, withUsualSteps(registry, chosen, chosenHead, preprocess ?? {}), "preprocess"),
    seed,
  };
}

/** What the backbone and the head want done to inputs, where the host has not said. */
function withUsualSteps(registry: Registry, backbone: Configured, head: Configured, preprocess: unknown): unknown {
  if (typeof preprocess !== "object" || preprocess === null) return preprocess;
  const { preprocess: usual } = find(registry.backbones, backbone.type, "backbone.type");
  const steps = usual?.(optionsOf(backbone)) ?? {};
  const { text: unit } = find(registry.heads, head.type, "head.type");
  const text = unit === undefined ? {} : { text: { type: "tokens", unit } };
  if (steps === "none") return { default: steps, ...text, ...preprocess };
  const { columns, ...others } = preprocess as { columns?: object };
  return { ...text, ...others, columns: { ...steps, ...columns } };
}

/** @param imported the file of a backbone `onnx` */
export function createModel(registry: Registry, raw: unknown, imported?: ImportedFile): ModelRecord {
  const spec = parseModelSpec(registry, raw);
  return {
    ...(imported !== undefined && { imported }),
    spec,
    seed: spec.seed,
    state: "new",
    ...BLANK,
    parameters: parametersOf(registry, spec, imported),
    weights: null,
  };
}

/**
 * What training will change, where the spec says what goes in and what comes out; null until the data says. Of a list of
 * columns it takes each as a number: the first training counts anew.
 */
function parametersOf(registry: Registry, spec: ModelSpec, imported: ImportedFile | undefined): number | null {
  const { input } = spec;
  if (input === null) return null;
  if (tasksOf(registry, spec).some((task) => outputsOf(task, null, input.shape) === null)) return null;
  return countParameters(
    declare(registry, { spec, preprocessing: null, target: null, ...(imported && { imported }) }, input.shape),
  );
}
