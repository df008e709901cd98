import { describe, expect, it } from "vitest";
import { encodeRun } from "../../../src/pipelines/index.ts";
import { AUTORESET_MODES } from "../../../src/pipelines/rl/environment.ts";
import { bytesOf, openTestRun, trainRun } from "./rig.ts";

const QUICK = {
  type: "ppo",
  numEnvs: 8,
  numSteps: 32,
  minibatchSize: 256,
  updateEpochs: 10,
  learningRate: 2e-3,
  gaeLambda: 0.8,
  gamma: 0.98,
  entCoef: 0,
  clipVloss: false,
};

describe("a run inside", () => {
  it.each(AUTORESET_MODES)("learns to balance a pole, with autoreset %s", (autoreset) => {
    const run = openTestRun({ environment: { type: "CartPole-v1", autoreset }, algorithm: QUICK, seed: 1 });
    const { result } = trainRun(run, 12_000);
    expect(result.meanReturn).toBeGreaterThan(60);
  });

  it("tells CleanRL's figures", () => {
    const run = openTestRun({ environment: { type: "CartPole-v1" }, seed: 1 });
    const { updates } = trainRun(run, 1024);
    const wanted = [
      "charts/learning_rate",
      "charts/SPS",
      "losses/value_loss",
      "losses/policy_loss",
      "losses/entropy",
      "losses/old_approx_kl",
      "losses/approx_kl",
      "losses/clipfrac",
      "losses/explained_variance",
      "charts/episodic_return",
      "charts/episodic_length",
    ];
    expect(Object.keys(updates[0]!)).toEqual(expect.arrayContaining(wanted));
  });

  it("lowers the learning rate over a training, and ends its last update near 0", () => {
    const run = openTestRun({ environment: { type: "CartPole-v1" }, seed: 1 });
    const { updates } = trainRun(run, 2048);
    expect(updates.at(-1)!["charts/learning_rate"]).toBeCloseTo(2.5e-4 / 4, 10);
  });
});

const RUNS = [
  ["plain", { environment: { type: "CartPole-v1" } }],
  [
    "normalised",
    {
      environment: { type: "Pendulum-v1" },
      algorithm: { type: "ppo", numSteps: 32, normaliseObservations: true, normaliseRewards: true },
    },
  ],
  [
    "with a memory",
    {
      environment: { type: "CartPoleNoVel-v1", autoreset: "nextStep" },
      memory: "gru",
      algorithm: { type: "ppo", numSteps: 32 },
    },
  ],
] as const;

describe.each(RUNS)("a run, %s,", (_name, raw) => {
  it("goes on from a checkpoint in the middle of a rollout to the same bits", () => {
    const whole = openTestRun({ ...raw, seed: 3 });
    const { checkpoints } = trainRun(whole, 1200, 300);
    const state = checkpoints.find(
      ({ learner }) => (learner.progress as { groups: { cursor: number }[] }).groups[0]!.cursor > 0,
    )!;
    const resumed = openTestRun({ ...raw, seed: 3 });
    trainRun(resumed, 100);
    trainRun(resumed, 1200, null, { ...state });
    expect(resumed.learner.steps).toBe(whole.learner.steps);
    expect(bytesOf(resumed).equals(bytesOf(whole))).toBe(true);
  });

  it("goes on from a checkpoint in the middle of an update to the same bits", () => {
    const half = openTestRun({ ...raw, seed: 4 });
    while (!half.learner.pending) step(half);
    half.learner.advance();
    half.learner.advance();
    const state = half.learner.save();
    const other = openTestRun({ ...raw, seed: 4 });
    for (let turn = 0; turn < 7; turn++) step(other);
    other.learner.restore(state);
    for (const { learner } of [half, other]) while (learner.pending) learner.advance();
    expect(encodeRun(other.learner.save()).equals(encodeRun(half.learner.save()))).toBe(true);
  });

  it("learns N steps twice as 2 N steps, where no rate falls", () => {
    const algorithm = { ...("algorithm" in raw ? raw.algorithm : { type: "ppo" }), annealLearningRate: false };
    const whole = openTestRun({ ...raw, algorithm, seed: 5 });
    trainRun(whole, 1200);
    const twice = openTestRun({ ...raw, algorithm, seed: 5 });
    trainRun(twice, 600);
    trainRun(twice, 600);
    expect(bytesOf(twice).equals(bytesOf(whole))).toBe(true);
  });
});

function step({ learner, environment }: ReturnType<typeof openTestRun>): void {
  environment.step(learner.act(0));
  const finalObservations = environment.autoreset === "nextStep" ? null : environment.finalObservations;
  learner.observe(0, { ...environment, finalObservations, mask: environment.mask ?? null });
}
