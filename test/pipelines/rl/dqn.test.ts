import { afterAll, describe, expect, it } from "vitest";
import type { Fault, Traced } from "../../../src/engine/index.ts";
import { dqn } from "../../../src/pipelines/rl/algorithms/dqn.ts";
import { type DqnUpdate, traceDqn } from "../../../src/pipelines/rl/algorithms/dqnUpdate.ts";
import { box } from "../../../src/pipelines/rl/spaces.ts";
import { drive, evaluate, machine, registry, specOf } from "./driving.ts";

const executor = machine();
afterAll(() => executor.close());

// What is seen is one number x; each of three actions is worth weight · x + bias, in the learned and in the target network.
const LEARNED = { weight: [1, 2, -1], bias: [0, 0.5, 1] };
const TARGET = { weight: [0.5, 1, 3], bias: [1, -1, 0] };
const X = [1, 2, -1, 0.5];
const NEXT = [2, -2, 1, 0];
const DONE = [0, 1, 2, 1];
const REWARDS = [1, -1, 0.5, 2];
const DISCOUNTS = [0.9, 0.9, 0, 0.81];
const RATE = 0.1;

const linear = { type: "mlp", hidden: [] };
const worth = ({ weight, bias }: typeof LEARNED, x: number, action: number) => weight[action]! * x + bias[action]!;
const actions = [0, 1, 2];
const best = (network: typeof LEARNED, x: number, allowed: readonly number[]) =>
  allowed.reduce((most, action) => (worth(network, x, action) > worth(network, x, most) ? action : most));

interface Case extends Partial<DqnUpdate> {
  readonly mask?: readonly (readonly number[])[];
  readonly weights?: readonly number[];
  readonly tau?: number;
}

function update({ mask, weights, tau = 0, ...over }: Case) {
  const space = {
    observation: box([1], -10, 10),
    action: { type: "discrete", n: 3 } as const,
    masked: mask !== undefined,
  };
  const spec = specOf(dqn, {}, space, linear);
  const optimizer = { type: "sgd", ...registry.optimizers.get("sgd")!.options.parse({}) };
  const options: DqnUpdate = {
    batchSize: 4,
    doubleQ: false,
    isWeighted: weights !== undefined,
    loss: "mse",
    maxGradNorm: null,
    optimizer,
    ...over,
  };
  const traced: Traced = traceDqn(registry, spec, options);
  const types = Object.entries(traced.states).map(([path, { dtype, shape }]) => [path, { dtype, shape }] as const);
  const state = executor.createState(Object.fromEntries(types));
  const write = (root: string, { weight, bias }: typeof LEARNED) => {
    state.write(`${root}actor.output.weight`, { dtype: "F32", shape: [1, 3], data: Float32Array.from(weight) });
    state.write(`${root}actor.output.bias`, { dtype: "F32", shape: [3], data: Float32Array.from(bias) });
  };
  write("", LEARNED);
  write("target.", TARGET);
  const program = executor.compile(traced, state);
  const inputs = {
    observations: X,
    next: NEXT,
    actions: DONE,
    rewards: REWARDS,
    discounts: DISCOUNTS,
    weights,
    tau: [tau],
  };
  for (const [name, values] of Object.entries(inputs))
    if (values !== undefined) program.inputs[name]!.set(values as never);
  if (mask !== undefined) program.inputs.mask!.set(mask.flat() as never);
  program.inputs["q.learningRate"]!.set([RATE] as never);
  program.run();
  const read = (path: string) => [...(state.read(path).data as Float32Array)];
  const result = {
    loss: Number(program.outputs.loss![0]),
    errors: [...(program.outputs.errors as Float32Array)],
    bias: read("actor.output.bias"),
    targetBias: read("target.actor.output.bias"),
  };
  program.release();
  state.release();
  return result;
}

const errorsWith = (after: (row: number) => number): number[] =>
  X.map((x, row) => worth(LEARNED, x, DONE[row]!) - (REWARDS[row]! + DISCOUNTS[row]! * after(row)));
const close = (got: readonly number[], wanted: readonly number[]) =>
  got.forEach((value, index) => void expect(value).toBeCloseTo(wanted[index]!, 4));

