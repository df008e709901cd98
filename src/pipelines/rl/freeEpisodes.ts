/**
 * @file Episodes that begin and end when their host says, under names of its own: actions one by one, rewards that come late,
 * and segments to learn from as soon as they are whole.
 */
import { Fault, type NdArray } from "../../engine/index.ts";
import type { FreeChoice, FreeLearner, Learner, Metrics } from "./algorithm.ts";
import { maskWidth } from "./distributions.ts";
import { createNamedEpisodes } from "./episodeNames.ts";
import { addReward, type Episode, lengthOf, newEpisode, note, segmentOf } from "./episodeSteps.ts";
import { createEpisodes, type Episodes, RECENT } from "./episodes.ts";
import { createRate, figuresOf } from "./figures.ts";
import { memoryWidths } from "./policy.ts";
import { readFlags, readObservations, undeclaredMask } from "./received.ts";
import type { RunSpec } from "./runSpec.ts";
import { spaceSize } from "./spaces.ts";
import { createWatch, type Warning } from "./watch.ts";

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

const at = (field: string) => ({ field, group: 0 });

/** @param warn hears of trouble, each kind once */
export function createFreeEpisodes(
  { policy, algorithm }: RunSpec,
  learner: Learner,
  warn: (warning: Warning) => void,
): FreeEpisodes {
  const width = spaceSize(policy.observation);
  const choices = policy.masked ? maskWidth(policy.action) : 0;
  const widths = memoryWidths(policy);
  const cut = Number(algorithm.numSteps ?? RECENT);
  const named = createNamedEpisodes<Episode>();
  const episodes = createEpisodes(0, false);
  const watch = createWatch(policy, warn);
  const rate = createRate(learner);

  function learnerOf(): FreeLearner {
    if (learner.free !== undefined) return learner.free;
    throw new Fault("INVALID_STATE", `\`${algorithm.type}\` does not learn from single episodes`, {
      hint: "use `ppo`, or step whole environments with `rl.step`",
    });
  }

  /** Long episodes are learned in pieces: as late as can be, so that late rewards find their steps. */
  function handOn(episode: Episode, lastValue: number | null): void {
    while (episode.rewards.length > (lastValue === null ? 2 * cut : cut)) {
      learnerOf().take(segmentOf(policy, episode, cut, episode.values[cut]!));
    }
    if (lastValue !== null && episode.rewards.length > 0) {
      learnerOf().take(segmentOf(policy, episode, episode.rewards.length, lastValue));
    }
  }

  function read(sent: NdArray, rows: number): Float32Array {
    const observations = new Float32Array(rows * width);
    readObservations(at("observations"), sent, policy.observation, rows, observations);
    return observations;
  }

  function rowsOf(names: readonly string[], observations: Float32Array, mask: Uint8Array | null) {
    const count = names.length;
    const memory = widths.map((each) => new Float32Array(count * each));
    const starts = Uint8Array.from(names, (name) => Number(named.find(name) === undefined));
    for (const [row, name] of names.entries()) {
      const remembered = named.find(name)?.memory ?? [];
      for (const [index, each] of remembered.entries()) memory[index]!.set(each, row * widths[index]!);
    }
    return { count, observations, mask, memory, starts };
  }

  function worthOf(name: string, episode: Episode, last: NdArray | undefined): number {
    if (last === undefined) throw unseenEnd(name);
    const { values } = learnerOf().decide({
      count: 1,
      observations: read(last, 1),
      mask: null,
      memory: episode.memory,
      starts: new Uint8Array(1),
    });
    return values[0]!;
  }

  return {
    act(names, sent, sentMask) {
      const count = names.length;
      named.expect(names);
      const observations = read(sent, count);
      if (choices === 0 && sentMask !== undefined) throw undeclaredMask();
      const mask = sentMask === undefined ? null : new Uint8Array(count * choices);
      if (mask !== null) readFlags(at("mask"), sentMask!, count, choices, mask);
      const choice = learnerOf().decide(rowsOf(names, observations, mask));
      const steps = names.map((name, row) => {
        const episode = named.find(name) ?? newEpisode(policy);
        named.open(name, episode);
        note(policy, episode, choice, row, mask);
        handOn(episode, null);
        return lengthOf(episode) - 1;
      });
      return { choice, count, steps };
    },
    reward: (name, reward, step) => ({ step: addReward(name, named.get(name), reward, step) }),
    end(name, reward, isTruncated, last) {
      const episode = named.get(name);
      const lastValue = isTruncated ? worthOf(name, episode, last) : 0;
      if (reward !== undefined) addReward(name, episode, reward, undefined);
      const steps = lengthOf(episode);
      handOn(episode, lastValue);
      named.end(name);
      episodes.add(episode.total, steps);
      return { steps, return: episode.total };
    },
    get open() {
      return named.size;
    },
    episodes,
    told(latest) {
      watch.update(latest, episodes.recentSize);
      return figuresOf(latest, { learner, episodes, rate: rate() });
    },
  };
}

function unseenEnd(episode: string): Fault {
  return new Fault("INVALID_PARAMS", "`observations` is missing", {
    violations: [{ path: "observations", message: "is missing", expected: "what was seen last", got: "nothing" }],
    hint: "an episode that was cut short is worth what comes after it: send what was seen last, or `truncated: false`",
    context: { episode, field: "observations" },
  });
}
