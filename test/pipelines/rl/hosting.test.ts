import { describe, expect, it } from "vitest";
import { createMachine, type NdArray } from "../../../src/engine/index.ts";
import { encodeRun, parseRun } from "../../../src/pipelines/index.ts";
import { createHosting, type HostStep } from "../../../src/pipelines/rl/hosting.ts";
import { openLearner } from "../../../src/pipelines/rl/openRun.ts";
import { faultOf } from "../../support/fault.ts";
import { registry } from "./rig.ts";

const COUNT = 3;
const executor = createMachine();

function open(environment: object = {}, algorithm: object = { type: "ppo", numSteps: 4 }) {
  const spec = parseRun(registry, {
    environment: {
      type: "host",
      observation: { type: "box", shape: [2] },
      action: { type: "multiDiscrete", nvec: [2, 3] },
      count: COUNT,
      ...environment,
    },
    algorithm,
    seed: 1,
  });
  const learner = openLearner(registry, executor, spec, null);
  const warnings: string[] = [];
  return { hosting: createHosting(spec, learner, ({ code }) => warnings.push(code)), learner, warnings };
}

const floats = (values: number[], ...shape: number[]): NdArray => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(values),
});
const doubles = (values: number[], ...shape: number[]): NdArray => ({
  dtype: "F64",
  shape,
  data: Float64Array.from(values),
});
const seen = (turn: number): NdArray =>
  floats(
    Array.from({ length: 2 * COUNT }, (_, at) => Math.sin(turn * 7 + at)),
    COUNT,
    2,
  );
const none = floats([0, 0, 0], COUNT);
const later = (turn: number): HostStep => ({
  group: 0,
  observations: seen(turn),
  rewards: floats([1, 2, 3], COUNT),
  terminated: none,
  truncated: none,
});

