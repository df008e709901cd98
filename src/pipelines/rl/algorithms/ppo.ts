/** @file Proximal policy optimization: acts in rollouts, then learns each in minibatches, a piece at a time. */
import { Fault, type NdArray } from "../../../engine/index.ts";
import { initialWeights } from "../../model/network.ts";
import { adam } from "../../optimizers/adam.ts";
import { defineAlgorithm } from "../../registry/define.ts";
import { type Acting, openActing } from "../acting.ts";
import { estimateAdvantages } from "../advantages.ts";
import type { Learner, LearnerContext, LearnerState, Metrics, Outcome } from "../algorithm.ts";
import { distributionOf, maskWidth } from "../distributions.ts";
import { refuseTooLarge } from "../forecast.ts";
import {
  addRows,
  momentTensors,
  newMoments,
  newRewardScaler,
  restoreMoments,
  scaleRewards,
  standardise,
} from "../normalise.ts";
import { declarePolicy, memoryWidths } from "../policy.ts";
import { newRollout, partOf, type Rollout, rolloutBytes } from "../rollout.ts";
import { choicesOf, spaceSize } from "../spaces.ts";
import { createFree } from "./freeSegments.ts";
import { openMinibatches } from "./minibatches.ts";
import { type OnPolicyOptions, PpoOptions } from "./ppoOptions.ts";
import { updateState } from "./ppoUpdate.ts";

export const ppo = defineAlgorithm({
  type: "ppo",
  description:
    "Proximal policy optimization with clipped ratios, for all kinds of actions, with masks and memory (Schulman et al. 2017)",
  options: PpoOptions,
  plan: ({ numEnvs, orthogonalInit, logStdInit, normaliseObservations, clipObservations, sharedBackbone, squash }) => ({
    numEnvs,
    orthogonalInit,
    logStdInit,
    normaliser: normaliseObservations ? { clip: clipObservations } : null,
    sharedBackbone: sharedBackbone ?? null,
    squash,
  }),
  create(context, { adamEpsilon: epsilon, ...options }) {
    const optimizer = { type: adam.type, ...adam.options.parse({ epsilon }) };
    return createOnPolicy(context, { ...options, optimizer, surrogate: "clipped" });
  },
});

/** A group of copies between two calls. */
interface Group {
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
  readonly scaler: ReturnType<typeof newRewardScaler> | null;
}

/** Where an update stands: plain JSON. */
interface Progress {
  steps: number;
  updates: number;
  /** Draws of actions. */
  acts: number;
  /** Choices of which none was allowed. */
  allMasked: number;
  /** Steps of the optimizer. */
  optimizerSteps: number;
  /** Of the update under way, null between two: epoch, minibatch, and what was summed up. */
  update: { side: number; epoch: number; minibatch: number; clipFractions: number; minibatches: number } | null;
  groups: { side: number; cursor: number; full: [boolean, boolean] }[];
}

