/** @file What a host asks of a run, parsed: an algorithm, where to act, and the policy that fits both. */
import { z } from "zod";
import type { Configured } from "../model/spec.ts";
import { find, optionsOf, parseBy, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { PolicySpec } from "./policy.ts";
import { parsePolicy } from "./policySpec.ts";
import { parseWorld, type WorldSpec } from "./worldSpec.ts";

/** What is run: plain data, kept as it is. */
export interface RunSpec extends Pick<WorldSpec, "environment" | "count" | "groups" | "autoreset"> {
  readonly algorithm: Configured;
  readonly policy: PolicySpec;
  readonly seed: number;
  /** Steps over which rates fall, where no training says. */
  readonly totalSteps: number | null;
  /** Whether what single episodes taught is learned between calls; or before the next one is answered. */
  readonly background: boolean;
  /** When a host's run is saved, whichever comes first; both null: only when asked. */
  readonly checkpoint: { readonly everyUpdates: number | null; readonly everySeconds: number | null };
}

const RunSchema = z.strictObject({
  name: z.string().optional().describe("A name for the model; not part of the spec"),
  algorithm: z.unknown().optional().describe("How to learn"),
  environment: z.looseObject({ type: z.string() }).describe("Where to act"),
  backbone: z.unknown().optional().describe("From what is seen to features"),
  memory: z.unknown().optional().describe("What is remembered from step to step"),
  totalSteps: z
    .int()
    .min(1)
    .optional()
    .describe("Steps over which rates fall, where the host's environment is learned"),
  checkpoint: z
    .union([
      z.boolean(),
      z.strictObject({
        everyUpdates: z.int().min(1).optional().describe("Updates between two"),
        everySeconds: z.number().positive().optional().describe("Seconds between two"),
      }),
    ])
    .default(true)
    .describe("How often a host's run is saved"),
  background: z
    .boolean()
    .default(true)
    .describe("Whether single episodes are learned between calls, so that none waits long; or before the next call"),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).describe("Decides weights, actions and episodes"),
});

const USUAL_SECONDS = 10;

/** @throws INVALID_PARAMS with a violation for each wrong field */
export function parseRun(registry: Registry, raw: unknown): RunSpec {
  const {
    algorithm: rawAlgorithm,
    environment: rawEnvironment,
    seed,
    totalSteps,
    checkpoint,
    background,
    ...rest
  } = parseBy(RunSchema, raw, "");
  const algorithm = parseConfigured(registry.algorithms, rawAlgorithm, "algorithm", "ppo");
  const plan = find(registry.algorithms, algorithm.type, "algorithm.type").plan(optionsOf(algorithm));
  const world = parseWorld(registry, rawEnvironment, plan);
  return {
    algorithm,
    environment: world.environment,
    policy: parsePolicy(registry, world, plan, rest),
    seed,
    count: world.count,
    groups: world.groups,
    autoreset: world.autoreset,
    totalSteps: totalSteps ?? null,
    checkpoint: checkpointOf(checkpoint),
    background,
  };
}

function checkpointOf(given: z.output<typeof RunSchema>["checkpoint"]): RunSpec["checkpoint"] {
  if (given === false) return { everyUpdates: null, everySeconds: null };
  const { everyUpdates = null, everySeconds = null } = given === true ? {} : given;
  return { everyUpdates, everySeconds: everySeconds ?? (everyUpdates === null ? USUAL_SECONDS : null) };
}
