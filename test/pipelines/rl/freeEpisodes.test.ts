/** @file Episodes that a host begins and ends: what of them is refused, and that nothing of a refused call is taken. */
import { afterAll, describe, expect, it } from "vitest";
import { createMachine, type NdArray } from "../../../src/engine/index.ts";
import { createFreeEpisodes, parseRun } from "../../../src/pipelines/index.ts";
import { openLearner } from "../../../src/pipelines/rl/openRun.ts";
import { faultOf } from "../../support/fault.ts";
import { registry } from "./rig.ts";

const executor = createMachine();
afterAll(() => executor.close());

function open(environment: object = {}) {
  const spec = parseRun(registry, {
    environment: {
      type: "host",
      observation: { type: "box", shape: [2] },
      action: { type: "discrete", n: 3 },
      ...environment,
    },
    algorithm: { type: "ppo", numSteps: 4 },
    seed: 1,
  });
  return createFreeEpisodes(spec, openLearner(registry, executor, spec, null), () => {});
}

const seen = (rows: number): NdArray => ({
  dtype: "F32",
  shape: [rows, 2],
  data: new Float32Array(2 * rows).fill(0.5),
});
const mask: NdArray = { dtype: "U8", shape: [1, 3], data: Uint8Array.of(0, 1, 0) };

describe("a single episode", () => {
  it("takes a mask where masks were declared, and refuses one that nobody would look at", () => {
    const masked = open({ mask: true });
    expect(masked.act(["a"], seen(1), mask).choice.applied[0]).toBe(1);
    const plain = open();
    expect(faultOf(() => plain.act(["a"], seen(1), mask))).toMatchObject({ reason: "INVALID_PARAMS" });
    expect(plain.open).toBe(0);
  });

  it.each([
    ["is no number", [Number.NaN]],
    ["is too large for a network", [1e39]],
    ["adds up to what is too large", [3e38, 3e38]],
  ])("refuses a reward that %s, and goes on without it", (_what, rewards) => {
    const episodes = open();
    episodes.act(["a"], seen(1), undefined);
    const last = rewards.pop()!;
    for (const reward of rewards) episodes.reward("a", reward, undefined);
    const fault = faultOf(() => episodes.reward("a", last, undefined));
    expect(fault).toMatchObject({ reason: "NON_FINITE", context: { episode: "a", field: "reward" } });
    expect(episodes.end("a", undefined, false, undefined).return).toBe(rewards[0] ?? 0);
  });

  it("that was cut short needs what was seen last, and is still there until that is told", () => {
    const episodes = open();
    episodes.act(["a"], seen(1), undefined);
    const fault = faultOf(() => episodes.end("a", 1, true, undefined));
    expect(fault).toMatchObject({ reason: "INVALID_PARAMS", context: { episode: "a", field: "observations" } });
    expect(episodes.end("a", 1, true, seen(1))).toEqual({ steps: 1, return: 1 });
  });

  it("is answered beside hundreds of others as it is alone", () => {
    const count = 600;
    const data = Float32Array.from({ length: 2 * count }, (_, at) => Math.sin(at));
    const names = Array.from({ length: count }, (_, row) => `e${row}`);
    const { choice, steps } = open().act(names, { dtype: "F32", shape: [count, 2], data }, undefined);
    expect(steps).toEqual(new Array(count).fill(0));
    expect([choice.applied.length, choice.seen.length]).toEqual([count, 2 * count]);
    for (const row of [0, 255, 256, 599]) {
      const alone = open().act(
        ["a"],
        { dtype: "F32", shape: [1, 2], data: data.slice(2 * row, 2 * row + 2) },
        undefined,
      );
      expect(choice.values[row]).toBeCloseTo(alone.choice.values[0]!, 6);
    }
  });

  it("is asked once in a call, and not after its end", () => {
    const episodes = open();
    expect(faultOf(() => episodes.act(["a", "b", "a"], seen(3), undefined))).toMatchObject({
      reason: "INVALID_PARAMS",
      violations: [{ path: "episodes[0]", message: "named twice" }],
    });
    episodes.act(["a"], seen(1), undefined);
    episodes.end("a", 1, false, undefined);
    expect(faultOf(() => episodes.act(["b", "a"], seen(2), undefined))).toMatchObject({
      reason: "INVALID_STATE",
      violations: [{ path: "episodes[1]", message: "ended" }],
    });
    expect(faultOf(() => episodes.reward("b", 1, undefined))).toMatchObject({ reason: "NOT_FOUND" });
  });
});
