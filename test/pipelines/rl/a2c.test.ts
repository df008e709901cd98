import { afterAll, describe, expect, it } from "vitest";
import { gradients, trace } from "../../../src/engine/index.ts";
import { a2c } from "../../../src/pipelines/rl/algorithms/a2c.ts";
import { losses, type UpdateOptions } from "../../../src/pipelines/rl/algorithms/ppoUpdate.ts";
import { box } from "../../../src/pipelines/rl/spaces.ts";
import { drive, evaluate, machine, registry, specOf } from "./driving.ts";

const executor = machine();
afterAll(() => executor.close());

describe("A2C", () => {
  it("learns to balance a pole", () => {
    const driver = drive(executor, a2c, {
      environment: "CartPole-v1",
      options: { learningRate: 3e-3, annealLearningRate: true, numSteps: 8, gaeLambda: 0.9 },
      backbone: { type: "mlp", hidden: [64, 64], activation: "tanh" },
      total: 40_000,
      seed: 1,
    });
    driver.until(40_000);
    expect(evaluate(executor, driver, "CartPole-v1")).toBeGreaterThan(150);
    for (const name of ["policy_loss", "value_loss", "entropy", "explained_variance"]) {
      expect(driver.told.at(-1)![`losses/${name}`], name).toBeTypeOf("number");
    }
    driver.release();
  });

  it("goes on to the same bits when it is put back", () => {
    const [whole, other] = [0, 1].map(() => drive(executor, a2c, { environment: "CartPole-v1" }));
    whole!.until(400);
    const { tensors, progress } = whole!.learner.save();
    const snapshot = whole!.environment.snapshot();
    other!.learner.restore({ tensors, progress: JSON.parse(JSON.stringify(progress)) });
    other!.environment.restore(snapshot);
    for (const driver of [whole!, other!]) driver.until(800);
    expect(other!.learner.save()).toEqual(whole!.learner.save());
    for (const driver of [whole!, other!]) driver.release();
  });

  it("takes any optimizer of the catalog", () => {
    const driver = drive(executor, a2c, { environment: "CartPole-v1", options: { optimizer: "sgd" } });
    driver.until(200);
    expect(driver.learner.updates).toBe(4);
    driver.release();
  });

  it("refuses an optimizer that is not there, naming the field", () => {
    const environment = "CartPole-v1";
    expect(() => drive(executor, a2c, { environment, options: { optimizer: "adan" } })).toThrow(/algorithm\.optimizer/);
  });
});

describe("the plain surrogate", () => {
  it("is minus the advantages times the logarithms of what was done, with that gradient", () => {
    const [x, done, advantages] = [
      [0.5, -1, 2],
      [0, 1, 1],
      [1, -2, 0.5],
    ];
    const weight = [0.3, -0.2];
    const space = { observation: box([1], -5, 5), action: { type: "discrete", n: 2 } as const };
    const spec = specOf(a2c, {}, space, { type: "mlp", hidden: [] });
    const optimizer = { type: "sgd", ...registry.optimizers.get("sgd")!.options.parse({}) };
    const options: UpdateOptions = {
      normAdvantage: false,
      clipVloss: false,
      entCoef: 0,
      vfCoef: 0,
      maxGradNorm: null,
      optimizer,
      surrogate: "plain",
    };
    const traced = trace((t) => {
      const { loss, leaves, outputs } = losses(t, registry, spec, { sequences: 3, time: 1 }, options);
      const { tensor } = leaves.find(({ path }) => path === "actor.output.weight")!;
      return { outputs: { ...outputs, slope: gradients(loss, [tensor])[0]! } };
    });
    const types = Object.entries(traced.states).map(([path, { dtype, shape }]) => [path, { dtype, shape }] as const);
    const state = executor.createState(Object.fromEntries(types));
    state.write("actor.output.weight", { dtype: "F32", shape: [1, 2], data: Float32Array.from(weight) });
    const program = executor.compile(traced, state);
    const inputs = { observations: x, actions: done, advantages, counts: [1, 1, 1], returns: [0, 0, 0], clipCoef: [1] };
    for (const [name, values] of Object.entries(inputs)) program.inputs[name]?.set(values as never);
    program.run();
    const chance = (row: number, action: number) => {
      const exps = weight.map((each) => Math.exp(each * x[row]!));
      return exps[action]! / (exps[0]! + exps[1]!);
    };
    const loss = x.reduce((sum, _, row) => sum - advantages[row]! * Math.log(chance(row, done[row]!)), 0) / 3;
    const slope =
      x.reduce((sum, seen, row) => sum - advantages[row]! * seen * ((done[row] === 0 ? 1 : 0) - chance(row, 0)), 0) / 3;
    expect(Number(program.outputs.policyLoss![0])).toBeCloseTo(loss, 5);
    expect(Number(program.outputs.slope![0])).toBeCloseTo(slope, 5);
    program.release();
    state.release();
  });
});
