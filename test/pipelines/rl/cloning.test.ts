import { isDeepStrictEqual } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import type { Fault } from "../../../src/engine/index.ts";
import { loadData } from "../../../src/pipelines/data/load.ts";
import type { DataReference } from "../../../src/pipelines/data/reference.ts";
import type { Algorithm, Metrics } from "../../../src/pipelines/rl/algorithm.ts";
import { cloneBehaviour, parseCloning } from "../../../src/pipelines/rl/algorithms/cloning.ts";
import { demonstrationsOf } from "../../../src/pipelines/rl/algorithms/demonstrations.ts";
import { dqn } from "../../../src/pipelines/rl/algorithms/dqn.ts";
import { ppo } from "../../../src/pipelines/rl/algorithms/ppo.ts";
import { sac } from "../../../src/pipelines/rl/algorithms/sac.ts";
import { td3 } from "../../../src/pipelines/rl/algorithms/td3.ts";
import { bestActions, type Driver, drive, evaluate, machine, makeEnvironment, registry } from "./driving.ts";

const executor = machine();
afterAll(() => executor.close());

/** What a rule does in an environment, step by step. */
function record(type: string, steps: number, rule: (seen: Float32Array) => number) {
  const environment = makeEnvironment(type, 1, "sameStep");
  environment.reset(3);
  const [x, y]: [number[][], number[]] = [[], []];
  for (let step = 0; step < steps; step++) {
    const action = rule(environment.observations);
    x.push([...environment.observations]);
    y.push(action);
    environment.step(environment.actionSpace.type === "box" ? Float32Array.of(action) : Int32Array.of(action));
  }
  return { x, y };
}
/** Holds a pole upright for good. */
const balance = ([, velocity, angle, spin]: Float32Array): number =>
  angle! + 0.5 * spin! + 0.1 * velocity! > 0 ? 1 : 0;
/** A smooth torque, as long as it is one that a network can find. */
const turn = ([cos, sin, spin]: Float32Array): number => 1.5 * Math.tanh(sin! - 0.3 * spin! + 0.2 * cos!);

const load = (data: unknown) => loadData(data as DataReference, { registry, handles: {} });

async function clone(
  driver: Driver,
  data: unknown,
  options: object = {},
  stop: { after: number; word: "keep" | "drop" } = { after: Number.POSITIVE_INFINITY, word: "keep" },
) {
  const told: Metrics[] = [];
  let updates = 0;
  const { learner, spec: policy } = driver;
  const context = { registry, executor, learner, policy, seed: 1 };
  const recorded = demonstrationsOf(await load(data), policy);
  const result = cloneBehaviour(context, recorded, parseCloning(registry, policy, options), {
    epoch: (_, metrics) => told.push(metrics),
    word: () => (++updates >= stop.after ? stop.word : "go"),
  });
  return { told, ...result };
}

