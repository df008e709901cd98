/** What goes wrong when policies learn, told once, in words that say what to do. */
import { describe, expect, it } from "vitest";
import { parseRun } from "../../../src/pipelines/index.ts";
import type { Metrics } from "../../../src/pipelines/rl/algorithm.ts";
import { createWatch, type Warning } from "../../../src/pipelines/rl/watch.ts";
import { openTestRun, registry, trainRun } from "./rig.ts";

const FINE: Metrics = {
  "losses/approx_kl": 0.01,
  "losses/explained_variance": 0.5,
  "losses/entropy": 0.6,
  "losses/value_loss": 10,
};

/** What is told over so many updates with these figures. */
function toldOver(updates: number, figures: Metrics, returns = 20, environment = "CartPole-v1"): Warning[] {
  const told: Warning[] = [];
  const watch = createWatch(parseRun(registry, { environment: { type: environment } }).policy, (each) =>
    told.push(each),
  );
  for (let update = 0; update < updates; update++) watch.update({ ...FINE, ...figures }, returns);
  return told;
}

describe("a watch", () => {
  it("says nothing of updates that are as they should be", () => {
    expect(toldOver(200, {})).toEqual([]);
  });

  it.each<[string, string, RegExp, RegExp, Metrics, number?, string?]>([
    ["a KL that is too high", "KL_TOO_HIGH", /0\.300/, /`targetKl`/, { "losses/approx_kl": 0.3 }],
    [
      "values that explain nothing",
      "VALUES_EXPLAIN_NOTHING",
      /-0\.40/,
      /`vfCoef`/,
      { "losses/explained_variance": -0.4 },
    ],
    ["entropy that has collapsed", "ENTROPY_COLLAPSED", /of 0\.69/, /`entCoef`/, { "losses/entropy": 0.001 }],
    [
      "a Gaussian that has become a point",
      "ENTROPY_COLLAPSED",
      /-5/,
      /`entCoef`/,
      { "losses/entropy": -5 },
      20,
      "Pendulum-v1",
    ],
    ["rewards that are huge", "REWARD_SCALE", /3\.0e\+7/, /divide/, { "losses/value_loss": 3e7 }],
    ["returns that are huge", "REWARD_SCALE", /large.*5\.0e\+6/, /divide/, {}, 5e6],
    ["returns that are next to nothing", "REWARD_SCALE", /small.*0\.000020/, /multiply/, {}, 2e-5],
    ["masks that allow nothing", "ALL_MASKED", /^3 times/, /at least one/, { "charts/all_masked": 3 }],
  ])("tells once of %s", (_what, code, message, hint, figures, returns, environment) => {
    const told = toldOver(200, figures, returns, environment);
    expect(told.map((each) => each.code)).toEqual([code]);
    expect(told[0]!.message).toMatch(message);
    expect(told[0]!.hint).toMatch(hint);
  });

  it.each<[string, Metrics]>([
    ["a single large step", { "losses/approx_kl": 0.3 }],
    ["values that only begin to learn", { "losses/explained_variance": -0.4 }],
  ])("does not tell of %s", (_what, figures) => {
    expect(toldOver(2, figures)).toEqual([]);
  });
});

it("tells of a policy that collapses while it learns", () => {
  const algorithm = { type: "ppo", learningRate: 0.2, updateEpochs: 10, numSteps: 32 };
  const { warnings } = trainRun(openTestRun({ environment: { type: "CartPole-v1" }, algorithm, seed: 1 }), 2048);
  expect(warnings).toContain("ENTROPY_COLLAPSED");
});