describe("an update of DQN", () => {
  it("learns toward the reward and what the target network thinks is the best that follows", () => {
    const { errors, loss } = update({});
    const wanted = errorsWith((row) => worth(TARGET, NEXT[row]!, best(TARGET, NEXT[row]!, actions)));
    close(errors, wanted);
    expect(loss).toBeCloseTo(wanted.reduce((sum, error) => sum + error ** 2, 0) / 4, 4);
  });

  it("with `doubleQ` lets the learned network choose what the target network judges", () => {
    const wanted = errorsWith((row) => worth(TARGET, NEXT[row]!, best(LEARNED, NEXT[row]!, actions)));
    close(update({ doubleQ: true }).errors, wanted);
  });

  it.each([false, true])("follows only choices that are allowed next (double: %s)", (doubleQ) => {
    const mask = [
      [1, 1, 0],
      [0, 1, 0],
      [1, 0, 1],
      [0, 1, 1],
    ];
    const allowed = (row: number) => actions.filter((action) => mask[row]![action] === 1);
    const chooser = doubleQ ? LEARNED : TARGET;
    const wanted = errorsWith((row) => worth(TARGET, NEXT[row]!, best(chooser, NEXT[row]!, allowed(row))));
    close(update({ doubleQ, mask }).errors, wanted);
  });

  it("moves what was done by the gradient of the loss, and nothing else", () => {
    const { errors, bias } = update({});
    const slope = actions.map((action) =>
      DONE.reduce((sum, done, row) => sum + (done === action ? errors[row]! / 2 : 0), 0),
    );
    close(
      bias,
      LEARNED.bias.map((value, action) => value - RATE * slope[action]!),
    );
  });

  it("counts each row by its weight", () => {
    const weights = [1, 0, 0.5, 0.25];
    const { errors, loss } = update({ weights });
    expect(loss).toBeCloseTo(errors.reduce((sum, error, row) => sum + weights[row]! * error ** 2, 0) / 4, 4);
  });

  it("takes Huber's loss when told", () => {
    const { errors, loss } = update({ loss: "huber" });
    const each = errors.map((error) => (Math.abs(error) < 1 ? error ** 2 / 2 : Math.abs(error) - 0.5));
    expect(loss).toBeCloseTo(each.reduce((sum, value) => sum + value, 0) / 4, 4);
  });

  it("moves the target network by tau toward the new weights", () => {
    const { bias, targetBias } = update({ tau: 0.25 });
    close(
      targetBias,
      TARGET.bias.map((slow, action) => slow + 0.25 * (bias[action]! - slow)),
    );
  });
});

describe("DQN", () => {
  const LEARNING = {
    learningStarts: 500,
    bufferSize: 20_000,
    explorationFraction: 0.3,
    endE: 0.02,
    loss: "huber",
    learningRate: 1e-3,
    targetNetworkFrequency: 200,
    trainFrequency: 1,
    batchSize: 64,
    nStep: 5,
  };

  it.each([
    ["double", {}],
    ["double, dueling, prioritised", { dueling: true, prioritised: true }],
  ])("%s, learns to balance a pole", (_, more) => {
    const driver = drive(executor, dqn, {
      environment: "CartPole-v1",
      options: { ...LEARNING, ...more },
      backbone: { type: "mlp", hidden: [64, 64] },
      total: 6000,
    });
    driver.until(6000);
    expect(evaluate(executor, driver, "CartPole-v1")).toBeGreaterThan(150);
    expect(Object.keys(driver.told.at(-1)!)).toEqual(
      expect.arrayContaining(["losses/td_loss", "losses/q_values", "charts/epsilon", "charts/learning_rate"]),
    );
    driver.release();
  });

  it("never does what is masked, at random or not", () => {
    const driver = drive(executor, dqn, {
      environment: "TicTacToe",
      options: { learningStarts: 100, batchSize: 8, numEnvs: 3, explorationFraction: 0.2 },
      backbone: { type: "mlp", hidden: [8] },
      total: 600,
    });
    let forbidden = 0;
    const { environment } = driver;
    while (driver.learner.steps < 600) {
      driver.until(driver.learner.steps + 3);
      forbidden += environment.rewards.filter((reward) => reward < 0).length;
    }
    expect(forbidden).toBe(0);
    driver.release();
  });

  it.each([
    ["actions in a box", box([1], -1, 1), "environment.action"],
    ["several choices", { type: "multiDiscrete", nvec: [2, 2] } as const, "environment.action"],
  ])("refuses %s", (_, action, path) => {
    const { form } = dqn.plan(dqn.options.parse({}));
    try {
      form!({ action, memory: null });
      expect.unreachable();
    } catch (fault) {
      expect((fault as Fault).violations[0]!.path).toBe(path);
    }
  });
});