describe("behaviour cloning", () => {
  const poles = record("CartPole-v1", 1500, balance);
  const pendulums = record("Pendulum-v1", 1500, turn);
  const options = { epochs: 8, learningRate: 3e-3 };

  it.each([
    ["PPO's", ppo, {}],
    ["PPO's, with observations normalised,", ppo, { normaliseObservations: true }],
    ["DQN's", dqn, {}],
  ] as [string, Algorithm, object][])("lets %s policy balance a pole as it was shown", async (_, algorithm, own) => {
    const driver = drive(executor, algorithm, { environment: "CartPole-v1", options: own });
    const { told, epochs } = await clone(driver, poles, options);
    expect(epochs).toBe(8);
    expect(told.at(-1)!["bc/loss"]).toBeLessThan(told[0]!["bc/loss"]!);
    expect(told.at(-1)!["bc/prob_true_act"]).toBeGreaterThan(0.7);
    const { moments } = driver.learner;
    if (moments !== null) expect(moments.count).toBeCloseTo(1500, 0);
    else expect(evaluate(executor, driver, "CartPole-v1", 10)).toBeGreaterThan(195);
    driver.release();
  });

  it.each([
    ["PPO's", ppo],
    ["SAC's", sac],
    ["TD3's", td3],
  ] as [string, Algorithm][])("lets %s policy turn a pendulum as it was shown", async (_, algorithm) => {
    const backbone = { type: "mlp", hidden: [32, 32], activation: "tanh" };
    const driver = drive(executor, algorithm, { environment: "Pendulum-v1", backbone, options: { learningStarts: 0 } });
    const before = distance(driver);
    await clone(driver, pendulums, { ...options, epochs: 15 });
    expect(distance(driver)).toBeLessThan(Math.min(0.25, before / 2));
    driver.release();
  });

  /** Mean distance of what is thought best from what the rule does, in new episodes. */
  function distance(driver: Driver): number {
    const seen = record("Pendulum-v1", 200, (observation) => turn(observation) * 0.9);
    const said = bestActions(driver, seen.x);
    const apart = seen.x.map((row, index) => Math.abs(said[index]! - turn(Float32Array.from(row))));
    return apart.reduce((sum, each) => sum + each, 0) / apart.length;
  }

  it("goes on to learn from where it imitates", async () => {
    const driver = drive(executor, dqn, {
      environment: "CartPole-v1",
      options: { learningStarts: 20, trainFrequency: 1 },
    });
    await clone(driver, poles, { epochs: 1 });
    driver.until(200);
    expect(driver.learner.updates).toBeGreaterThan(100);
    driver.release();
  });

  it("is the same for the same seed", async () => {
    const weights = await Promise.all(
      [0, 1].map(async () => {
        const driver = drive(executor, ppo, { environment: "CartPole-v1" });
        await clone(driver, poles, { epochs: 1 });
        const own = driver.learner.weights();
        driver.release();
        return own;
      }),
    );
    expect(weights[0]).toEqual(weights[1]);
  });

  it.each([
    ["keeps", "keep"],
    ["drops", "drop"],
  ] as const)("stops when it is asked, and %s what it has learned", async (_, word) => {
    const driver = drive(executor, ppo, { environment: "CartPole-v1" });
    const before = driver.learner.save();
    const { epochs } = await clone(driver, poles, { epochs: 5 }, { after: 30, word });
    expect(epochs).toBe(1);
    const isSame = isDeepStrictEqual(driver.learner.save(), before);
    expect(isSame).toBe(word === "drop");
    driver.release();
  });

  it("takes rows of named columns, the action as target", async () => {
    const rows = poles.x.slice(0, 50).map(([a, b, c, d], index) => ({ a, b, c, d, done: poles.y[index] }));
    const driver = drive(executor, ppo, { environment: "CartPole-v1" });
    expect((await clone(driver, { rows, target: "done" }, { epochs: 1 })).epochs).toBe(1);
    driver.release();
  });

  it.each([
    ["an optimizer that is not there", { optimizer: "adan" }, "optimizer.type"],
    ["half an epoch", { epochs: 0.5 }, "epochs"],
  ])("refuses %s, naming the field", (_, options, path) => {
    const { spec } = drive(executor, ppo, { environment: "CartPole-v1" });
    try {
      parseCloning(registry, spec, options);
      expect.unreachable();
    } catch (fault) {
      expect((fault as Fault).violations[0]!.path).toBe(path);
    }
  });

  it("refuses a policy with a memory", () => {
    const { spec } = drive(executor, ppo, { environment: "CartPole-v1" });
    const memory = { cell: "lstm", hidden: 8, layers: 1 } as const;
    expect(() => parseCloning(registry, { ...spec, memory }, {})).toThrow(/memory/);
  });

  it.each([
    ["an action that is not there", { x: [[0, 0, 0, 0]], y: [2] }, "data.y[0]"],
    ["half an action", { x: [[0, 0, 0, 0]], y: [0.5] }, "data.y[0]"],
    ["too little seen", { x: [[0, 0, 0]], y: [1] }, "data"],
    ["no actions", { x: [[0, 0, 0, 0]] }, "data"],
    ["a number missing", { x: [[0, Number.NaN, 0, 0]], y: [1] }, "data.inputs[0]"],
  ])("refuses %s, naming it", async (_, data, path) => {
    const driver = drive(executor, ppo, { environment: "CartPole-v1" });
    const fault = await clone(driver, data).catch((thrown: Fault) => thrown);
    expect((fault as Fault).violations[0]!.path).toBe(path);
    driver.release();
  });
});
