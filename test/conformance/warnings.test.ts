/** @file What goes wrong with learning by acting, provoked in runs over the wire, and told once in words with figures. */
import { expect, it } from "vitest";
import { type Json, type Sidecar, startSidecar } from "../support/sidecar.ts";

const BOX = { type: "box", shape: [1] };
const COPIES = 4;
const all = (value: unknown): unknown[] => new Array(COPIES).fill(value);

/** Episodes of one step in a host's environment. @returns every warning that came with an answer */
async function lived(
  sidecar: Sidecar,
  run: object,
  { steps, reward, mask }: { steps: number; reward: (step: number, copy: number) => number; mask?: number[] },
): Promise<Json[]> {
  const environment = { type: "host", observation: BOX, action: { type: "discrete", n: 2 }, count: COPIES };
  const host = { ...environment, autoreset: "sameStep", mask: mask !== undefined };
  await sidecar.call("rl.create", { environment: host, seed: 1, ...run });
  const warnings: Json[] = [];
  for (let step = 0; step <= steps; step++) {
    const observations = all(0).map((_, copy) => [Math.sin(7 * step + copy)]);
    const told = { rewards: all(0).map((_, copy) => reward(step, copy)), terminated: all(true), truncated: all(false) };
    const given = { run: "r_1", observations, ...(step === 0 ? {} : told), ...(mask ? { mask: all(mask) } : {}) };
    warnings.push(...((await sidecar.call("rl.step", given)).warnings ?? []));
  }
  return warnings;
}

/** A training inside. @returns every warning among its events */
async function trained(sidecar: Sidecar, run: object, totalSteps: number): Promise<Json[]> {
  await sidecar.call("rl.create", { environment: { type: "CartPole-v1" }, seed: 1, ...run });
  const { job } = await sidecar.call("rl.train", { run: "r_1", totalSteps });
  await sidecar.call("jobs.wait", { jobId: job.id });
  await sidecar.event("job.completed", job.id);
  const events = sidecar.messages.filter((message) => message.method === "event").map(({ params }) => params);
  return events.filter(({ type }) => type === "warning").map(({ data }) => data);
}

const QUICK = { type: "ppo", numSteps: 8, updateEpochs: 1, numMinibatches: 1 };
const codes = (warnings: Json[]): string[] => warnings.map(({ code }) => code);

const HASTY = { type: "ppo", numSteps: 32, updateEpochs: 10, annealLearningRate: false };

it.each([
  ["leaps with every update", "KL_TOO_HIGH", 0.02, /divergence \d+\.\d+, above 0\.1 for 3 updates/, /`targetKl`/],
  ["tries nothing any more", "ENTROPY_COLLAPSED", 0.2, /entropy \S+ of 0\.69 for 10 updates/, /`entCoef`/],
])("a policy that %s is told of once", async (_how, code, learningRate, message, hint) => {
  const warnings = await trained(startSidecar(), { algorithm: { ...HASTY, learningRate } }, 4096);
  expect(codes(warnings).filter((each) => each === code)).toEqual([code]);
  const warning = warnings.find((each) => each.code === code);
  expect(warning.message).toMatch(message);
  expect(warning.hint).toMatch(hint);
});

it("values that explain nothing are told of once, after thirty updates", async () => {
  // Rewards that nothing foretells, smaller than what values say at first, and steps too short to learn anything.
  const algorithm = { ...QUICK, learningRate: 1e-9, gamma: 0 };
  const reward = (step: number, copy: number) => 0.01 * Math.sin(1000 * (step * COPIES + copy));
  const warnings = await lived(startSidecar(), { algorithm }, { steps: 60 * 8, reward });
  expect(codes(warnings)).toEqual(["VALUES_EXPLAIN_NOTHING"]);
  expect(warnings[0].message).toMatch(/explained variance -\d+\.\d+ for 30 updates/);
  expect(warnings[0].hint).toMatch(/`normaliseRewards`/);
});

it.each([
  ["large", 3e6, /extremely large: returns have a size of 3\.0e\+6/, /divide/],
  ["small", 2e-5, /extremely small: returns have a size of 0\.000020/, /multiply/],
])("rewards that are far too %s are told of once", async (_how, reward, message, hint) => {
  const algorithm = { ...QUICK, learningRate: 1e-9 };
  const warnings = await lived(startSidecar(), { algorithm }, { steps: 20 * 8, reward: () => reward });
  expect(codes(warnings)).toEqual(["REWARD_SCALE"]);
  expect(warnings[0].message).toMatch(message);
  expect(warnings[0].hint).toMatch(hint);
});

it.each(["ppo", "dqn"])("masks that allow nothing are told of once, with %s", async (type) => {
  const dqn = { type, learningStarts: 0, trainFrequency: 1, bufferSize: 1000, batchSize: 8 };
  const algorithm = type === "ppo" ? QUICK : dqn;
  const reward = (step: number) => step % 2;
  const warnings = await lived(startSidecar(), { algorithm }, { steps: 30, reward, mask: [0, 0] });
  expect(codes(warnings)).toEqual(["ALL_MASKED"]);
  expect(warnings[0].message).toMatch(/^\d+ times every action/);
  expect(warnings[0].hint).toMatch(/at least one choice/);
});

it("single episodes whose masks allow nothing are told of once, too", async () => {
  const sidecar = startSidecar();
  const environment = { type: "host", observation: BOX, action: { type: "discrete", n: 2 }, mask: true };
  await sidecar.call("rl.create", { environment, algorithm: QUICK });
  const answers: Json[] = [];
  for (let episode = 0; episode < 40; episode++) {
    const name = `e${episode}`;
    const asked = { run: "r_1", episodes: [name], observations: [[episode % 3]], mask: [[0, 0]] };
    answers.push(await sidecar.call("policy.act", asked));
    answers.push(await sidecar.call("policy.end", { run: "r_1", episode: name, reward: episode % 2 }));
  }
  const warnings = answers.flatMap((answer) => answer.warnings ?? []);
  expect(codes(warnings)).toEqual(["ALL_MASKED"]);
});

it("a game that is over allows no move, and nobody is warned of that", async () => {
  const sidecar = startSidecar();
  const environment = { type: "host", observation: BOX, action: { type: "discrete", n: 2 }, mask: true };
  await sidecar.call("rl.create", { environment, algorithm: QUICK });
  const answers: Json[] = [];
  for (let step = 0; step < 60; step++) {
    // With `nextStep`: two moves, then the last observation, with nothing to choose, then the next game's first.
    const isOver = step % 3 === 2;
    const told = { rewards: [step % 2], terminated: [isOver], truncated: [false] };
    const mask = [isOver ? [0, 0] : [1, 0]];
    answers.push(
      await sidecar.call("rl.step", { run: "r_1", observations: [[step % 3]], mask, ...(step === 0 ? {} : told) }),
    );
  }
  expect(answers.some(({ update }) => update !== undefined)).toBe(true);
  expect(answers.flatMap((answer) => answer.warnings ?? [])).toEqual([]);
});
