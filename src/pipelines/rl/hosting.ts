/** @file Learning in environments that the host steps: what it saw goes in, what it is to do next comes out, a group at a time. */
import { Fault, type NdArray } from "../../engine/index.ts";
import type { Learner, Metrics } from "./algorithm.ts";
import { maskWidth } from "./distributions.ts";
import { createEpisodes, type Episodes } from "./episodes.ts";
import { createRate, figuresOf } from "./figures.ts";
import { missing, readFlags, readObservations, readRewards, undeclaredMask } from "./received.ts";
import type { RunSpec } from "./runSpec.ts";
import { spaceSize } from "./spaces.ts";
import { createWatch, type Warning } from "./watch.ts";

/** One vector step as the host tells it. */
export interface HostStep {
  readonly group: number;
  /** What is seen now. */
  readonly observations: NdArray;
  /** What the last actions led to; all left out with the first step, and with `reset`. */
  readonly rewards?: NdArray | undefined;
  readonly terminated?: NdArray | undefined;
  readonly truncated?: NdArray | undefined;
  readonly finalObservations?: NdArray | undefined;
  /** What may be chosen now. */
  readonly mask?: NdArray | undefined;
  /** All episodes of the group begin anew: what the last actions led to will not be told. */
  readonly reset?: boolean | undefined;
}

export interface HostAnswer {
  /** [count, ...]: a view that holds until the next step. */
  readonly actions: NdArray;
  /** Figures of the update that this step led to; null for none. */
  readonly update: Metrics | null;
}

export interface Hosting {
  /** @throws SHAPE_MISMATCH, NON_FINITE, INVALID_PARAMS that name field and environment; nothing has changed then. */
  step(given: HostStep): HostAnswer;
  readonly episodes: Episodes;
  save(): unknown;
  restore(saved: unknown): void;
}

interface HostGroup {
  readonly observations: Float32Array;
  readonly finalObservations: Float32Array;
  readonly rewards: Float64Array;
  readonly terminated: Uint8Array;
  readonly truncated: Uint8Array;
  readonly mask: Uint8Array | null;
  hasBegun: boolean;
}

/** @param warn hears of trouble, each kind once */
export function createHosting(spec: RunSpec, learner: Learner, warn: (warning: Warning) => void): Hosting {
  const { count, groups: groupCount, autoreset, policy } = spec;
  const width = spaceSize(policy.observation);
  const masks = maskWidth(policy.action);
  const episodes = createEpisodes(count * groupCount, autoreset === "nextStep");
  const watch = createWatch(policy, warn);
  const rate = createRate(learner);
  const groups = Array.from(
    { length: groupCount },
    (): HostGroup => ({
      observations: new Float32Array(count * width),
      finalObservations: new Float32Array(count * width),
      rewards: new Float64Array(count),
      terminated: new Uint8Array(count),
      truncated: new Uint8Array(count),
      mask: policy.masked ? new Uint8Array(count * masks) : null,
      hasBegun: false,
    }),
  );

  function groupOf(number: number): HostGroup {
    const group = groups[number];
    if (group !== undefined) return group;
    throw new Fault("NOT_FOUND", `there is no group ${number}`, {
      violations: [
        {
          path: "group",
          message: "unknown",
          expected: groupCount === 1 ? "0" : `0 to ${groupCount - 1}`,
          got: String(number),
        },
      ],
      hint: "`environment.groups` of `rl.create` says how many there are",
      context: { group: number, field: "group" },
    });
  }

  /** Everything that was sent, checked and put where the learner reads it; nothing else changes. */
  function read(group: HostGroup, given: HostStep, isFirst: boolean): void {
    const at = (field: string) => ({ field, group: given.group });
    readObservations(at("observations"), given.observations, policy.observation, count, group.observations);
    if (group.mask === null && given.mask !== undefined) throw undeclaredMask();
    if (group.mask !== null) {
      if (given.mask === undefined) group.mask.fill(1);
      else readFlags(at("mask"), given.mask, count, masks, group.mask);
    }
    if (isFirst) return;
    const { rewards, terminated, truncated, finalObservations } = given;
    const why = "each step but a group's first says what its last actions led to; `reset` begins anew";
    if (rewards === undefined) throw missing(at("rewards"), `[${count}] numbers`, why);
    readRewards(at("rewards"), rewards, count, group.rewards);
    for (const [field, flags] of [
      ["terminated", terminated],
      ["truncated", truncated],
    ] as const) {
      if (flags === undefined) throw missing(at(field), `[${count}] flags`, why);
      readFlags(at(field), flags, count, 1, group[field]);
    }
    if (finalObservations !== undefined) {
      readObservations(at("finalObservations"), finalObservations, policy.observation, count, group.finalObservations);
    } else if (autoreset !== "nextStep" && group.truncated.includes(1)) {
      const expected = `the last observations of environments that were cut short (${group.truncated.indexOf(1)})`;
      throw missing(
        at("finalObservations"),
        expected,
        "values are bootstrapped from them; other rows may hold anything finite",
      );
    }
  }

  function observe(number: number, group: HostGroup): void {
    const { rewards, terminated, truncated, observations, mask } = group;
    const finalObservations = autoreset === "nextStep" ? null : group.finalObservations;
    learner.observe(number, { rewards, terminated, truncated, observations, finalObservations, mask });
    episodes.step(number * count, rewards, terminated, truncated);
  }

  function learn(): Metrics | null {
    let latest: Metrics | null = null;
    while (learner.pending) latest = learner.advance() ?? latest;
    if (latest === null) return null;
    watch.update(latest, episodes.recentSize);
    return figuresOf(latest, { learner, episodes, rate: rate() });
  }

  return {
    episodes,
    step(given) {
      const group = groupOf(given.group);
      const isFirst = !group.hasBegun || given.reset === true;
      read(group, given, isFirst);
      if (isFirst) learner.begin(given.group, group.observations, group.mask);
      else observe(given.group, group);
      group.hasBegun = true;
      const update = learn();
      return { actions: actionArray(learner.act(given.group), spec), update };
    },
    save: () => ({ begun: groups.map(({ hasBegun }) => hasBegun), episodes: episodes.save() }),
    restore(saved) {
      // Whatever the host's environments do now, they did not wait: each group begins anew.
      episodes.restore((saved as { episodes: unknown }).episodes);
    },
  };
}

/** Actions [count, size] as the space shapes them. */
export function actionArray(
  data: Int32Array | Float32Array,
  { policy: { action }, count }: Pick<RunSpec, "policy" | "count">,
): NdArray {
  const dtype = data instanceof Float32Array ? "F32" : "I32";
  const own = action.type === "box" ? action.shape : action.type === "discrete" ? [] : [spaceSize(action)];
  return { dtype, shape: [count, ...own], data };
}
