/**
 * @file A group of copies and its part of the rollout: what it saw and did, what came of it, and what of that is no transition or
 * was cut short, whichever way its environments begin anew.
 */
import { Fault } from "../../../engine/index.ts";
import type { Acting } from "../acting.ts";
import type { Outcome } from "../algorithm.ts";
import { maskWidth } from "../distributions.ts";
import type { AutoresetMode } from "../environment.ts";
import { blindChoices } from "../masks.ts";
import { type Normaliser, newRewardScaler, type RewardScaler, scaleRewards } from "../normalise.ts";
import { memoryWidths, type PolicySpec } from "../policy.ts";
import type { Rollout } from "../rollout.ts";
import { copyAll, copyInto } from "../rows.ts";
import { choicesOf, spaceSize } from "../spaces.ts";
import type { OnPolicyOptions } from "./ppoOptions.ts";

/** A group of copies between two calls. */
export interface Group {
  readonly number: number;
  /** Its parts of the two rollouts. */
  readonly parts: readonly Rollout[];
  /** Which of them it fills, and how many steps that one has. */
  side: number;
  cursor: number;
  /** What it saw last, normalised. */
  readonly observations: Float32Array;
  readonly mask: Uint8Array | null;
  readonly memory: readonly Float32Array[];
  /** 1 where an episode begins with what was seen last; where that begins no transition. */
  readonly starts: Uint8Array;
  readonly idle: Uint8Array;
  /** Sides that are full and wait for the other groups. */
  readonly full: [boolean, boolean];
  readonly scaler: RewardScaler | null;
}

/** What all groups of a learner share. */
export interface Grouped {
  readonly policy: PolicySpec;
  readonly count: number;
  readonly autoreset: AutoresetMode;
  readonly acting: Acting;
  readonly normaliser: Normaliser;
  readonly options: Pick<OnPolicyOptions, "numSteps" | "gamma" | "normaliseRewards" | "clipRewards">;
  /** Draws of actions so far, and choices of which none was allowed. */
  readonly progress: { acts: number; allMasked: number };
}

export function newGroup({ policy, count, options }: Grouped, number: number, parts: readonly Rollout[]): Group {
  return {
    number,
    parts,
    side: 0,
    cursor: 0,
    observations: new Float32Array(count * spaceSize(policy.observation)),
    mask: policy.masked ? new Uint8Array(count * maskWidth(policy.action)).fill(1) : null,
    memory: memoryWidths(policy).map((size) => new Float32Array(count * size)),
    starts: new Uint8Array(count).fill(1),
    idle: new Uint8Array(count),
    full: [false, false],
    scaler: options.normaliseRewards ? newRewardScaler(count) : null,
  };
}

/** All episodes begin with what is seen now; those under way were given up. */
export function beginGroup(
  shared: Grouped,
  group: Group,
  observations: ArrayLike<number>,
  mask: ArrayLike<number> | null,
): void {
  cutShort(shared, group);
  group.starts.fill(1);
  group.idle.fill(0);
  see(shared, group, observations, mask);
}

/** Actions for what was seen last, noted in the rollout. @returns as the environment takes them */
export function actGroup(shared: Grouped, group: Group): Int32Array | Float32Array {
  const { policy, acting, progress } = shared;
  decide(shared, group);
  progress.acts++;
  if (group.mask !== null) progress.allMasked += blindChoices(group.mask, choicesOf(policy.action) ?? [], group.idle);
  record(shared, group);
  return acting.applied;
}

/**
 * What came of the last actions, noted in the rollout.
 * @returns the side that is full with it; null for none
 * @throws INVALID_STATE when the group is a rollout ahead of others
 */
export function observeGroup(shared: Grouped, group: Group, outcome: Outcome): number | null {
  const { count, options } = shared;
  const { parts, side, cursor, scaler, full } = group;
  if (cursor === options.numSteps - 1 && parts.length > 1 && full[1 - side]) throw tooFarAhead(group.number);
  const part = parts[side]!;
  const row = cursor * count;
  let isCut = 0;
  for (let copy = 0; copy < count; copy++) {
    part.rewards[row + copy] = outcome.rewards[copy]!;
    part.terminated[row + copy] = outcome.terminated[copy]!;
    isCut |= part.truncated[row + copy] = outcome.truncated[copy]!;
  }
  if (scaler !== null) {
    const rewards = part.rewards.subarray(row, row + count);
    const { gamma, clipRewards: clip } = options;
    scaleRewards(scaler, rewards, part.terminated.subarray(row, row + count), { gamma, clip });
  }
  if (isCut === 1 && outcome.finalObservations !== null) bootstrap(shared, group, row, outcome.finalObservations);
  see(shared, group, outcome.observations, outcome.mask);
  turn(shared, group, row);
  return ++group.cursor === options.numSteps ? finish(shared, group) : null;
}

