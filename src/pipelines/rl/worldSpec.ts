/** @file Where a run acts, parsed: in an environment inside, or in the host's own, with its spaces and copies. */
import { z } from "zod";
import { Fault } from "../../engine/index.ts";
import type { Configured } from "../model/spec.ts";
import { find, optionsOf, parseBy, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { AlgorithmPlan } from "./algorithm.ts";
import { AUTORESET_MODES, type AutoresetMode, type VectorEnvironment } from "./environment.ts";
import { parseSpace } from "./spaceSpec.ts";
import { choicesOf, type Space } from "./spaces.ts";

/** An environment of the registry, with its options. */
export interface InsideSpec extends Configured {
  readonly maxEpisodeSteps?: number | null;
}

export interface WorldSpec {
  /** Of the registry, or `{"type":"host"}`. */
  readonly environment: InsideSpec;
  readonly count: number;
  readonly groups: number;
  readonly autoreset: AutoresetMode;
  readonly observation: Space;
  readonly action: Space;
  readonly masked: boolean;
}

export const isHosted = ({ environment }: Pick<WorldSpec, "environment">): boolean => environment.type === "host";

const HostSchema = z.strictObject({
  type: z.literal("host"),
  observation: z.unknown().describe("The space of what one copy shows"),
  action: z.unknown().describe("The space of what is done in one copy"),
  count: z.int().min(1).max(65_536).default(1).describe("Copies that are stepped together"),
  groups: z.int().min(1).max(64).default(1).describe("How many times that many, stepped in turn"),
  autoreset: z.enum(AUTORESET_MODES).default("nextStep").describe("When an episode that has ended begins anew"),
  mask: z.boolean().default(false).describe("Whether each step says which choices are allowed"),
});

/** @param plan of the algorithm, which says how many copies there are inside */
export const parseWorld = (registry: Registry, raw: { readonly type: string }, plan: AlgorithmPlan): WorldSpec =>
  raw.type === "host" ? hostWorld(raw) : insideWorld(registry, raw, plan);

function hostWorld(raw: unknown): WorldSpec {
  const { observation, action, count, groups, autoreset, mask } = parseBy(HostSchema, raw, "environment");
  const actionSpace = parseSpace(action, "environment.action");
  if (mask && choicesOf(actionSpace) === null) {
    throw new Fault("INVALID_PARAMS", "actions in a box cannot be masked", {
      violations: [{ path: "environment.mask", message: "nothing to mask", expected: "false", got: "true" }],
      hint: "masks are for choices: discrete, multiDiscrete, multiBinary",
    });
  }
  return {
    environment: { type: "host" },
    observation: parseSpace(observation, "environment.observation"),
    action: actionSpace,
    masked: mask,
    count,
    groups,
    autoreset,
  };
}

const reset = z.enum(AUTORESET_MODES).default("sameStep");
const limit = z.int().min(1).nullable().optional();

function insideWorld(registry: Registry, raw: { readonly type: string }, { numEnvs }: AlgorithmPlan): WorldSpec {
  const { autoreset: rawReset, maxEpisodeSteps: rawLimit, ...own } = raw as Record<string, unknown>;
  const autoreset = parseBy(reset, rawReset, "environment.autoreset");
  const maxEpisodeSteps = parseBy(limit, rawLimit, "environment.maxEpisodeSteps");
  const configured = parseConfigured(registry.environments, own, "environment", raw.type);
  const environment = { ...configured, ...(maxEpisodeSteps === undefined ? {} : { maxEpisodeSteps }) };
  const sample = makeEnvironment(registry, environment, 1, autoreset);
  return {
    environment,
    observation: sample.observationSpace,
    action: sample.actionSpace,
    masked: sample.mask !== undefined,
    count: numEnvs,
    groups: 1,
    autoreset,
  };
}

export function makeEnvironment(
  registry: Registry,
  { maxEpisodeSteps, ...configured }: InsideSpec,
  count: number,
  autoreset: AutoresetMode,
): VectorEnvironment {
  const { make } = find(registry.environments, configured.type, "environment.type");
  return make(optionsOf(configured), {
    count,
    autoreset,
    ...(maxEpisodeSteps === undefined ? {} : { maxEpisodeSteps }),
  });
}
