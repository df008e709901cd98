/** @file Learning off the policy: what SAC and TD3 reach, and what DQN shares with them: going on where it stood, and diverging. */
import { afterAll, describe, expect, it } from "vitest";
import type { Fault, NdArray } from "../../../src/engine/index.ts";
import type { Algorithm } from "../../../src/pipelines/rl/algorithm.ts";
import { dqn } from "../../../src/pipelines/rl/algorithms/dqn.ts";
import { sac } from "../../../src/pipelines/rl/algorithms/sac.ts";
import { td3 } from "../../../src/pipelines/rl/algorithms/td3.ts";
import { box } from "../../../src/pipelines/rl/spaces.ts";
import { faultOf } from "../../support/fault.ts";
import { type Driven, drive, evaluate, machine } from "./driving.ts";

const executor = machine();
afterAll(() => executor.close());

const quick = { learningStarts: 400, batchSize: 64, gamma: 0.95, tau: 0.02 };

describe.each([
  [sac, { ...quick, policyLearningRate: 3e-3, qLearningRate: 3e-3, policyFrequency: 1 }, 4000],
  [td3, { ...quick, learningRate: 3e-3, explorationNoise: 0.3 }, 4000],
] as const)("$type", (algorithm, options, steps) => {
  it("learns to swing a pendulum up and hold it", () => {
    const backbone = { type: "mlp", hidden: [32, 32] };
    const driver = drive(executor, algorithm, { environment: "Pendulum-v1", options, backbone, total: steps });
    driver.until(steps);
    // At random it is −1200; −150 is as good as can be.
    expect(evaluate(executor, driver, "Pendulum-v1")).toBeGreaterThan(-300);
    const figures = driver.told.at(-1)!;
    for (const name of ["qf1_values", "qf2_values", "qf1_loss", "qf2_loss", "qf_loss", "actor_loss"]) {
      expect(figures[`losses/${name}`], name).toBeTypeOf("number");
    }
    driver.release();
  });

  it("keeps its actions within the box", () => {
    const backbone = { type: "mlp", hidden: [8] };
    const driver = drive(executor, algorithm, {
      environment: "Pendulum-v1",
      options: { learningStarts: 20, numEnvs: 4 },
      backbone,
    });
    driver.until(100);
    const actions = Array.from({ length: 50 }, () => [...driver.learner.act(0)]).flat();
    expect(Math.max(...actions.map(Math.abs))).toBeLessThanOrEqual(2);
    expect(new Set(actions).size).toBeGreaterThan(100);
    driver.release();
  });

  it.each([
    ["choices", { type: "discrete", n: 2 } as const],
    ["a box without bounds", box([1], Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)],
  ])("refuses %s, naming the field", (_, action) => {
    const { form } = algorithm.plan(algorithm.options.parse({}));
    try {
      form!({ action, memory: null });
      expect.unreachable();
    } catch (fault) {
      expect((fault as Fault).violations[0]!.path).toBe("environment.action");
    }
  });
});

const RESUMED: readonly [string, Algorithm, Driven][] = [
  [
    "DQN with priorities over three steps",
    dqn,
    {
      environment: "CartPole-v1",
      options: {
        learningStarts: 40,
        batchSize: 8,
        prioritised: true,
        nStep: 3,
        numEnvs: 2,
        bufferSize: 100,
        trainFrequency: 3,
      },
    },
  ],
  [
    "DQN with masks",
    dqn,
    { environment: "TicTacToe", options: { learningStarts: 40, batchSize: 8, trainFrequency: 1 } },
  ],
  [
    "SAC in the middle of an update",
    sac,
    { environment: "Pendulum-v1", options: { learningStarts: 40, batchSize: 8, numEnvs: 2, gradientSteps: 2 } },
  ],
  ["TD3", td3, { environment: "Pendulum-v1", options: { learningStarts: 40, batchSize: 8 }, autoreset: "sameStep" }],
];

/** Through JSON and bytes, as a checkpoint goes. */
function copied(tensors: Readonly<Record<string, NdArray>>): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { ...tensor, data: tensor.data.slice() as typeof tensor.data },
    ]),
  );
}

describe("a learner off the policy, put back", () => {
  it.each(RESUMED)("goes on to the same bits: %s", (_, algorithm, driven) => {
    const setup = { backbone: { type: "mlp", hidden: [8] }, ...driven };
    const whole = drive(executor, algorithm, setup);
    whole.until(150);
    whole.learner.advance();
    const { tensors, progress } = whole.learner.save();
    const saved = { tensors: copied(tensors), progress: JSON.parse(JSON.stringify(progress)) };
    const snapshot = whole.environment.snapshot();
    const other = drive(executor, algorithm, { ...setup, seed: setup.seed ?? 1 });
    other.until(60);
    other.learner.restore(saved);
    other.environment.restore(snapshot);
    whole.until(300);
    other.until(300);
    expect(other.learner.updates).toBe(whole.learner.updates);
    expect(whole.learner.updates).toBeGreaterThan(50);
    expect(other.learner.save()).toEqual(whole.learner.save());
    whole.release();
    other.release();
  });
});

describe("a learner off the policy whose rewards are far too large", () => {
  it.each([
    [dqn, "CartPole-v1", ["learningRate"]],
    [sac, "Pendulum-v1", ["policyLearningRate", "qLearningRate"]],
    [td3, "Pendulum-v1", ["learningRate"]],
  ] as const)("$type names the rates that it has", (algorithm, environment, rates) => {
    const options = { learningStarts: 4, batchSize: 4 };
    const {
      learner,
      environment: world,
      release,
    } = drive(executor, algorithm, {
      environment,
      options,
      backbone: { type: "mlp", hidden: [4] },
    });
    const learn = () => {
      for (let step = 0; step < 20; step++) {
        learner.act(0);
        const seen = { observations: world.observations, finalObservations: null, mask: null };
        learner.observe(0, { rewards: [1e38], terminated: [0], truncated: [0], ...seen });
        while (learner.pending) learner.advance();
      }
    };
    const { reason, violations } = faultOf(learn);
    expect(reason).toBe("DIVERGED");
    expect(violations.map(({ path }) => path)).toEqual(rates.map((rate) => `algorithm.${rate}`));
    release();
  });
});
