/**
 * @file Episodes that begin and end when their host says, under names of its own: actions one by one, rewards that come late,
 * and segments to learn from as soon as they are whole.
 */
import { Fault, type NdArray } from "../../engine/index.ts";
import type { FreeChoice, FreeLearner, Learner, Metrics, Segment } from "./algorithm.ts";
import { maskWidth } from "./distributions.ts";
import { createEpisodes, type Episodes, RECENT } from "./episodes.ts";
import { createRate, figuresOf } from "./figures.ts";
import { memoryWidths } from "./policy.ts";
import { readFlags, readObservations } from "./received.ts";
import type { RunSpec } from "./runSpec.ts";
import { spaceSize } from "./spaces.ts";
import { createWatch, type Warning } from "./watch.ts";

/** An episode under way: what of it has not been handed on to be learned. */
interface Episode {
  observations: number[];
  actions: number[];
  logProbs: number[];
  values: number[];
  rewards: number[];
  mask: number[];
  /** Before each step. */
  memories: Float32Array[][];
  /** After the last. */
  memory: Float32Array[];
  /** Steps that were handed on. */
  learned: number;
  total: number;
}

export interface Acted {
  readonly choice: FreeChoice;
  readonly count: number;
  /** Which step of its episode each row is, from 0. */
  readonly steps: readonly number[];
}

export interface Ended {
  readonly steps: number;
  readonly return: number;
}

export interface FreeEpisodes {
  act(names: readonly string[], observations: NdArray, mask: NdArray | undefined): Acted;
  /** Adds to the reward of a step, the last one where none is named. */
  reward(name: string, reward: number, step: number | undefined): { readonly step: number };
  /** @param last what was seen last, where the episode was cut short; it is then bootstrapped. */
  end(name: string, reward: number | undefined, isTruncated: boolean, last: NdArray | undefined): Ended;
  readonly open: number;
  /** Those that have ended. */
  readonly episodes: Episodes;
  /** Figures of an update, with those of the episodes. */
  told(latest: Metrics): Metrics;
}

const MOST_OPEN = 65_536;
/** Names of episodes that have ended are remembered, so that one asked again is refused. */
const MOST_REMEMBERED = 65_536;

