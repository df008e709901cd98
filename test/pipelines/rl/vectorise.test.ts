import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Fault } from "../../../src/engine/index.ts";
import { defineEnvironment, definePlugin } from "../../../src/pipelines/registry/define.ts";
import { createRegistry } from "../../../src/pipelines/registry/registry.ts";
import type { AutoresetMode, EnvironmentSetup, VectorEnvironment } from "../../../src/pipelines/rl/environment.ts";
import { bounded, box, spaceSize } from "../../../src/pipelines/rl/spaces.ts";
import { type Rules, vectorise } from "../../../src/pipelines/rl/vectorise.ts";

/** A counter that ends by itself at 3 on "go on" (1), and begins anew from a drawn number below 1. */
const counting: Rules = {
  observationSpace: box([1], 0, 10),
  actionSpace: { type: "discrete", n: 2 },
  create({ count, random, observations, terminated }) {
    const at = new Float64Array(count);
    return {
      state: [at],
      begin(copy) {
        at[copy] = random[copy]!.random();
        observations[copy] = at[copy]!;
      },
      move(copy, actions) {
        at[copy]! += actions[copy]!;
        observations[copy] = at[copy]!;
        if (at[copy]! >= 3) terminated[copy] = 1;
        return actions[copy]! * 10;
      },
    };
  },
};

const made = (autoreset: AutoresetMode, setup: Partial<EnvironmentSetup> = {}): VectorEnvironment => {
  const environment = vectorise(counting, { count: 2, autoreset, maxEpisodeSteps: 5, ...setup });
  environment.reset(3);
  return environment;
};
const GO = Int32Array.of(1, 0);
const go = (environment: VectorEnvironment, steps: number): void => {
  for (let step = 0; step < steps; step++) environment.step(GO);
};
const faultOf = (run: () => void): Fault => {
  try {
    run();
  } catch (fault) {
    return fault as Fault;
  }
  throw new Error("nothing was thrown");
};

