/** @file What a host asks of a run, parsed: an algorithm, an environment inside or the host's own, and the policy that fits both. */
import { z } from "zod";
import { Fault } from "../../engine/index.ts";
import { CELL_NAMES, type CellName } from "../layers/cells.ts";
import type { Configured } from "../model/spec.ts";
import { find, optionsOf, parseBy, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { AlgorithmPlan } from "./algorithm.ts";
import { AUTORESET_MODES, type AutoresetMode, type VectorEnvironment } from "./environment.ts";
import { isNormalisable } from "./observations.ts";
import type { MemorySpec, PolicySpec } from "./policy.ts";
import { choicesOf, type Space, spaceSize } from "./spaces.ts";

/** What is run: plain data, kept as it is. */
export interface RunSpec {
  readonly algorithm: Configured;
  /** Of the registry, or `{"type":"host"}`. */
  readonly environment: InsideSpec;
  readonly policy: PolicySpec;
  readonly seed: number;
  readonly count: number;
  readonly groups: number;
  readonly autoreset: AutoresetMode;
  /** Steps over which rates fall, where no training says. */
  readonly totalSteps: number | null;
  /** When a host's run is saved, whichever comes first; both null: only when asked. */
  readonly checkpoint: { readonly everyUpdates: number | null; readonly everySeconds: number | null };
}

/** An environment of the registry, with its options. */
export interface InsideSpec extends Configured {
  readonly maxEpisodeSteps?: number | null;
}

export const isHosted = ({ environment }: Pick<RunSpec, "environment">): boolean => environment.type === "host";

const anyNumber = z.union([z.number(), z.enum(["Infinity", "-Infinity"]).transform(Number)]);
const bound = z.union([anyNumber, z.array(anyNumber)]);
const size = z.int().min(1).max(16_777_216);
const choicesCount = z.int().min(1).max(65_536);

const SpaceSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("box"),
    shape: z.array(size).max(8).describe("Sizes by axis"),
    low: bound.default(Number.NEGATIVE_INFINITY).describe("The least, for all numbers or for each"),
    high: bound.default(Number.POSITIVE_INFINITY).describe("The most, for all numbers or for each"),
    dtype: z.enum(["F32", "U8"]).default("F32").describe("U8 for pixels: 0 to 255"),
  }),
  z.strictObject({
    type: z.literal("discrete"),
    n: choicesCount.describe("How many choices"),
    start: z.int().optional().describe("The first of them; 0 when left out"),
  }),
  z.strictObject({
    type: z.literal("multiDiscrete"),
    nvec: z.array(choicesCount).min(1).max(1024).describe("How many choices each has"),
  }),
  z.strictObject({ type: z.literal("multiBinary"), n: choicesCount.describe("How many switches") }),
]);

const HostSchema = z.strictObject({
  type: z.literal("host"),
  observation: z.unknown().describe("The space of what one copy shows"),
  action: z.unknown().describe("The space of what is done in one copy"),
  count: z.int().min(1).max(65_536).default(1).describe("Copies that are stepped together"),
  groups: z.int().min(1).max(64).default(1).describe("How many times that many, stepped in turn"),
  autoreset: z.enum(AUTORESET_MODES).default("nextStep").describe("When an episode that has ended begins anew"),
  mask: z.boolean().default(false).describe("Whether each step says which choices are allowed"),
});

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
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).describe("Decides weights, actions and episodes"),
});

const USUAL_SECONDS = 10;

const MemorySchema = z.strictObject({
  type: z.enum(CELL_NAMES).default("lstm").describe("The cell"),
  hidden: z.int().min(1).max(16_384).default(64).describe("Width of what is remembered"),
  layers: z.int().min(1).max(64).default(1).describe("How many cells stand on each other"),
});

/** @throws INVALID_PARAMS with a violation for each wrong field */
export function parseRun(registry: Registry, raw: unknown): RunSpec {
  const {
    algorithm: rawAlgorithm,
    environment: rawEnvironment,
    seed,
    totalSteps,
    checkpoint,
    ...rest
  } = parseBy(RunSchema, raw, "");
  const algorithm = parseConfigured(registry.algorithms, rawAlgorithm, "algorithm", "ppo");
  const plan = find(registry.algorithms, algorithm.type, "algorithm.type").plan(optionsOf(algorithm));
  const world =
    rawEnvironment.type === "host" ? hostWorld(rawEnvironment) : insideWorld(registry, rawEnvironment, plan);
  return {
    algorithm,
    environment: world.environment,
    policy: policyOf(registry, world, plan, rest),
    seed,
    count: world.count,
    groups: world.groups,
    autoreset: world.autoreset,
    totalSteps: totalSteps ?? null,
    checkpoint: checkpointOf(checkpoint),
  };
}

function checkpointOf(given: z.output<typeof RunSchema>["checkpoint"]): RunSpec["checkpoint"] {
  if (given === false) return { everyUpdates: null, everySeconds: null };
  const { everyUpdates = null, everySeconds = null } = given === true ? {} : given;
  return { everyUpdates, everySeconds: everySeconds ?? (everyUpdates === null ? USUAL_SECONDS : null) };
}

interface WorldSpec extends Pick<RunSpec, "environment" | "count" | "groups" | "autoreset"> {
  readonly observation: Space;
  readonly action: Space;
  readonly masked: boolean;
}

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

