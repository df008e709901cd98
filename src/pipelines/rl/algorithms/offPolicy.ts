/**
 * @file What DQN, SAC and TD3 share: acting by chance at first, keeping what came of it, and learning pieces of what was kept.
 * Everything that is drawn is drawn from the seed and a counter, so that a learner that is put back goes on to the same bits.
 */
import { Fault, type NdArray } from "../../../engine/index.ts";
import { createSampleRandom, type RandomStream } from "../../random.ts";
import type { Learner, LearnerContext, LearnerState, Metrics, Outcome } from "../algorithm.ts";
import { maskWidth } from "../distributions.ts";
import { refuseTooLarge } from "../forecast.ts";
import { type Batch, createReplay, type ReplayShape } from "../replay.ts";
import { createSteps, type Steps } from "../replaySteps.ts";
import { spaceSize } from "../spaces.ts";
import type { Networks } from "./networks.ts";
import type { OffPolicyOptions } from "./offPolicyOptions.ts";

/** What a group sees, and when. */
export interface Sight {
  readonly group: number;
  readonly observations: Float32Array;
  readonly mask: Uint8Array | null;
  /** Environment steps so far, and calls of `act`. */
  readonly steps: number;
  readonly acts: number;
  /** Whether it is too early to ask the policy. */
  readonly isWarmingUp: boolean;
  readonly horizon: Learner["horizon"];
  readonly random: RandomStream;
}

/** Where learning stands. */
export interface LearningMoment {
  /** Updates before this one, and pieces of it that are done. */
  readonly update: number;
  readonly piece: number;
  /** Environment steps so far. */
  readonly steps: number;
  /** Whether no other update is due before the next step. */
  readonly isLast: boolean;
}

/** What tells the methods apart. */
export interface Method {
  readonly networks: Networks;
  readonly batch: Batch;
  /** Whether transitions that surprise are drawn more often: how much, and how that is made up for, from `beta` to 1. */
  readonly priorities: { readonly alpha: number; readonly beta: number } | null;
  /** [count, size of an action]: what is kept of actions, and what the environment takes; written by `choose`. */
  readonly chosen: Float32Array | Int32Array;
  readonly applied: Float32Array | Int32Array;
  choose(sight: Sight): void;
  /** Programs that the update of this number (from 0) takes, on one batch. */
  pieces(update: number): number;
  /** Runs one of them. @returns figures under CleanRL's names; their means are told. */
  learn(moment: LearningMoment): Readonly<Record<string, number>>;
  /** [batch]: how wrong each row was, after the first piece. */
  readonly errors: Float32Array | null;
  /** Figures that have no mean. */
  tell?(sight: Pick<Sight, "steps" | "horizon">): Metrics;
  release(): void;
}

interface Group {
  readonly observations: Float32Array;
  readonly mask: Uint8Array | null;
  /** 1 where the next step begins an episode and is no transition. */
  readonly idle: Uint8Array;
  readonly steps: Steps;
}

/** Plain JSON. */
interface Progress {
  steps: number;
  acts: number;
  updates: number;
  /** Steps since the last update was due, updates that are due, and pieces that are done of the one under way. */
  waiting: number;
  due: number;
  piece: number;
  /** Figures since they were last told. */
  sums: Record<string, number>;
  counts: Record<string, number>;
}

/** Draws of one seed, told apart. */
const [ACTIONS, BATCHES] = [0x616374, 0x626174];
/** Updates whose means are told at once. */
const TOLD_UPDATES = 100;