describe("a vectorised environment", () => {
  it("gives copy i the seed s + i", () => {
    const one = vectorise(counting, { count: 1, autoreset: "nextStep", maxEpisodeSteps: 5 });
    one.reset(4);
    expect(made("nextStep").observations[1]).toBe(one.observations[0]);
  });

  it("takes a seed for each copy", () => {
    const environment = made("nextStep");
    const [first, second] = environment.observations;
    environment.reset([4, 3]);
    expect([...environment.observations]).toEqual([second, first]);
  });

  it("begins other episodes when it was never given a seed", () => {
    const firsts = [0, 1].map(() => {
      const environment = vectorise(counting, { count: 1, autoreset: "nextStep", maxEpisodeSteps: 5 });
      environment.reset();
      return environment.observations[0];
    });
    expect(firsts[0]).not.toBe(firsts[1]);
  });

  it("resets only the copies that are marked", () => {
    const environment = made("disabled");
    go(environment, 2);
    const before = environment.observations[0];
    environment.reset(undefined, Uint8Array.of(0, 1));
    expect(environment.observations[0]).toBe(before);
    expect([...environment.episodeLengths]).toEqual([2, 0]);
  });

  it("with nextStep shows the last observation, then spends a step without reward on the reset", () => {
    const environment = made("nextStep");
    go(environment, 3);
    expect([...environment.terminated]).toEqual([1, 0]);
    expect(environment.observations[0]).toBeGreaterThanOrEqual(3);
    expect([environment.episodeReturns[0], environment.episodeLengths[0]]).toEqual([30, 3]);
    go(environment, 1);
    expect(environment.observations[0]).toBeLessThan(1);
    expect([environment.rewards[0], environment.terminated[0], environment.episodeLengths[0]]).toEqual([0, 0, 0]);
    go(environment, 1);
    expect([environment.rewards[0], environment.episodeLengths[0]]).toEqual([10, 1]);
  });

  it("with sameStep shows the next episode's first observation, and keeps the last one apart", () => {
    const environment = made("sameStep");
    go(environment, 3);
    expect(environment.terminated[0]).toBe(1);
    expect(environment.observations[0]).toBeLessThan(1);
    expect(environment.finalObservations[0]).toBeGreaterThanOrEqual(3);
    expect(environment.episodeReturns[0]).toBe(30);
    go(environment, 1);
    expect([environment.terminated[0], environment.episodeReturns[0], environment.episodeLengths[0]]).toEqual([
      0, 10, 1,
    ]);
  });

  it("with disabled refuses a step after the end, naming the copy, and moves nothing", () => {
    const environment = made("disabled");
    go(environment, 3);
    const before = [...environment.observations];
    const fault = faultOf(() => go(environment, 1));
    expect(fault.reason).toBe("INVALID_STATE");
    expect(fault.violations[0]!.path).toBe("actions[0]");
    expect([...environment.observations]).toEqual(before);
  });

  it("truncates at the limit, which is not the same as terminating", () => {
    const environment = made("nextStep");
    go(environment, 5);
    expect([environment.terminated[1], environment.truncated[1]]).toEqual([0, 1]);
  });

  it.each([
    [null, 0],
    [2, 1],
  ])("lets the setup say %s instead of the world's limit", (maxEpisodeSteps, truncated) => {
    const rules = { count: 1, autoreset: "disabled", maxEpisodeSteps } as const;
    const environment = vectorise(counting, rules);
    environment.reset(1);
    environment.step(Int32Array.of(0));
    environment.step(Int32Array.of(0));
    expect(environment.truncated[0]).toBe(truncated);
  });

  it("refuses a step before the first reset", () => {
    const environment = vectorise(counting, { count: 2, autoreset: "nextStep", maxEpisodeSteps: null });
    expect(faultOf(() => environment.step(GO)).reason).toBe("INVALID_STATE");
  });

  it.each([
    ["too many", [0, 0, 0], "actions"],
    ["one that is not there", [0, 2], "actions[1]"],
    ["a negative one", [-1, 0], "actions[0]"],
  ])("refuses actions with %s, and moves nothing", (_, actions, path) => {
    const environment = made("nextStep");
    const before = environment.snapshot();
    const fault = faultOf(() => environment.step(Int32Array.from(actions)));
    expect(fault.violations[0]!.path).toBe(path);
    expect(environment.snapshot()).toEqual(before);
  });

  it("refuses an action that is no number", () => {
    const { environments } = createRegistry();
    const pendulum = environments.get("Pendulum-v1")!;
    const environment = pendulum.make(pendulum.options.parse({}), { count: 2, autoreset: "nextStep" });
    environment.reset(0);
    expect(faultOf(() => environment.step(Float32Array.of(0, Number.NaN))).violations[0]!.path).toBe("actions[1]");
  });

  it.each([-1, 0.5, [1], [1, -2]])("refuses the seed %j", (seed) => {
    expect(faultOf(() => made("nextStep").reset(seed)).violations[0]!.path).toBe("seed");
  });

  it.each([0, -1, 1.5])("refuses to be made of %d copies", (count) => {
    expect(faultOf(() => made("nextStep", { count })).reason).toBe("INVALID_PARAMS");
  });

  it("refuses a snapshot of another number of copies, and stays as it was", () => {
    const environment = made("nextStep");
    const before = environment.snapshot();
    const fault = faultOf(() => environment.restore(made("nextStep", { count: 3 }).snapshot()));
    expect(fault.reason).toBe("CHECKPOINT_CORRUPT");
    expect(environment.snapshot()).toEqual(before);
  });

  it("can come from a plugin", () => {
    const mine = defineEnvironment({
      type: "counting",
      description: "Counts to three",
      options: z.object({}),
      maxEpisodeSteps: 4,
      make: (_, setup) => vectorise(counting, { maxEpisodeSteps: 4, ...setup }),
    });
    const registry = createRegistry([definePlugin({ name: "mine", version: "1", environments: [mine] })]);
    const environment = registry.environments.get("counting")!.make({}, { count: 1, autoreset: "nextStep" });
    environment.reset(0);
    expect(environment.observations).toHaveLength(1);
  });
});

describe("spaces", () => {
  it.each([
    [box([3, 4, 4], 0, 255, "U8"), 48],
    [bounded([-1, -2], [1, 2]), 2],
    [{ type: "discrete", n: 9 } as const, 1],
    [{ type: "multiDiscrete", nvec: [2, 3, 4] } as const, 3],
    [{ type: "multiBinary", n: 5 } as const, 5],
  ])("know how many numbers a value takes: %j", (space, size) => {
    expect(spaceSize(space)).toBe(size);
  });
});