describe("a host's step", () => {
  const wrong: readonly (readonly [string, Partial<Record<keyof HostStep, unknown>>, string, string])[] = [
    ["observations of another shape", { observations: floats([1, 2, 3], COUNT, 1) }, "SHAPE_MISMATCH", "observations"],
    [
      "a NaN among observations",
      { observations: floats([0, 1, 2, Number.NaN, 4, 5], COUNT, 2) },
      "NON_FINITE",
      "observations[1][1]",
    ],
    ["too few rewards", { rewards: floats([1, 2], 2) }, "SHAPE_MISMATCH", "rewards"],
    ["an infinite reward", { rewards: floats([1, 2, Number.POSITIVE_INFINITY], COUNT) }, "NON_FINITE", "rewards[2]"],
    ["a reward too large for a network", { rewards: doubles([1, 1e300, 2], COUNT) }, "NON_FINITE", "rewards[1]"],
    [
      "an observation too large for a network",
      { observations: doubles([0, 1, 2, 3, 4, 1e39], COUNT, 2) },
      "NON_FINITE",
      "observations[2][1]",
    ],
    ["no rewards", { rewards: undefined }, "INVALID_PARAMS", "rewards"],
    ["flags that are none", { terminated: floats([0, 2, 0], COUNT) }, "INVALID_PARAMS", "terminated[1]"],
    ["an unknown group", { group: 1 }, "NOT_FOUND", "group"],
    ["a mask that was not declared", { mask: floats(new Array(15).fill(1), COUNT, 5) }, "INVALID_PARAMS", "mask"],
  ];

  it.each(wrong)("is refused with %s, and nothing of it is taken", (_name, members, reason, path) => {
    const [troubled, calm] = [open(), open()];
    for (const { hosting } of [troubled, calm]) hosting.step({ group: 0, observations: seen(0) });
    const fault = faultOf(() => troubled.hosting.step({ ...later(1), ...members } as HostStep));
    expect(fault.reason).toBe(reason);
    expect(fault.violations[0]!.path).toBe(path);
    for (let turn = 1; turn < 10; turn++) {
      const [got, wanted] = [troubled, calm].map(({ hosting }) => [...hosting.step(later(turn)).actions.data]);
      expect(got).toEqual(wanted);
    }
    expect(encodeRun(troubled.learner.save()).equals(encodeRun(calm.learner.save()))).toBe(true);
  });

  it("says how many rewards were expected", () => {
    const { hosting } = open();
    hosting.step({ group: 0, observations: seen(0) });
    const fault = faultOf(() => hosting.step({ ...later(1), rewards: floats([1, 2], 2) }));
    expect(fault.violations).toMatchObject([{ expected: "[3]", got: "[2]" }]);
  });

  it("is never asked for in a space that holds nothing", () => {
    const fault = faultOf(() => open({ observation: { type: "box", shape: [2], low: [0, 1], high: [1, 0] } }));
    expect(fault.violations).toMatchObject([{ path: "environment.observation.low", expected: "at most 0", got: "1" }]);
  });

  it("names environment and field for programs", () => {
    const { hosting } = open();
    const fault = faultOf(() =>
      hosting.step({ group: 0, observations: floats([0, 0, 0, 0, Number.NaN, 0], COUNT, 2) }),
    );
    expect(fault.context).toEqual({ group: 0, field: "observations", environment: 2 });
  });

  it("needs last observations where an episode was cut short and begins anew at once", () => {
    const { hosting } = open({ autoreset: "sameStep" });
    hosting.step({ group: 0, observations: seen(0) });
    const cut = { ...later(1), truncated: floats([0, 1, 0], COUNT) };
    expect(faultOf(() => hosting.step(cut)).violations[0]!.path).toBe("finalObservations");
    expect(hosting.step({ ...cut, finalObservations: seen(9) }).actions.shape).toEqual([COUNT, 2]);
  });

  it("gives figures with the step that fills a rollout", () => {
    const { hosting } = open();
    hosting.step({ group: 0, observations: seen(0) });
    const updates = [1, 2, 3, 4, 5].map((turn) => hosting.step(later(turn)).update !== null);
    expect(updates).toEqual([false, false, false, true, false]);
  });

  it("chooses nothing that is masked", () => {
    const { hosting } = open({ mask: true });
    const mask = floats([0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0], COUNT, 5);
    hosting.step({ group: 0, observations: seen(0), mask });
    for (let turn = 1; turn < 20; turn++) {
      expect([...hosting.step({ ...later(turn), mask }).actions.data]).toEqual([1, 2, 0, 1, 0, 0]);
    }
  });

  it("warns once where everything is masked, and goes on", () => {
    const { hosting, warnings, learner } = open({ mask: true });
    const mask = floats(new Array(15).fill(0), COUNT, 5);
    hosting.step({ group: 0, observations: seen(0), mask });
    for (let turn = 1; turn < 13; turn++) hosting.step({ ...later(turn), mask });
    expect(warnings.filter((code) => code === "ALL_MASKED")).toHaveLength(1);
    expect(
      Object.values(learner.weights()).every(({ data }) => [...data].every((value) => Number.isFinite(Number(value)))),
    ).toBe(true);
  });

  it("begins anew with `reset`, without what the last actions led to", () => {
    const { hosting, learner } = open();
    hosting.step({ group: 0, observations: seen(0) });
    hosting.step(later(1));
    hosting.step({ group: 0, observations: seen(2), reset: true });
    for (let turn = 3; turn < 8; turn++) hosting.step(later(turn));
    expect(learner.steps).toBe(6 * COUNT);
    expect(learner.updates).toBe(1);
  });
});

describe("groups in turn", () => {
  it("make one rollout: the same updates whoever steps first", () => {
    const orders = [
      [0, 1],
      [1, 0],
    ];
    const updates = orders.map((order) => {
      const { hosting, learner } = open({ groups: 2 });
      for (const group of order) hosting.step({ group, observations: seen(group) });
      for (let turn = 1; turn < 9; turn++) for (const group of order) hosting.step({ ...later(turn), group });
      return learner.updates;
    });
    expect(updates).toEqual([2, 2]);
  });

  it("let none run ahead by more than a rollout", () => {
    const { hosting } = open({ groups: 2 });
    for (const group of [0, 1]) hosting.step({ group, observations: seen(group) });
    for (let turn = 1; turn < 8; turn++) hosting.step(later(turn));
    expect(faultOf(() => hosting.step(later(8))).reason).toBe("INVALID_STATE");
    hosting.step({ ...later(1), group: 1 });
  });
});