export function createOffPolicy(context: LearnerContext, options: OffPolicyOptions, method: Method): Learner {
  const { policy, seed, count, groups: groupCount, autoreset } = context;
  const [width, size] = [spaceSize(policy.observation), spaceSize(policy.action)];
  const masks = policy.masked ? maskWidth(policy.action) : 0;
  const shape: ReplayShape = {
    capacity: options.bufferSize,
    observation: width,
    action: size,
    mask: masks,
    choices: policy.action.type !== "box",
    alpha: method.priorities?.alpha ?? null,
  };
  refuseTooLarge("the replay buffer", options.bufferSize * (4 * (2 * width + size + 2) + masks), {
    path: "algorithm.bufferSize",
    hint: `lower \`bufferSize\` (${options.bufferSize})`,
  });
  const replay = createReplay(shape);
  const groups = Array.from({ length: groupCount }, newGroup);
  const progress: Progress = { steps: 0, acts: 0, updates: 0, waiting: 0, due: 0, piece: 0, sums: {}, counts: {} };
  let horizon: Learner["horizon"] = null;

  function newGroup(): Group {
    return {
      observations: new Float32Array(count * width),
      mask: masks > 0 ? new Uint8Array(count * masks).fill(1) : null,
      idle: new Uint8Array(count),
      steps: createSteps(replay, {
        count,
        steps: options.nStep,
        gamma: options.gamma,
        observation: width,
        action: size,
      }),
    };
  }

  function see(group: Group, observations: ArrayLike<number>, mask: ArrayLike<number> | null): void {
    copyInto(group.observations, observations);
    if (group.mask === null) return;
    if (mask === null) group.mask.fill(1);
    else copyInto(group.mask, mask);
  }

  /** How far the training is, 0 to 1. */
  function share(): number {
    if (horizon === null) return 0;
    return Math.min(1, Math.max(0, (progress.steps - horizon.from) / Math.max(1, horizon.to - horizon.from)));
  }

  function owe(): void {
    if (progress.steps <= options.learningStarts || replay.size === 0) return;
    progress.waiting += count;
    while (progress.waiting >= options.trainFrequency) {
      progress.waiting -= options.trainFrequency;
      progress.due += options.gradientSteps;
    }
  }

  function advance(): Metrics | null {
    if (progress.due === 0) return null;
    const { updates, piece } = progress;
    const beta = method.priorities === null ? 0 : method.priorities.beta + (1 - method.priorities.beta) * share();
    // Drawn again for each piece: a learner that was put back between two pieces has no batch.
    replay.draw(method.batch, createSampleRandom(seed, updates, 0, BATCHES), beta);
    const figures = method.learn({ update: updates, piece, steps: progress.steps, isLast: progress.due === 1 });
    for (const [name, figure] of Object.entries(figures)) {
      if (!Number.isFinite(figure)) throw diverged(updates + 1, name);
      progress.sums[name] = (progress.sums[name] ?? 0) + figure;
      progress.counts[name] = (progress.counts[name] ?? 0) + 1;
    }
    if (++progress.piece < method.pieces(updates)) return null;
    if (method.errors !== null) replay.surprise(method.errors);
    progress.piece = 0;
    progress.due--;
    progress.updates++;
    return progress.updates % TOLD_UPDATES === 0 ? told() : null;
  }

  function told(): Metrics {
    const means = Object.entries(progress.sums).map(([name, sum]) => [name, sum / progress.counts[name]!]);
    progress.sums = {};
    progress.counts = {};
    return { ...Object.fromEntries(means), ...method.tell?.({ steps: progress.steps, horizon }) };
  }

  return {
    policy,
    moments: null,
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
      return progress.due > 0;
    },
    begin(number, observations, mask) {
      const group = groups[number]!;
      group.idle.fill(0);
      for (let copy = 0; copy < count; copy++) group.steps.drop(copy);
      see(group, observations, mask);
    },
    act(number) {
      const { observations, mask, idle, steps } = groups[number]!;
      const random = createSampleRandom(seed, progress.acts, number, ACTIONS);
      const isWarmingUp = progress.steps < options.learningStarts;
      method.choose({ ...progress, group: number, observations, mask, isWarmingUp, horizon, random });
      progress.acts++;
      for (let copy = 0; copy < count; copy++) if (idle[copy] === 0) steps.begin(copy, observations, method.chosen);
      return method.applied;
    },
    observe(number, { rewards, terminated, truncated, observations, finalObservations, mask }: Outcome) {
      const group = groups[number]!;
      for (let copy = 0; copy < count; copy++) {
        const wasIdle = group.idle[copy] === 1;
        const isOver = terminated[copy] === 1 || truncated[copy] === 1;
        group.idle[copy] = autoreset === "nextStep" && !wasIdle && isOver ? 1 : 0;
        if (wasIdle) continue;
        group.steps.end(copy, {
          reward: rewards[copy]!,
          terminated: terminated[copy] === 1,
          truncated: truncated[copy] === 1,
          next: isOver && finalObservations !== null ? finalObservations : observations,
          mask,
        });
      }
      see(group, observations, mask);
      progress.steps += count;
      owe();
    },
    advance,
    weights: () => method.networks.weights(),
    save,
    restore,
    release: () => method.release(),
  };

  function save(): LearnerState {
    const tensors: Record<string, NdArray> = {
      ...prefixed("state", method.networks.read()),
      ...prefixed("replay", replay.save()),
    };
    for (const [index, { observations, mask, idle, steps }] of groups.entries()) {
      const own: Record<string, NdArray> = {
        ...prefixed("steps", steps.save()),
        observations: { dtype: "F32", shape: [observations.length], data: observations.slice() },
        idle: { dtype: "U8", shape: [count], data: idle.slice() },
        ...(mask === null ? {} : { mask: { dtype: "U8", shape: [mask.length], data: mask.slice() } }),
      };
      Object.assign(tensors, prefixed(`groups.${index}`, own));
    }
    return { tensors, progress: structuredClone({ ...progress, horizon }) };
  }

  function restore({ tensors, progress: saved }: LearnerState): void {
    method.networks.write(below("state", tensors));
    replay.restore(below("replay", tensors));
    for (const [index, { observations, mask, idle, steps }] of groups.entries()) {
      const own = below(`groups.${index}`, tensors);
      steps.restore(below("steps", own));
      observations.set(own.observations!.data as Float32Array);
      idle.set(own.idle!.data as Uint8Array);
      mask?.set(own.mask!.data as Uint8Array);
    }
    const { horizon: savedHorizon, ...rest } = structuredClone(saved) as Progress & Pick<Learner, "horizon">;
    Object.assign(progress, rest);
    horizon = savedHorizon;
  }
}

type Tensors = Readonly<Record<string, NdArray>>;

const prefixed = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));

const below = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(`${prefix}.`))
      .map(([name, tensor]) => [name.slice(prefix.length + 1), tensor]),
  );

function copyInto(into: Float32Array | Uint8Array, from: ArrayLike<number>): void {
  for (let index = 0; index < into.length; index++) into[index] = from[index]!;
}

function diverged(update: number, figure: string): Fault {
  return new Fault("DIVERGED", `\`${figure}\` is not a finite number in update ${update}`, {
    violations: [{ path: "algorithm.learningRate", message: "perhaps too large", got: figure }],
    hint: "lower the learning rate, or scale rewards and observations",
    context: { update },
  });
}
