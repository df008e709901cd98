/** @file Learning on the policy, as PPO and A2C do: all copies act until a rollout is full, and then it is learned, a piece at a time. */
import { initialWeights } from "../../model/network.ts";
import { openActing } from "../acting.ts";
import { estimateAdvantages } from "../advantages.ts";
import type { AlgorithmPlan, Learner, LearnerContext, LearnerState } from "../algorithm.ts";
import { distributionOf } from "../distributions.ts";
import { refuseTooLarge } from "../forecast.ts";
import { createNormaliser } from "../normalise.ts";
import { declarePolicy } from "../policy.ts";
import { learnerOf } from "../progress.ts";
import { newRollout, partOf, rolloutBytes } from "../rollout.ts";
import { spaceSize } from "../spaces.ts";
import { createFree } from "./freeSegments.ts";
import { openMinibatches } from "./minibatches.ts";
import { type Places, placesOf, restorePlaces, restoreTensors, saveTensors } from "./onPolicyState.ts";
import type { OnPolicyOptions, PpoOptions } from "./ppoOptions.ts";
import { updateState } from "./ppoUpdate.ts";
import { actGroup, beginGroup, type Group, type Grouped, newGroup, observeGroup } from "./rolloutGroup.ts";
import { type LearningProgress, openRolloutLearning } from "./rolloutLearning.ts";

type Planned =
  | "numEnvs"
  | "orthogonalInit"
  | "logStdInit"
  | "normaliseObservations"
  | "clipObservations"
  | "sharedBackbone"
  | "squash";

/** What of the options decides the policy's form. */
export function onPolicyPlan({
  numEnvs,
  orthogonalInit,
  logStdInit,
  normaliseObservations,
  clipObservations,
  sharedBackbone,
  squash,
}: Pick<PpoOptions, Planned>): AlgorithmPlan {
  return {
    numEnvs,
    orthogonalInit,
    logStdInit,
    normaliser: normaliseObservations ? { clip: clipObservations } : null,
    sharedBackbone: sharedBackbone ?? null,
    squash,
  };
}

/** Plain JSON. */
interface Progress extends LearningProgress, Places {
  /** Draws of actions. */
  acts: number;
}

/** The policy with first weights, its optimizer, and what it acts by. */
function openNetworks(context: LearnerContext, options: OnPolicyOptions) {
  const { registry, executor, policy, seed, count } = context;
  const leaves = declarePolicy(registry, policy, (scope, { parameters }) =>
    distributionOf(scope.child("actor"), policy.action, policy, parameters, null),
  );
  const state = updateState(executor, registry, leaves, options.optimizer);
  const first = context.weights ?? initialWeights(leaves, seed);
  for (const { path } of leaves) state.write(path, first[path]!);
  const actingOn = (rows: number) => openActing(executor, registry, { spec: policy, state, seed, count: rows });
  return { leaves, state, acting: actingOn(count), actingOn };
}

/** One rollout; two where groups take turns, so that one is filled while the other waits to be learned. */
function openRollouts({ policy, count, groups }: LearnerContext, { numSteps }: OnPolicyOptions) {
  const copies = count * groups;
  const sides = groups > 1 ? 2 : 1;
  refuseTooLarge("the rollout", sides * rolloutBytes(policy, numSteps * copies), {
    path: "algorithm.numSteps",
    hint: `lower \`numSteps\` (${numSteps}) or the number of environments (${copies})`,
  });
  return Array.from({ length: sides }, () => newRollout(policy, numSteps, copies));
}

const firstProgress = ({ behind = { steps: 0, updates: 0 } }: LearnerContext): Progress => ({
  ...behind,
  acts: 0,
  allMasked: 0,
  optimizerSteps: 0,
  update: null,
  groups: [],
  horizon: null,
});

/** How much better it went than was expected, for each step of a full rollout. */
function judge(groups: readonly Group[], side: number, options: OnPolicyOptions, count: number): void {
  for (const { parts } of groups) {
    const part = parts[side]!;
    estimateAdvantages(part, part.lastValues, part.advantages, { ...options, count });
    for (let row = 0; row < part.values.length; row++) part.returns[row] = part.advantages[row]! + part.values[row]!;
  }
}

/** All that a learner from rollouts consists of. */
function openParts(context: LearnerContext, options: OnPolicyOptions) {
  const { policy } = context;
  const copies = context.count * context.groups;
  const networks = openNetworks(context, options);
  const rollouts = openRollouts(context, options);
  const minibatches = openMinibatches({ ...context, state: networks.state }, options);
  const normaliser = createNormaliser(spaceSize(policy.observation), policy.normaliser);
  const progress = firstProgress(context);
  const shared: Grouped = { ...context, acting: networks.acting, normaliser, options, progress };
  const groups = Array.from({ length: context.groups }, (_, number) =>
    newGroup(
      shared,
      number,
      rollouts.map((rollout) => partOf(rollout, number, context.groups)),
    ),
  );
  const steps = options.numSteps * copies;
  const learning = openRolloutLearning(context, { minibatches, rollouts, progress, steps }, options);
  const free = createFree({
    policy,
    open: networks.actingOn,
    normaliser,
    progress,
    rollout: rollouts[0]!,
    copies,
    options,
    isBusy: () => progress.update !== null,
    begin(taken) {
      progress.steps += taken;
      learning.begin(0);
    },
  });
  return { ...networks, rollouts, minibatches, normaliser, progress, shared, groups, learning, free };
}

/** Acts in rollouts, and learns each in minibatches. */
export function createOnPolicy(context: LearnerContext, options: OnPolicyOptions): Learner {
  const { policy, count } = context;
  const parts = openParts(context, options);
  const { leaves, state, progress, shared, groups, learning, free } = parts;
  return learnerOf(progress, {
    policy,
    moments: parts.normaliser.moments,
    isPending: () => progress.update !== null,
    begin: (number, observations, mask) => beginGroup(shared, groups[number]!, observations, mask),
    act: (number) => actGroup(shared, groups[number]!),
    observe(number, outcome) {
      const side = observeGroup(shared, groups[number]!, outcome);
      progress.steps += count;
      if (side === null || !groups.every(({ full }) => full[side])) return;
      judge(groups, side, options, count);
      learning.begin(side);
    },
    advance() {
      const side = progress.update?.side;
      const figures = learning.advance();
      if (figures === null) return null;
      for (const { full } of groups) full[side!] = false;
      free.fill();
      return figures;
    },
    free,
    weights: () => Object.fromEntries(leaves.map(({ path }) => [path, state.read(path)])),
    save(): LearnerState {
      progress.groups = placesOf(groups);
      return { tensors: saveTensors(parts), progress: structuredClone(progress) };
    },
    restore({ tensors, progress: saved }) {
      restoreTensors(parts, tensors);
      Object.assign(progress, structuredClone(saved));
      restorePlaces(groups, progress.groups);
      // Where single episodes are learned, advantages were there from the first.
      if (progress.update !== null && groups.some(({ full }) => full.includes(true))) {
        judge(groups, progress.update.side, options, count);
      }
      learning.goOn();
    },
    release() {
      for (const each of [parts.acting, free, parts.minibatches, state]) each.release();
    },
  });
}
