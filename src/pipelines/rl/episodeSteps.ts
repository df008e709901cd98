/** @file One episode that its host begins and ends: its steps until they are learned, rewards that come late, and segments of it. */
import { Fault } from "../../engine/index.ts";
import type { FreeChoice, Segment } from "./algorithm.ts";
import { maskWidth } from "./distributions.ts";
import { memoryWidths, type PolicySpec } from "./policy.ts";
import { spaceSize } from "./spaces.ts";

/** An episode under way: what of it has not been handed on to be learned. */
export interface Episode {
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

export const newEpisode = (policy: PolicySpec): Episode => ({
  observations: [],
  actions: [],
  logProbs: [],
  values: [],
  rewards: [],
  mask: [],
  memories: [],
  memory: memoryWidths(policy).map((width) => new Float32Array(width)),
  learned: 0,
  total: 0,
});

/** Steps so far. */
export const lengthOf = ({ learned, rewards }: Episode): number => learned + rewards.length;

const choicesIn = ({ masked, action }: PolicySpec): number => (masked ? maskWidth(action) : 0);

/** Row `row` of what was decided, as the episode's next step. @param mask [rows, choices]; null: all was allowed */
export function note(
  policy: PolicySpec,
  episode: Episode,
  choice: FreeChoice,
  row: number,
  mask: Uint8Array | null,
): void {
  const [width, size, choices] = [spaceSize(policy.observation), spaceSize(policy.action), choicesIn(policy)];
  const widths = memoryWidths(policy);
  for (let at = 0; at < width; at++) episode.observations.push(choice.seen[row * width + at]!);
  for (let at = 0; at < size; at++) episode.actions.push(choice.raw[row * size + at]!);
  for (let at = 0; at < choices; at++) episode.mask.push(mask === null ? 1 : mask[row * choices + at]!);
  episode.logProbs.push(choice.logProbs[row]!);
  episode.values.push(choice.values[row]!);
  episode.rewards.push(0);
  episode.memories.push(episode.memory);
  episode.memory = choice.memory.map((all, index) => all.slice(row * widths[index]!, (row + 1) * widths[index]!));
}

/**
 * Adds to the reward of a step, the last one where none is named.
 * @returns the step
 * @throws NON_FINITE, INVALID_PARAMS for a step that is not there yet, INVALID_STATE for one that was learned from
 */
export function addReward(name: string, episode: Episode, reward: number, step: number | undefined): number {
  const last = lengthOf(episode) - 1;
  const at = step ?? last;
  // As networks see it: what is too large for that is not finite there.
  if (!Number.isFinite(Math.fround(reward))) throw impossible(name, "NON_FINITE", "reward", "a finite number", reward);
  if (at > last) throw impossible(name, "INVALID_PARAMS", "step", `at most ${last}`, at);
  if (at < episode.learned) {
    const expected = `at least ${episode.learned}: those before were learned from already`;
    throw impossible(name, "INVALID_STATE", "step", expected, at);
  }
  const sum = episode.rewards[at - episode.learned]! + reward;
  if (!Number.isFinite(Math.fround(sum))) throw impossible(name, "NON_FINITE", "reward", "a finite sum", sum);
  episode.rewards[at - episode.learned] = sum;
  episode.total += reward;
  return at;
}

const HINTS = {
  step: "steps count from 0; `policy.act` answers which one each action is",
  reward: "divide rewards by their usual size: networks compute in single precision",
} as const;

function impossible(
  name: string,
  reason: "NON_FINITE" | "INVALID_PARAMS" | "INVALID_STATE",
  field: keyof typeof HINTS,
  expected: string,
  got: number,
): Fault {
  return new Fault(reason, `episode ${JSON.stringify(name)}: \`${field}\` cannot be ${got}`, {
    violations: [{ path: field, message: "not possible", expected, got: String(got) }],
    hint: HINTS[field],
    context: { episode: name, field },
  });
}

/** The first `length` steps, with all that belongs to them; they are the episode's no longer. */
export function segmentOf(policy: PolicySpec, episode: Episode, length: number, lastValue: number): Segment {
  const choices = choicesIn(policy);
  const { learned } = episode;
  episode.learned += length;
  return {
    length,
    observations: episode.observations.splice(0, length * spaceSize(policy.observation)),
    actions: episode.actions.splice(0, length * spaceSize(policy.action)),
    logProbs: episode.logProbs.splice(0, length),
    values: episode.values.splice(0, length),
    rewards: episode.rewards.splice(0, length),
    mask: choices === 0 ? null : episode.mask.splice(0, length * choices),
    isStart: learned === 0,
    memory: episode.memories.splice(0, length)[0]!,
    lastValue,
  };
}