function see(
  { normaliser, count }: Grouped,
  group: Group,
  observations: ArrayLike<number>,
  mask: ArrayLike<number> | null,
): void {
  normaliser.take(observations, group.observations, count);
  if (group.mask === null) return;
  if (mask === null) group.mask.fill(1);
  else copyInto(group.mask, mask);
}

/** What the group sees into the program, and the program run. */
function decide({ acting, progress }: Grouped, group: Group): void {
  acting.observations.set(group.observations);
  acting.mask?.set(group.mask!);
  acting.starts?.set(group.starts);
  copyAll(acting.memory, group.memory);
  acting.run(progress.acts, group.number);
}

function record({ policy, acting, count }: Grouped, group: Group): void {
  const part = group.parts[group.side]!;
  const row = group.cursor * count;
  part.observations.set(group.observations, row * spaceSize(policy.observation));
  (part.actions as Float32Array).set(acting.raw as Float32Array, row * spaceSize(policy.action));
  part.logProbs.set(acting.logProb, row);
  part.values.set(acting.value, row);
  part.starts.set(group.starts, row);
  if (part.mask !== null) part.mask.set(group.mask!, row * maskWidth(policy.action));
  for (let copy = 0; copy < count; copy++) part.counts[row + copy] = 1 - group.idle[copy]!;
  if (group.cursor > 0) takeLast(group, part, row - count, acting.value);
  else copyAll(part.memory, group.memory);
  copyAll(group.memory, acting.remembered);
}

/** With `nextStep` the step after an episode's end sees its last observation: that value is what to bootstrap from. */
function takeLast({ idle }: Group, part: Rollout, row: number, values: Float32Array): void {
  for (let copy = 0; copy < idle.length; copy++) if (idle[copy] === 1) part.bootstraps[row + copy] = values[copy]!;
}

/** V of the last observations, where episodes were cut short. */
function bootstrap(
  { acting, normaliser, progress, count }: Grouped,
  group: Group,
  row: number,
  final: ArrayLike<number>,
): void {
  const part = group.parts[group.side]!;
  normaliser.look(final, acting.observations);
  acting.mask?.fill(1);
  acting.starts?.fill(0);
  copyAll(acting.memory, group.memory);
  acting.run(progress.acts);
  for (let copy = 0; copy < count; copy++) {
    if (part.truncated[row + copy] === 1) part.bootstraps[row + copy] = acting.value[copy]!;
  }
}

/** Episodes that the host gave up: cut short where they stand, before the action that nothing came of. */
function cutShort({ count }: Grouped, group: Group): void {
  const part = group.parts[group.side]!;
  if (group.cursor === 0) return;
  const row = (group.cursor - 1) * count;
  for (let copy = 0; copy < count; copy++) {
    if (part.terminated[row + copy] === 1 || part.truncated[row + copy] === 1) continue;
    part.truncated[row + copy] = 1;
    part.bootstraps[row + copy] = part.values[row + count + copy]!;
  }
}

/** Which copies begin an episode with what they see now, and which only will at the next step. */
function turn({ autoreset, count }: Grouped, group: Group, row: number): void {
  const part = group.parts[group.side]!;
  for (let copy = 0; copy < count; copy++) {
    const ended = part.terminated[row + copy]! | part.truncated[row + copy]!;
    const wasIdle = group.idle[copy] === 1;
    group.starts[copy] = autoreset === "nextStep" ? Number(wasIdle) : ended;
    group.idle[copy] = autoreset === "nextStep" && !wasIdle ? ended : 0;
  }
}

/** What is expected after the last step; the group goes on with its other part, where there is one. @returns the full side */
function finish(shared: Grouped, group: Group): number {
  const { acting, count, options } = shared;
  const { side, parts } = group;
  const part = parts[side]!;
  decide(shared, group);
  part.lastValues.set(acting.value);
  takeLast(group, part, (options.numSteps - 1) * count, acting.value);
  group.full[side] = true;
  group.side = parts.length === 1 ? 0 : 1 - side;
  group.cursor = 0;
  return side;
}

function tooFarAhead(group: number): Fault {
  return new Fault("INVALID_STATE", `group ${group} is a whole rollout ahead of another group`, {
    violations: [{ path: "group", message: "too far ahead", got: String(group) }],
    hint: "step the groups in turn",
  });
}
