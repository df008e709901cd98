/** @file Deep Q-networks: learn what each action is worth, do what is worth most, now and then something else. */
import { z } from "zod";
import { Fault } from "../../../engine/index.ts";
import { runWhole } from "../../model/whole.ts";
import { defineAlgorithm } from "../../registry/define.ts";
import { parseConfigured } from "../../registry/parse.ts";
import { openActing } from "../acting.ts";
import type { LearnerContext } from "../algorithm.ts";
import { maskWidth } from "../distributions.ts";
import { declarePolicy, type PolicySpec } from "../policy.ts";
import { partOfWhole } from "../progress.ts";
import { spaceSize } from "../spaces.ts";
import { type DqnUpdate, traceDqn } from "./dqnUpdate.ts";
import { scalarWriter, slotsOf } from "./improve.ts";
import type { Method, Sight } from "./method.ts";
import { openNetworks } from "./networks.ts";
import { createOffPolicy } from "./offPolicy.ts";
import { offPolicyOptions, offPolicyPlan } from "./offPolicyOptions.ts";
import { gradientNorm, learningRate, share, count as wholeNumber } from "./optionTypes.ts";

const DqnOptions = z.object({
  ...offPolicyOptions({
    bufferSize: 10_000,
    learningStarts: 10_000,
    batchSize: 128,
    trainFrequency: 10,
    tau: 1,
  }),
  targetNetworkFrequency: wholeNumber(100_000_000)
    .default(500)
    .describe(
      "Steps, over all copies, between two moves of the target network; it moves after the training that follows",
    ),
  learningRate: learningRate("Length of the optimizer's steps").default(2.5e-4),
  startE: share.default(1).describe("Share of actions at random in the beginning"),
  endE: share.default(0.05).describe("Share of actions at random once exploration is over"),
  explorationFraction: share
    .default(0.5)
    .describe("Part of the training over which the share falls; of 100,000 steps where no end is known"),
  doubleQ: z.boolean().default(true).describe("Whether the learned network chooses what the target network judges"),
  dueling: z
    .boolean()
    .default(false)
    .describe("Whether worth is learned as that of what is seen plus each action's advantage"),
  prioritised: z.boolean().default(false).describe("Whether transitions that surprise are learned more often"),
  alpha: share.default(0.6).describe("With `prioritised`: how much surprise counts"),
  beta: share.default(0.4).describe("With `prioritised`: how far that is made up for at first; 1 at the end"),
  loss: z.enum(["mse", "huber"]).default("mse").describe("Of the error of what actions are worth"),
  maxGradNorm: gradientNorm(null),
});

type DqnOptions = z.output<typeof DqnOptions>;

export const dqn = defineAlgorithm({
  type: "dqn",
  description:
    "Deep Q-learning for one choice a step, with masks; double, dueling, prioritised, over n steps as wanted (Mnih et al. 2015). Defaults are CleanRL's, for 500,000 steps: CartPole-v1 then reached 500 of 500 from each of four seeds (CleanRL publishes 488.7 ± 16.1 for its own), and 441 to 499 in 200,000; with `nStep` 3 it was 500 there, too",
  options: DqnOptions,
  plan: ({ numEnvs, dueling }) =>
    offPolicyPlan({
      numEnvs,
      sharedBackbone: true,
      backbone: { type: "mlp", hidden: [120, 84], activation: "relu" },
      form: (policy) => formOf(policy, dueling),
    }),
  create: (context, options) => createOffPolicy(context, options, createDqn(context, options)),
});

/** @throws INVALID_PARAMS for several choices at once, and for a memory */
function formOf({ action, memory }: Pick<PolicySpec, "action" | "memory">, dueling: boolean) {
  if (action.type === "discrete" && memory === null) {
    return { distribution: "greedy", critic: dueling ? "dueling" : "none" } as const;
  }
  throw new Fault("INVALID_PARAMS", "`dqn` learns one choice a step, from what it sees then", {
    violations: [
      action.type === "discrete"
        ? { path: "memory", message: "not with this algorithm", expected: "none", got: "a memory" }
        : { path: "environment.action", message: "not with this algorithm", expected: "discrete", got: action.type },
    ],
    hint: "choose `ppo`, or for a box `sac`",
  });
}