/** Acts in rollouts, and learns each in minibatches. */
export function createOnPolicy(context: LearnerContext, options: OnPolicyOptions): Learner {
  const { registry, executor, policy, seed, count, groups: groupCount, autoreset } = context;
  const { numSteps } = options;
  const width = spaceSize(policy.observation);
  const masks = maskWidth(policy.action);
  const choices = choicesOf(policy.action) ?? [];
  const leaves = declarePolicy(registry, policy, (scope, { parameters }) =>
    distributionOf(scope.child("actor"), policy.action, policy, parameters, null),
  );
  const state = updateState(executor, registry, leaves, options.optimizer);
  const first = context.weights ?? initialWeights(leaves, seed);
  for (const { path } of leaves) state.write(path, first[path]!);

  const acting: Acting = openActing(executor, registry, { spec: policy, state, seed, count });
  const copies = count * groupCount;
  const sides = groupCount > 1 ? 2 : 1;
  refuseTooLarge("the rollout", sides * rolloutBytes(policy, numSteps * copies), {
    path: "algorithm.numSteps",
    hint: `lower \`numSteps\` (${numSteps}) or the number of environments (${copies})`,
  });
  const rollouts = Array.from({ length: sides }, () => newRollout(policy, numSteps, copies));
  const minibatches = openMinibatches({ ...context, state }, options);
  const moments = policy.normaliser === null ? null : newMoments(width);
  const clip = policy.normaliser?.clip ?? 0;
  const groups = Array.from({ length: groupCount }, (_, group) => newGroup(group));
  const progress: Progress = {
    steps: 0,
    updates: 0,
    acts: 0,
    allMasked: 0,
    optimizerSteps: 0,
    update: null,
    groups: [],
  };
  let horizon: Learner["horizon"] = null;

  function newGroup(group: number): Group {
    return {
      parts: rollouts.map((rollout) => partOf(rollout, group, groupCount)),
      side: 0,
      cursor: 0,
      observations: new Float32Array(count * width),
      mask: policy.masked ? new Uint8Array(count * masks).fill(1) : null,
      memory: memoryWidths(policy).map((size) => new Float32Array(count * size)),
      starts: new Uint8Array(count).fill(1),
      idle: new Uint8Array(count),
      full: [false, false],
      scaler: options.normaliseRewards ? newRewardScaler(count) : null,
    };
  }

  function see(group: Group, observations: ArrayLike<number>, mask: ArrayLike<number> | null): void {
    if (moments === null) copyInto(group.observations, observations);
    else {
      addRows(moments, observations, count);
      standardise(moments, observations, group.observations, clip);
    }
    if (group.mask === null) return;
    if (mask === null) group.mask.fill(1);
    else copyInto(group.mask, mask);
    progress.allMasked += blindRows(group.mask, choices);
  }

  /** What the group sees into the program, and the program run. */
  function decide(group: Group, number: number): void {
    acting.observations.set(group.observations);
    acting.mask?.set(group.mask!);
    acting.starts?.set(group.starts);
    copyAll(acting.memory, group.memory);
    acting.run(progress.acts, number);
  }

  /** V of the last observations, where episodes were cut short. */
  function bootstrap(group: Group, part: Rollout, row: number, final: ArrayLike<number>): void {
    if (moments === null) copyInto(acting.observations, final);
    else standardise(moments, final, acting.observations, clip);
    acting.mask?.fill(1);
    acting.starts?.fill(0);
    copyAll(acting.memory, group.memory);
    acting.run(progress.acts);
    for (let copy = 0; copy < count; copy++) {
      if (part.truncated[row + copy] === 1) part.bootstraps[row + copy] = acting.value[copy]!;
    }
  }

  function record(group: Group, part: Rollout): void {
    const row = group.cursor * count;
    part.observations.set(group.observations, row * width);
    (part.actions as Float32Array).set(acting.raw as Float32Array, row * spaceSize(policy.action));
    part.logProbs.set(acting.logProb, row);
    part.values.set(acting.value, row);
    part.starts.set(group.starts, row);
    if (part.mask !== null) part.mask.set(group.mask!, row * masks);
    for (let copy = 0; copy < count; copy++) part.counts[row + copy] = 1 - group.idle[copy]!;
    if (group.cursor > 0) takeLast(group, part, row - count);
    if (group.cursor === 0) copyAll(part.memory, group.memory);
    copyAll(group.memory, acting.remembered);
  }

  /** With `nextStep` the step after an episode's end sees its last observation: that value is what to bootstrap from. */
  function takeLast(group: Group, part: Rollout, row: number): void {
    for (let copy = 0; copy < count; copy++) {
      if (group.idle[copy] === 1) part.bootstraps[row + copy] = acting.value[copy]!;
    }
  }

  /** Episodes that the host gave up: cut short where they stand, before the action that nothing came of. */
  function cutShort(group: Group): void {
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
  function turn(group: Group, part: Rollout, row: number): void {
    for (let copy = 0; copy < count; copy++) {
      const ended = part.terminated[row + copy]! | part.truncated[row + copy]!;
      const wasIdle = group.idle[copy] === 1;
      group.starts[copy] = autoreset === "nextStep" ? Number(wasIdle) : ended;
      group.idle[copy] = autoreset === "nextStep" && !wasIdle ? ended : 0;
    }
  }

  function finishRollout(group: Group, part: Rollout, number: number): void {
    decide(group, number);
    part.lastValues.set(acting.value);
    takeLast(group, part, (numSteps - 1) * count);
    group.full[group.side] = true;
    const { side } = group;
    group.side = rollouts.length === 1 ? 0 : 1 - side;
    group.cursor = 0;
    if (groups.every(({ full }) => full[side])) beginUpdate(side);
  }

  function beginUpdate(side: number): void {
    progress.update = { side, epoch: 0, minibatch: 0, clipFractions: 0, minibatches: 0 };
    prepare(side);
  }

  function prepare(side: number): void {
    for (const { parts } of groups) {
      const part = parts[side]!;
      estimateAdvantages(part, part.lastValues, part.advantages, { ...options, count });
      for (let row = 0; row < part.values.length; row++) part.returns[row] = part.advantages[row]! + part.values[row]!;
    }
    minibatches.take(rollouts[side]!, seed, progress.updates);
  }

  /** What of the rates is left, 1 to 0, as it was when the rollout began. */
  function remaining(): number {
    if (horizon === null) return 1;
    const done = (progress.steps - numSteps * copies - horizon.from) / Math.max(1, horizon.to - horizon.from);
    return Math.min(1, Math.max(0, 1 - done));
  }

  const free = createFree({
    policy,
    open: (rows) => openActing(executor, registry, { spec: policy, state, seed, count: rows }),
    normalise: (from, into, rows) => {
      if (moments === null) return copyInto(into, from);
      addRows(moments, from, rows);
      standardise(moments, from, into, clip);
    },
    nextDraw: () => progress.acts++,
    rollout: rollouts[0]!,
    copies,
    options,
    isBusy: () => progress.update !== null,
    begin(taken) {
      progress.steps += taken;
      progress.update = { side: 0, epoch: 0, minibatch: 0, clipFractions: 0, minibatches: 0 };
      minibatches.take(rollouts[0]!, seed, progress.updates);
    },
  });

  function advance(): Metrics | null {
    const { update } = progress;
    if (update === null) return null;
    const left = remaining();
    const learningRate = options.learningRate * (options.annealLearningRate ? left : 1);
    const clipCoef = options.clipCoef * (options.annealClip ? left : 1);
    const figures = minibatches.run(update.epoch, update.minibatch, {
      step: ++progress.optimizerSteps,
      learningRate,
      clipCoef,
    });
    if (!Number.isFinite(figures.loss)) throw diverged(progress.updates + 1, options.learningRate);
    update.clipFractions += figures.clipFraction;
    update.minibatches++;
    if (++update.minibatch < minibatches.count) return null;
    update.minibatch = 0;
    const isTooFar = options.targetKl !== null && figures.approxKl > options.targetKl;
    if (++update.epoch < options.updateEpochs && !isTooFar) return null;
    for (const { full } of groups) full[update.side] = false;
    progress.updates++;
    progress.update = null;
    const explained = explainedVariance(rollouts[update.side]!);
    free.fill();
    return {
      "charts/learning_rate": learningRate,
      "losses/value_loss": figures.valueLoss,
      "losses/policy_loss": figures.policyLoss,
      "losses/entropy": figures.entropy,
      "losses/old_approx_kl": figures.oldApproxKl,
      "losses/approx_kl": figures.approxKl,
      "losses/clipfrac": update.clipFractions / update.minibatches,
      "losses/explained_variance": explained,
      ...(progress.allMasked === 0 ? {} : { "charts/all_masked": progress.allMasked }),
    };
  }

  return {
    policy,
    moments,
    get steps() {
      return progress.steps;
    },
    get updates() {
      return progress.updates;
    },
    get horizon() {
      return horizon;
    },
    set horizon(next) {
      horizon = next;
    },
    get pending() {
      return progress.update !== null;
    },
    begin(number, observations, mask) {
      const group = groups[number]!;
      cutShort(group);
      group.starts.fill(1);
      group.idle.fill(0);
      see(group, observations, mask);
    },
    act(number) {
      const group = groups[number]!;
      decide(group, number);
      progress.acts++;
      record(group, group.parts[group.side]!);
      return acting.applied;
    },
    observe(number, outcome: Outcome) {
      const group = groups[number]!;
      const part = group.parts[group.side]!;
      if (group.cursor === numSteps - 1 && rollouts.length > 1 && group.full[1 - group.side]) throw tooFarAhead(number);
      const row = group.cursor * count;
      let isCut = 0;
      for (let copy = 0; copy < count; copy++) {
        part.rewards[row + copy] = outcome.rewards[copy]!;
        part.terminated[row + copy] = outcome.terminated[copy]!;
        isCut |= part.truncated[row + copy] = outcome.truncated[copy]!;
      }
      if (group.scaler !== null) {
        const [rewards, ended] = [part.rewards, part.terminated].map((all) => all.subarray(row, row + count));
        const { gamma, clipRewards } = options;
        scaleRewards(group.scaler, rewards as Float32Array, ended as Uint8Array, { gamma, clip: clipRewards });
      }
      if (isCut === 1 && outcome.finalObservations !== null) bootstrap(group, part, row, outcome.finalObservations);
      see(group, outcome.observations, outcome.mask);
      turn(group, part, row);
      progress.steps += count;
      if (++group.cursor === numSteps) finishRollout(group, part, number);
    },
    advance,
    free,
    weights: () => Object.fromEntries(leaves.map(({ path }) => [path, state.read(path)])),
    save,
    restore,
    release() {
      acting.release();
      free.release();
      minibatches.release();
      state.release();
    },
  };

  function save(): LearnerState {
    const tensors: Record<string, NdArray> = {};
    for (const path of Object.keys(state.types)) tensors[`state.${path}`] = state.read(path);
    for (const [name, array] of liveArrays()) tensors[name] = flat(array.slice() as never);
    if (moments !== null) Object.assign(tensors, momentTensors("moments", moments));
    groups.forEach(({ scaler }, index) => {
      if (scaler !== null) Object.assign(tensors, momentTensors(`rewards.${index}`, scaler.moments));
    });
    progress.groups = groups.map(({ side, cursor, full }) => ({ side, cursor, full: [...full] as [boolean, boolean] }));
    return { tensors, progress: structuredClone({ ...progress, horizon }) };
  }

  /** Everything in memory that the next step depends on, by name. */
  function* liveArrays(): Generator<readonly [string, Float32Array | Float64Array | Int32Array | Uint8Array]> {
    for (const [side, rollout] of rollouts.entries()) {
      for (const [name, value] of Object.entries(rollout)) {
        if (value === null) continue;
        if (Array.isArray(value))
          for (const [index, each] of value.entries()) yield [`rollouts.${side}.${name}.${index}`, each];
        else yield [`rollouts.${side}.${name}`, value];
      }
    }
    for (const [index, group] of groups.entries()) {
      for (const name of ["observations", "mask", "starts", "idle"] as const) {
        const value = group[name];
        if (value !== null) yield [`groups.${index}.${name}`, value];
      }
      for (const [place, memory] of group.memory.entries()) yield [`groups.${index}.memory.${place}`, memory];
      if (group.scaler !== null) yield [`groups.${index}.returns`, group.scaler.returns];
    }
  }

  function restore({ tensors, progress: saved }: LearnerState): void {
    for (const path of Object.keys(state.types)) state.write(path, tensors[`state.${path}`]!);
    for (const [name, array] of liveArrays()) array.set(tensors[name]!.data as never);
    if (moments !== null) restoreMoments("moments", moments, tensors);
    groups.forEach(({ scaler }, index) => {
      if (scaler !== null) restoreMoments(`rewards.${index}`, scaler.moments, tensors);
    });
    const { horizon: savedHorizon, ...rest } = structuredClone(saved) as Progress & Pick<Learner, "horizon">;
    Object.assign(progress, rest);
    horizon = savedHorizon;
    groups.forEach((group, index) => {
      const { side, cursor, full } = progress.groups[index]!;
      Object.assign(group, { side, cursor });
      group.full[0] = full[0];
      group.full[1] = full[1];
    });
    // Where single episodes are learned, advantages were there from the first.
    if (progress.update !== null) {
      if (groups.some(({ full }) => full.includes(true))) prepare(progress.update.side);
      else minibatches.take(rollouts[0]!, seed, progress.updates);
    }
  }
}

function copyInto(into: Float32Array | Uint8Array, from: ArrayLike<number>): void {
  if (ArrayBuffer.isView(from)) into.set(from as never);
  else for (let index = 0; index < into.length; index++) into[index] = from[index]!;
}

/** How often nothing may be chosen. */
function blindRows(mask: Uint8Array, choices: readonly number[]): number {
  let blind = 0;
  for (let at = 0; at < mask.length; ) {
    for (const count of choices) {
      let allowed = 0;
      for (const end = at + count; at < end; at++) allowed += mask[at]!;
      if (allowed === 0) blind++;
    }
  }
  return blind;
}

function copyAll(into: readonly Float32Array[], from: readonly Float32Array[]): void {
  for (const [index, each] of from.entries()) into[index]!.set(each);
}

const DTYPE_OF = new Map<unknown, NdArray["dtype"]>([
  [Float32Array, "F32"],
  [Float64Array, "F64"],
  [Int32Array, "I32"],
  [Uint8Array, "U8"],
]);

const flat = (data: NdArray["data"]): NdArray => ({
  dtype: DTYPE_OF.get(data.constructor)!,
  shape: [data.length],
  data,
});

/** 1 − Var(returns − values) / Var(returns), over what counts. */
function explainedVariance({ returns, values, counts }: Rollout): number {
  const variance = (of: (row: number) => number): number => {
    let [total, sum] = [0, 0];
    for (let row = 0; row < counts.length; row++) {
      total += counts[row]!;
      sum += counts[row]! * of(row);
    }
    let squares = 0;
    for (let row = 0; row < counts.length; row++) squares += counts[row]! * (of(row) - sum / total) ** 2;
    return squares / total;
  };
  const all = variance((row) => returns[row]!);
  return all === 0 ? Number.NaN : 1 - variance((row) => returns[row]! - values[row]!) / all;
}

function diverged(update: number, learningRate: number): Fault {
  return new Fault("DIVERGED", `the loss is not a finite number in update ${update}`, {
    violations: [{ path: "algorithm.learningRate", message: "perhaps too large", got: String(learningRate) }],
    hint: "lower the learning rate, or look at the size of rewards and observations: `normaliseRewards`, `normaliseObservations`",
    context: { update, learningRate },
  });
}

function tooFarAhead(group: number): Fault {
  return new Fault("INVALID_STATE", `group ${group} is a whole rollout ahead of another group`, {
    violations: [{ path: "group", message: "too far ahead", got: String(group) }],
    hint: "step the groups in turn",
  });
}