/** @param warn hears of trouble, each kind once */
export function createFreeEpisodes(
  { policy, algorithm }: RunSpec,
  learner: Learner,
  warn: (warning: Warning) => void,
): FreeEpisodes {
  const { free } = learner;
  const width = spaceSize(policy.observation);
  const size = spaceSize(policy.action);
  const choices = policy.masked ? maskWidth(policy.action) : 0;
  const widths = memoryWidths(policy);
  const cut = Number(algorithm.numSteps ?? RECENT);
  const open = new Map<string, Episode>();
  const over = new Set<string>();
  const episodes = createEpisodes(0, false);
  const watch = createWatch(policy, warn);
  const rate = createRate(learner);

  function learnerOf(): FreeLearner {
    if (free !== undefined) return free;
    throw new Fault("INVALID_STATE", `\`${algorithm.type}\` does not learn from single episodes`, {
      hint: "use `ppo`, or step whole environments with `rl.step`",
    });
  }

  function episodeOf(name: string): Episode {
    const episode = open.get(name);
    if (episode !== undefined) return episode;
    const hasEnded = over.has(name);
    throw new Fault(
      hasEnded ? "INVALID_STATE" : "NOT_FOUND",
      `episode ${JSON.stringify(name)} ${hasEnded ? "has ended" : "has not begun"}`,
      {
        violations: [
          { path: "episode", message: hasEnded ? "ended" : "unknown", expected: "an episode under way", got: name },
        ],
        hint: hasEnded ? "begin another under a new name" : "an episode begins with its first `policy.act`",
        context: { episode: name, field: "episode" },
      },
    );
  }

  function refuseNames(names: readonly string[]): void {
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    const again = names.find((name) => over.has(name));
    if (twice !== undefined || again !== undefined) {
      const name = twice ?? again!;
      const index = names.indexOf(name);
      throw new Fault(
        twice === undefined ? "INVALID_STATE" : "INVALID_PARAMS",
        `episode ${JSON.stringify(name)} ${twice === undefined ? "has ended" : "stands twice"}`,
        {
          violations: [
            {
              path: `episodes[${index}]`,
              message: twice === undefined ? "ended" : "named twice",
              expected: "each episode once, and none that has ended",
              got: name,
            },
          ],
          hint: twice === undefined ? "begin another under a new name" : "send one observation for each episode",
          context: { environment: index, field: "episodes", episode: name },
        },
      );
    }
    const fresh = names.filter((name) => !open.has(name)).length;
    if (open.size + fresh <= MOST_OPEN) return;
    throw new Fault("LIMIT_EXCEEDED", `more than ${MOST_OPEN} episodes would be under way`, {
      hint: "end those that are over with `policy.end`",
    });
  }

  /** The first `length` steps, with all that belongs to them; they are the episode's no longer. */
  function segmentOf(episode: Episode, length: number, lastValue: number): Segment {
    const { learned, memories } = episode;
    episode.learned += length;
    return {
      length,
      observations: episode.observations.splice(0, length * width),
      actions: episode.actions.splice(0, length * size),
      logProbs: episode.logProbs.splice(0, length),
      values: episode.values.splice(0, length),
      rewards: episode.rewards.splice(0, length),
      mask: choices === 0 ? null : episode.mask.splice(0, length * choices),
      isStart: learned === 0,
      memory: memories.splice(0, length)[0]!,
      lastValue,
    };
  }

  /** Long episodes are learned in pieces: as late as can be, so that late rewards find their steps. */
  function handOn(episode: Episode, lastValue: number | null): void {
    while (episode.rewards.length > (lastValue === null ? 2 * cut : cut)) {
      learnerOf().take(segmentOf(episode, cut, episode.values[cut]!));
    }
    if (lastValue !== null && episode.rewards.length > 0) {
      learnerOf().take(segmentOf(episode, episode.rewards.length, lastValue));
    }
  }

  function rowsOf(names: readonly string[], observations: Float32Array, mask: Uint8Array | null) {
    const count = names.length;
    const memory = widths.map((each) => new Float32Array(count * each));
    const starts = Uint8Array.from(names, (name) => Number(!open.has(name)));
    for (const [row, name] of names.entries()) {
      const episode = open.get(name);
      if (episode === undefined) continue;
      for (const [index, each] of memory.entries()) each.set(episode.memory[index]!, row * widths[index]!);
    }
    return { count, observations, mask, memory, starts };
  }

  function note(episode: Episode, choice: FreeChoice, row: number, mask: Uint8Array | null): void {
    for (let at = 0; at < width; at++) episode.observations.push(choice.seen[row * width + at]!);
    for (let at = 0; at < size; at++) episode.actions.push(choice.raw[row * size + at]!);
    for (let at = 0; at < choices; at++) episode.mask.push(mask === null ? 1 : mask[row * choices + at]!);
    episode.logProbs.push(choice.logProbs[row]!);
    episode.values.push(choice.values[row]!);
    episode.rewards.push(0);
    episode.memories.push(episode.memory);
    episode.memory = choice.memory.map((all, index) => all.slice(row * widths[index]!, (row + 1) * widths[index]!));
  }

  const newEpisode = (): Episode => ({
    observations: [],
    actions: [],
    logProbs: [],
    values: [],
    rewards: [],
    mask: [],
    memories: [],
    memory: widths.map((each) => new Float32Array(each)),
    learned: 0,
    total: 0,
  });

  function add(name: string, episode: Episode, reward: number, step: number | undefined): number {
    const last = episode.learned + episode.rewards.length - 1;
    const at = step ?? last;
    const problem = !Number.isFinite(reward)
      ? (["NON_FINITE", "reward", "a finite number", String(reward)] as const)
      : at > last
        ? (["INVALID_PARAMS", "step", `at most ${last}`, String(at)] as const)
        : at < episode.learned
          ? ([
              "INVALID_STATE",
              "step",
              `at least ${episode.learned}: those before were learned from already`,
              String(at),
            ] as const)
          : null;
    if (problem !== null) {
      const [reason, field, expected, got] = problem;
      throw new Fault(reason, `episode ${JSON.stringify(name)}: \`${field}\` cannot be ${got}`, {
        violations: [{ path: field, message: "not possible", expected, got }],
        hint: "steps count from 0; `policy.act` answers which one each action is",
        context: { episode: name, field },
      });
    }
    episode.rewards[at - episode.learned]! += reward;
    episode.total += reward;
    return at;
  }

  function worthOf(name: string, episode: Episode, last: NdArray | undefined): number {
    if (last === undefined) {
      throw new Fault("INVALID_PARAMS", "`observations` is missing", {
        violations: [{ path: "observations", message: "is missing", expected: "what was seen last", got: "nothing" }],
        hint: "an episode that was cut short is worth what comes after it: send what was seen last, or `truncated: false`",
        context: { episode: name, field: "observations" },
      });
    }
    const seen = new Float32Array(width);
    readObservations({ field: "observations", group: 0 }, last, policy.observation, 1, seen);
    return learnerOf().decide({
      count: 1,
      observations: seen,
      mask: null,
      memory: episode.memory,
      starts: new Uint8Array(1),
    }).values[0]!;
  }

  return {
    act(names, sent, sentMask) {
      const count = names.length;
      refuseNames(names);
      const observations = new Float32Array(count * width);
      readObservations({ field: "observations", group: 0 }, sent, policy.observation, count, observations);
      const mask = choices === 0 || sentMask === undefined ? null : new Uint8Array(count * choices);
      if (mask !== null) readFlags({ field: "mask", group: 0 }, sentMask!, count, choices, mask);
      const choice = learnerOf().decide(rowsOf(names, observations, mask));
      const steps = names.map((name, row) => {
        const episode = open.get(name) ?? newEpisode();
        open.set(name, episode);
        note(episode, choice, row, mask);
        handOn(episode, null);
        return episode.learned + episode.rewards.length - 1;
      });
      return { choice, count, steps };
    },
    reward: (name, reward, step) => ({ step: add(name, episodeOf(name), reward, step) }),
    end(name, reward, isTruncated, last) {
      const episode = episodeOf(name);
      const lastValue = isTruncated ? worthOf(name, episode, last) : 0;
      if (reward !== undefined) add(name, episode, reward, undefined);
      const steps = episode.learned + episode.rewards.length;
      handOn(episode, lastValue);
      open.delete(name);
      over.add(name);
      if (over.size > MOST_REMEMBERED) over.delete(over.values().next().value!);
      episodes.add(episode.total, steps);
      return { steps, return: episode.total };
    },
    get open() {
      return open.size;
    },
    episodes,
    told(latest) {
      watch.update(latest, episodes.recentReturn);
      return figuresOf(latest, { learner, episodes, rate: rate() });
    },
  };
}