/** A space as it is written: bounds may stand once for all. */
export function parseSpace(raw: unknown, path: string): Space {
  const space = parseBy(SpaceSchema, raw, path);
  if (space.type === "discrete") {
    const { start, ...plain } = space;
    return start === undefined ? plain : { ...plain, start };
  }
  if (space.type !== "box") return space;
  refuseWide(space.shape, path);
  const [low, high] = (["low", "high"] as const).map((name) => {
    const given = space[name];
    const wanted = spaceSize({ ...space, low: [], high: [] });
    const all = typeof given === "number" ? new Array<number>(wanted).fill(given) : given;
    if (all.length === wanted) return all;
    throw new Fault("INVALID_PARAMS", `\`${path}.${name}\` does not fit the shape`, {
      violations: [
        {
          path: `${path}.${name}`,
          message: "wrong length",
          expected: `1 or ${wanted} numbers`,
          got: String(all.length),
        },
      ],
      hint: "give one bound for all numbers, or one for each, in C order",
    });
  }) as [number[], number[]];
  refuseEmpty(low, high, path);
  return { ...space, low, high };
}

/** Bounds between which no number lies. */
function refuseEmpty(low: readonly number[], high: readonly number[], path: string): void {
  const at = low.findIndex((least, index) => least > high[index]!);
  if (at < 0) return;
  throw new Fault("INVALID_PARAMS", `\`${path}\` holds nothing: its \`low\` lies above its \`high\``, {
    violations: [
      {
        path: `${path}.low`,
        message: `above \`high\` at ${at}`,
        expected: `at most ${high[at]}`,
        got: String(low[at]),
      },
    ],
    hint: "are the two exchanged?",
  });
}

/** Of one observation or action: an image of 1024 × 1024 with four channels. */
const MOST_NUMBERS = 2 ** 22;

function refuseWide(shape: readonly number[], path: string): void {
  const numbers = shape.reduce((product, length) => product * length, 1);
  if (numbers <= MOST_NUMBERS) return;
  throw new Fault("LIMIT_EXCEEDED", `\`${path}.shape\` holds more numbers than a space may`, {
    violations: [
      {
        path: `${path}.shape`,
        message: "too large",
        expected: `at most ${MOST_NUMBERS} numbers`,
        got: String(numbers),
      },
    ],
    hint: "shrink pictures, or leave out what is not needed",
  });
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

const IMAGE_BACKBONE = {
  type: "cnn",
  blocks: [
    { channels: 16, pool: "none" },
    { channels: 32, pool: "none", strides: 2 },
  ],
  norm: "none",
  hidden: [128],
};
const USUAL_BACKBONE = { type: "mlp", hidden: [64, 64], activation: "tanh" };

function policyOf(
  registry: Registry,
  { observation, action, masked }: WorldSpec,
  plan: AlgorithmPlan,
  { backbone: rawBackbone, memory: rawMemory }: { readonly backbone?: unknown; readonly memory?: unknown },
): PolicySpec {
  const cell = cellOf(rawBackbone);
  const memory = cell ?? memoryOf(rawMemory);
  const isImage = observation.type === "box" && observation.shape.length >= 2;
  const usual = isImage ? IMAGE_BACKBONE : (plan.backbone ?? USUAL_BACKBONE);
  const backbone =
    cell !== null ? null : parseConfigured(registry.backbones, rawBackbone ?? usual, "backbone", usual.type);
  if (action.type === "box" && plan.squash) refuseUnbounded(action);
  return {
    observation,
    action,
    backbone,
    memory,
    sharedBackbone: memory !== null || (plan.sharedBackbone ?? backbone?.type === "cnn"),
    orthogonalInit: plan.orthogonalInit,
    ...(plan.form?.({ action, memory }) ?? usualForm(action, plan)),
    logStdInit: plan.logStdInit,
    masked,
    normaliser: isNormalisable(observation) ? plan.normaliser : null,
  };
}

function usualForm(action: Space, { squash }: AlgorithmPlan): Pick<PolicySpec, "distribution"> {
  if (action.type !== "box") return { distribution: "categorical" };
  return { distribution: squash ? "squashedGaussian" : "gaussian" };
}

/** A backbone that is a cell is a memory that reads observations as they are. */
function cellOf(raw: unknown): MemorySpec | null {
  const written = typeof raw === "string" ? { type: raw } : (raw as { type?: unknown } | null | undefined);
  const type = CELL_NAMES.find((name) => name === written?.type);
  return type === undefined ? null : toMemory(parseBy(MemorySchema, written, "backbone"));
}

function memoryOf(raw: unknown): MemorySpec | null {
  if (raw === undefined || raw === null || raw === false) return null;
  const written = raw === true ? {} : typeof raw === "string" ? { type: raw } : raw;
  return toMemory(parseBy(MemorySchema, written, "memory"));
}

const toMemory = ({ type, hidden, layers }: { type: CellName; hidden: number; layers: number }): MemorySpec => ({
  cell: type,
  hidden,
  layers,
});

function refuseUnbounded(action: Extract<Space, { type: "box" }>): void {
  const at = action.low.findIndex((low, index) => !Number.isFinite(low) || !Number.isFinite(action.high[index]!));
  if (at < 0) return;
  throw new Fault("INVALID_PARAMS", "actions without bounds cannot be squashed into them", {
    violations: [
      {
        path: "algorithm.squash",
        message: "the action space has no bounds",
        expected: "finite low and high",
        got: `${action.low[at]} to ${action.high[at]} at ${at}`,
      },
    ],
    hint: "leave `squash` out, or give the action space finite bounds",
  });
}
