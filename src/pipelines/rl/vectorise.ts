/**
 * @file From a world's own rules to a vectorised environment: seeding, resets, time limits, episode statistics, the check of
 * actions and snapshots are here, once, so that a world is its equations and nothing else.
 */
import { randomBytes } from "node:crypto";
import { Fault } from "../../engine/index.ts";
import { actionCheck } from "./actionCheck.ts";
import type { EnvironmentSetup, VectorEnvironment } from "./environment.ts";
import { createPcg64, PCG64_WORDS, type Pcg64 } from "./pcg64.ts";
import { choicesOf, type Space, spaceSize } from "./spaces.ts";

/** What a world writes to, for all copies. */
export interface Stage {
  readonly count: number;
  /** One a copy. */
  readonly random: readonly Pcg64[];
  /** [count, size of an observation] */
  readonly observations: Float32Array;
  /** [count]: a world sets 1 where an episode has ended; the frame clears it. */
  readonly terminated: Uint8Array;
  /** [count, sum of choices], 1 where a choice is allowed; empty unless the rules say `masks`. */
  readonly mask: Uint8Array;
  /** [count], whose move it is; empty unless the rules say `turns`. */
  readonly turn: Uint8Array;
}

/** One world's way to begin and to go on, copy by copy. */
export interface World {
  /** Draws a first state; writes its observation, and mask and turn where there are any. */
  begin(copy: number): void;
  /** One step; writes observation (and mask, turn, `terminated`). @param actions of all copies. @returns the reward. */
  move(copy: number, actions: Float32Array | Int32Array): number;
  /** Everything that a copy remembers from step to step, beside what lies on the stage. */
  readonly state: readonly (Float64Array | Float32Array | Int32Array | Uint8Array)[];
}

export interface Rules {
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  /** Whether some choices are not allowed at times. */
  readonly masks?: boolean;
  /** Whether two players move in turn. */
  readonly turns?: boolean;
  create(stage: Stage): World;
}

/** @throws INVALID_PARAMS unless at least one copy is wanted. */
export function vectorise(
  rules: Rules,
  setup: EnvironmentSetup & { maxEpisodeSteps: number | null },
): VectorEnvironment {
  const { observationSpace, actionSpace } = rules;
  const { count, autoreset } = setup;
  if (!Number.isSafeInteger(count) || count < 1) throw badCount(count);
  const size = spaceSize(observationSpace);
  const choices = (choicesOf(actionSpace) ?? []).reduce((sum, n) => sum + n, 0);

  const words = new Uint32Array(count * PCG64_WORDS);
  const stage: Stage = {
    count,
    random: Array.from({ length: count }, (_, copy) =>
      createPcg64(words.subarray(copy * PCG64_WORDS, (copy + 1) * PCG64_WORDS)),
    ),
    observations: new Float32Array(count * size),
    terminated: new Uint8Array(count),
    mask: new Uint8Array(rules.masks ? count * choices : 0).fill(1),
    turn: new Uint8Array(rules.turns ? count : 0),
  };
  const { observations, terminated, random } = stage;
  const rewards = new Float64Array(count);
  const truncated = new Uint8Array(count);
  const finalObservations = new Float32Array(count * size);
  const episodeReturns = new Float64Array(count);
  const episodeLengths = new Int32Array(count);
  /** 1 where an episode has ended and the next one has not begun; at first, everywhere. */
  const ended = new Uint8Array(count).fill(1);
  const seeded = new Uint8Array(count);
  const world = rules.create(stage);
  const limit = setup.maxEpisodeSteps ?? Number.POSITIVE_INFINITY;
  const check = actionCheck(actionSpace, ended, autoreset === "nextStep" ? seeded : null);
  const own = [observations, rewards, terminated, truncated, finalObservations, episodeReturns, episodeLengths, ended];
  const kept = [...own, seeded, words, stage.mask, stage.turn, ...world.state];

  const begin = (copy: number): void => {
    ended[copy] = 0;
    world.begin(copy);
  };
  const clear = (copy: number): void => {
    rewards[copy] = 0;
    terminated[copy] = 0;
    truncated[copy] = 0;
    episodeReturns[copy] = 0;
    episodeLengths[copy] = 0;
  };

  return {
    count,
    observationSpace,
    actionSpace,
    autoreset,
    observations,
    rewards,
    terminated,
    truncated,
    finalObservations,
    episodeReturns,
    episodeLengths,
    ...(rules.masks ? { mask: stage.mask } : {}),
    ...(rules.turns ? { turn: stage.turn } : {}),
    reset(seed, which) {
      const seeds = seedsOf(seed, count);
      for (let copy = 0; copy < count; copy++) {
        if (which !== undefined && which[copy] !== 1) continue;
        if (seeds !== null) random[copy]!.seed(seeds[copy]!);
        else if (seeded[copy] === 0) random[copy]!.seed(randomBytes(6).readUIntLE(0, 6));
        seeded[copy] = 1;
        clear(copy);
        begin(copy);
      }
    },
    step(actions) {
      check(actions);
      for (let copy = 0; copy < count; copy++) {
        if (ended[copy] === 1) {
          clear(copy);
          begin(copy);
          continue;
        }
        // With `sameStep` the figures of the episode before stay to be read for one step.
        if (terminated[copy] === 1 || truncated[copy] === 1) clear(copy);
        const reward = world.move(copy, actions);
        rewards[copy] = reward;
        episodeReturns[copy]! += reward;
        const length = episodeLengths[copy]! + 1;
        episodeLengths[copy] = length;
        if (length >= limit) truncated[copy] = 1;
        if (terminated[copy] === 0 && truncated[copy] === 0) continue;
        if (autoreset !== "sameStep") {
          ended[copy] = 1;
          continue;
        }
        finalObservations.set(observations.subarray(copy * size, (copy + 1) * size), copy * size);
        begin(copy);
      }
    },
    snapshot: () => ({ count, arrays: kept.map((array) => array.slice()) }),
    restore(snapshot) {
      const { arrays } = checkSnapshot(snapshot, count, kept);
      for (const [index, array] of kept.entries()) array.set(arrays[index]!);
    },
  };
}

