/** @file A policy at work without learning: whole episodes of an environment inside, and how they went. */
import { Fault } from "../../engine/index.ts";
import { parseConfigured } from "../registry/parse.ts";
import { standardise } from "./normalise.ts";
import { type PlayContext, playerOf } from "./play.ts";
import { memoryWidths } from "./policy.ts";
import { momentsOf, type PolicyModel } from "./policyRecord.ts";
import { type InsideSpec, makeEnvironment } from "./worldSpec.ts";

export interface PlayWishes {
  readonly environment: InsideSpec;
  readonly episodes: number;
  readonly isGreedy: boolean;
  readonly seed: number;
  /** Called between steps; throws to give up. */
  look(): void;
}

/** The same as a host asks for it. @param environment a name, or an object with options; null: where it learned */
export function playEpisodes(
  context: PlayContext,
  {
    environment,
    episodes,
    deterministic,
    seed,
    look,
  }: {
    readonly environment: unknown;
    readonly episodes: number;
    readonly deterministic: boolean;
    readonly seed: number;
    look(): void;
  },
): PlayScores {
  const { registry, record } = context;
  const own = record.policy.environment;
  if (environment === null && own.type === "host") {
    throw new Fault("INVALID_PARAMS", "the policy learned in its host's environment, which is not here", {
      violations: [
        { path: "environment", message: "is missing", expected: "an environment of the catalog", got: "nothing" },
      ],
      hint: "name one inside with the same spaces, or play episodes with `policy.act`",
    });
  }
  const { maxEpisodeSteps, ...given } = (
    typeof environment === "string" ? { type: environment } : (environment ?? own)
  ) as InsideSpec;
  const configured = parseConfigured(registry.environments, given, "environment", given.type);
  const chosen = maxEpisodeSteps === undefined ? configured : { ...configured, maxEpisodeSteps };
  return evaluatePolicy(context, { environment: chosen, episodes, isGreedy: deterministic, seed, look });
}

export interface PlayScores {
  readonly episodes: number;
  readonly meanReturn: number;
  readonly standardDeviation: number;
  readonly minReturn: number;
  readonly maxReturn: number;
  readonly meanLength: number;
  readonly returns: readonly number[];
}

const MOST_COPIES = 100;

/** Plays whole episodes: copy i plays the same number of them as the others, so that short ones do not count more. */
function evaluatePolicy(context: PlayContext, wishes: PlayWishes): PlayScores {
  const { registry, record } = context;
  const { spec, moments } = record.policy;
  const count = Math.min(wishes.episodes, MOST_COPIES);
  const world = makeEnvironment(registry, wishes.environment, count, "sameStep");
  refuseOtherSpaces(record, world);
  const acting = playerOf(context, count, wishes.isGreedy, wishes.seed);
  const memory = memoryWidths(spec).map((width) => new Float32Array(count * width));
  const own = moments === null ? null : momentsOf(moments);
  const starts = new Uint8Array(count).fill(1);
  const played = new Int32Array(count);
  const wanted = Int32Array.from({ length: count }, (_, copy) => Math.ceil((wishes.episodes - copy) / count));
  const [returns, lengths]: [number[], number[]] = [[], []];
  world.reset(wishes.seed);
  for (let step = 0; returns.length < wishes.episodes; step++) {
    wishes.look();
    if (own === null || spec.normaliser === null) acting.observations.set(world.observations);
    else standardise(own, world.observations, acting.observations, spec.normaliser.clip);
    acting.mask?.set(world.mask!);
    acting.starts?.set(starts);
    for (const [index, each] of memory.entries()) acting.memory[index]!.set(each);
    acting.run(step);
    for (const [index, each] of memory.entries()) each.set(acting.remembered[index]!);
    world.step(acting.applied);
    for (let copy = 0; copy < count; copy++) {
      starts[copy] = world.terminated[copy]! | world.truncated[copy]!;
      if (starts[copy] === 0 || played[copy]! >= wanted[copy]!) continue;
      played[copy]!++;
      returns.push(world.episodeReturns[copy]!);
      lengths.push(world.episodeLengths[copy]!);
    }
  }
  return scoresOf(returns, lengths);
}

function scoresOf(returns: readonly number[], lengths: readonly number[]): PlayScores {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanReturn = mean(returns);
  return {
    episodes: returns.length,
    meanReturn,
    standardDeviation: Math.sqrt(mean(returns.map((value) => (value - meanReturn) ** 2))),
    minReturn: Math.min(...returns),
    maxReturn: Math.max(...returns),
    meanLength: mean(lengths),
    returns,
  };
}

function refuseOtherSpaces(
  { policy: { spec } }: PolicyModel,
  world: { readonly observationSpace: unknown; readonly actionSpace: unknown; readonly mask?: Uint8Array },
): void {
  for (const [name, own, theirs] of [
    ["observation", spec.observation, world.observationSpace],
    ["action", spec.action, world.actionSpace],
  ] as const) {
    const [expected, got] = [own, theirs].map((space) => JSON.stringify(space));
    if (expected === got) continue;
    throw new Fault("SHAPE_MISMATCH", `the policy's ${name} space is not this environment's`, {
      violations: [{ path: "environment", message: `another ${name} space`, expected: expected!, got: got! }],
      hint: "evaluate it in the environment that it learned, or in one with the same spaces",
    });
  }
}