/** What the exploring falls over where nobody says how long the training is. */
const USUAL_STEPS = 100_000;

function createDqn(context: LearnerContext, options: DqnOptions): Method {
  const { registry, executor, policy, seed, count } = context;
  const optimizer = parseConfigured(
    registry.optimizers,
    { type: options.optimizer, learningRate: options.learningRate },
    "algorithm.optimizer",
    "adam",
  );
  const leaves = declarePolicy(registry, policy, () => {});
  const trainable = leaves.filter((leaf) => leaf.trainable);
  const networks = openNetworks(context, {
    policy: leaves,
    others: [],
    followed: leaves,
    slots: slotsOf(registry, optimizer, trainable),
  });
  const shape: DqnUpdate = { ...options, isWeighted: options.prioritised, optimizer };
  const program = networks.compile(traceDqn(registry, policy, shape));
  const acting = openActing(executor, registry, { spec: policy, state: networks.state, seed, count, isGreedy: true });
  const setScalars = scalarWriter(registry, optimizer, "q", program.inputs as never);
  const { inputs, outputs } = program;
  const choices = maskWidth(policy.action);
  const start = policy.action.type === "discrete" ? (policy.action.start ?? 0) : 0;
  const chosen = new Int32Array(count * spaceSize(policy.action));
  const applied = new Int32Array(chosen.length);

  function chanceAt({ steps, horizon }: Pick<Sight, "steps" | "horizon">): number {
    const { from, to } = horizon ?? { from: 0, to: USUAL_STEPS };
    const length = options.explorationFraction * (to - from);
    const done = length <= 0 ? 1 : partOfWhole(steps - from, length);
    return options.startE + (options.endE - options.startE) * done;
  }

  /** Whether the steps since the training before this one hold a multiple of the frequency. */
  function isMoveDue(steps: number): boolean {
    const moves = (at: number): number => Math.floor(at / options.targetNetworkFrequency);
    return moves(steps) > moves(steps - Math.max(options.trainFrequency, count * context.groups));
  }

  /** A choice at random among those that are allowed; of none, any. */
  function anyChoice({ mask, random }: Sight, copy: number): number {
    if (mask === null) return random.integer(choices);
    const own = mask.subarray(copy * choices, (copy + 1) * choices);
    const allowed = own.reduce((sum, bit) => sum + bit, 0);
    if (allowed === 0) return random.integer(choices);
    let left = random.integer(allowed);
    return own.findIndex((bit) => bit === 1 && left-- === 0);
  }

  return {
    networks,
    batch: {
      observations: inputs.observations as Float32Array,
      next: inputs.next as Float32Array,
      actions: inputs.actions as Int32Array,
      rewards: inputs.rewards as Float32Array,
      discounts: inputs.discounts as Float32Array,
      weights: (inputs.weights as Float32Array | undefined) ?? null,
      mask: (inputs.mask as Int32Array | undefined) ?? null,
    },
    priorities: options.prioritised ? { alpha: options.alpha, beta: options.beta } : null,
    chosen,
    applied,
    choose(sight) {
      const chance = sight.isWarmingUp ? 1 : chanceAt(sight);
      acting.observations.set(sight.observations);
      acting.mask?.set(sight.mask!);
      if (chance < 1) acting.run(sight.acts, sight.group);
      for (let copy = 0; copy < count; copy++) {
        const isRandom = chance >= 1 || sight.random.uniform() < chance;
        chosen[copy] = isRandom ? anyChoice(sight, copy) : acting.raw[copy]!;
        applied[copy] = chosen[copy]! + start;
      }
    },
    pieces: () => 1,
    learn({ update, steps, isLast }) {
      setScalars(update + 1, options.learningRate);
      // Once a training, at its end, however often the steps since the last one have asked for it.
      inputs.tau![0] = isLast && isMoveDue(steps) ? options.tau : 0;
      runWhole(program);
      return { "losses/td_loss": Number(outputs.loss![0]), "losses/q_values": Number(outputs.values![0]) };
    },
    rates: { learningRate: options.learningRate },
    errors: options.prioritised ? (outputs.errors as Float32Array) : null,
    tell: (moment) => ({ "charts/epsilon": chanceAt(moment), "charts/learning_rate": options.learningRate }),
    release() {
      acting.release();
      program.release();
      networks.state.release();
    },
  };
}