function badCount(count: unknown): Fault {
  return new Fault("INVALID_PARAMS", `an environment of ${String(count)} copies cannot be made`, {
    violations: [
      { path: "count", message: "not a number of copies", expected: "a whole number >= 1", got: String(count) },
    ],
    hint: "ask for at least one copy",
  });
}

/** Seed s is s, s + 1, … as Gymnasium's vector reset has it. */
function seedsOf(seed: number | readonly number[] | undefined, count: number): readonly number[] | null {
  if (seed === undefined) return null;
  const seeds = typeof seed === "number" ? Array.from({ length: count }, (_, copy) => seed + copy) : seed;
  if (seeds.length === count && seeds.every((each) => Number.isSafeInteger(each) && each >= 0)) return seeds;
  throw new Fault("INVALID_PARAMS", "`seed` does not fit the environment", {
    violations: [
      {
        path: "seed",
        message: seeds.length === count ? "not a seed" : "not one for each copy",
        expected: `a whole number >= 0, or ${count} of them`,
        got: String(seed),
      },
    ],
    hint: "give one seed: copy i then has seed + i",
  });
}

type Kept = readonly { readonly length: number }[];

function checkSnapshot(snapshot: unknown, count: number, kept: Kept): { arrays: readonly ArrayLike<number>[] } {
  const { count: theirs, arrays } = (snapshot ?? {}) as { count?: unknown; arrays?: unknown };
  const fits =
    theirs === count &&
    Array.isArray(arrays) &&
    arrays.length === kept.length &&
    arrays.every((array: unknown, index) => (array as { length?: unknown } | null)?.length === kept[index]!.length);
  if (fits) return { arrays: arrays as ArrayLike<number>[] };
  throw new Fault("CHECKPOINT_CORRUPT", "the snapshot is not one of this environment", {
    violations: [
      {
        path: "snapshot",
        message: "does not fit",
        expected: `${kept.length} arrays of ${count} copies`,
        got: String(theirs),
      },
    ],
    hint: "restore it to the environment, options and number of copies that it was taken from",
  });
}
