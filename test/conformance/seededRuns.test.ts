/** @file What a seed decides in a host's runs, and what a policy sees of steps that were asked before it. */
import { expect, it } from "vitest";
import { type Json, type Sidecar, sleep, startSidecar, temporaryDirectory } from "../support/sidecar.ts";

const OBSERVATION = { type: "box", shape: [2] };
const ACTION = { type: "discrete", n: 2 };
const ALGORITHM = { type: "ppo", numSteps: 8, updateEpochs: 20, learningRate: 0.01, annealLearningRate: false };
const PROBE = [
  [0.3, -0.4],
  [-1, 0.5],
];

/** What the policy makes of two observations: as good as its weights. */
async function probe(sidecar: Sidecar): Promise<Json> {
  const { values, logProbs } = await sidecar.call("policy.act", { model: "m_1", observations: PROBE });
  return { values, logProbs };
}

const seen = (step: number) => [
  [Math.sin(step), Math.cos(step)],
  [Math.cos(3 * step), 0.1 * (step % 7)],
];

/** Two groups of two copies under way at once; what an action brings is whether it is the sign of what was seen. */
async function steppedInGroups(steps: number): Promise<Json> {
  const sidecar = startSidecar();
  const environment = { type: "host", observation: OBSERVATION, action: ACTION, count: 2, groups: 2 };
  await sidecar.call("rl.create", { environment, algorithm: ALGORITHM, seed: 5 });
  const ask = (group: number, step: number, actions: number[] | null) => {
    const rewards = actions?.map((action, copy) => Number(action === Number(seen(step + group)[copy]![0]! > 0)));
    const ended = { terminated: [step % 11 === 0, false], truncated: [false, step % 13 === 0] };
    const told = actions === null ? {} : { rewards, ...ended };
    return sidecar.call("rl.step", { run: "r_1", group, observations: seen(step + 1 + group), ...told });
  };
  const waiting = [ask(0, 0, null), ask(1, 0, null)];
  const actions: unknown[] = [];
  for (let step = 1; step <= steps; step++) {
    for (const group of [0, 1]) {
      const answer = await waiting[group]!;
      actions.push(answer.actions.values);
      waiting[group] = ask(group, step, answer.actions.values);
    }
  }
  await Promise.all(waiting);
  return { actions, policy: await probe(sidecar) };
}

it("gives a host's steps the same actions and the same policy from the same seed, to the bit", async () => {
  const [one, other] = await Promise.all([steppedInGroups(100), steppedInGroups(100)]);
  expect(one).toEqual(other);
});

/** Two agents, one of which comes and goes; the host takes its time, and not always the same. */
async function playedByTwo(rounds: number, dawdle: (round: number) => Promise<unknown>): Promise<Json> {
  const sidecar = startSidecar();
  const environment = { type: "host", observation: OBSERVATION, action: ACTION, count: 2 };
  await sidecar.call("rl.create", { environment, algorithm: ALGORITHM, background: false, seed: 5 });
  const chosen: unknown[] = [];
  for (let round = 0; round < rounds; round++) {
    const agents = round % 5 === 4 ? ["stayer"] : ["stayer", "leaver"];
    const episodes = agents.map((agent) => `${agent} ${Math.floor(round / 5)}`);
    const observations = seen(round).slice(0, agents.length);
    const { actions } = await sidecar.call("policy.act", { run: "r_1", episodes, observations });
    chosen.push(actions.values);
    await dawdle(round);
    const told = episodes.map((episode, agent) => {
      const reward = Number(actions.values[agent] === Number(observations[agent]![0]! > 0));
      if (round % 5 === 4) {
        const last = { truncated: true, observations: [seen(round + 1)[0]] };
        return sidecar.call("policy.end", { run: "r_1", episode, reward, ...last });
      }
      const method = agent === 1 && round % 5 === 3 ? "policy.end" : "policy.reward";
      return sidecar.call(method, { run: "r_1", episode, reward });
    });
    await Promise.all(told);
  }
  return { chosen, policy: await probe(sidecar) };
}

it("gives single episodes the same actions and the same policy from the same seed, however the host dawdles, where updates are waited for", async () => {
  const [hasty, slow] = await Promise.all([
    playedByTwo(90, async () => {}),
    playedByTwo(90, (round) => sleep(round % 3 === 0 ? 4 : 0)),
  ]);
  expect(hasty).toEqual(slow);
});

const told = { rewards: [1], terminated: [false], truncated: [false] };
const single = { type: "host", observation: OBSERVATION, action: ACTION };

/** Steps that are all asked before the first is answered. */
function askSteps(sidecar: Sidecar, count: number): Promise<Json>[] {
  return Array.from({ length: count }, (_, step) =>
    sidecar.call("rl.step", { run: "r_1", observations: [seen(step)[0]], ...(step === 0 ? { reset: true } : told) }),
  );
}

it("shows in a policy what all steps have taught that were asked before, answered or not", async () => {
  const sidecar = startSidecar();
  await sidecar.call("rl.create", { environment: single, algorithm: ALGORITHM, seed: 5 });
  const first = askSteps(sidecar, 9); // the last of them leads to the first update
  const soon = probe(sidecar);
  const path = `${temporaryDirectory()}/policy.onnx`;
  const exported = sidecar.call("models.export", { model: "m_1", format: "onnx", path });
  await Promise.all(first);
  expect(await soon).toEqual(await probe(sidecar));
  expect((await exported).path).toBe(path);
  const [before, more] = [await soon, askSteps(sidecar, 17)];
  const after = probe(sidecar);
  await Promise.all(more);
  expect(await after).not.toEqual(before);
  expect(await after).toEqual(await probe(sidecar));
});

it("says that a policy has not learned yet where the steps before have not led to an update", async () => {
  const sidecar = startSidecar();
  await sidecar.call("rl.create", { environment: single, algorithm: ALGORITHM, seed: 5 });
  const steps = askSteps(sidecar, 5);
  const { error } = await sidecar.ask("policy.act", { model: "m_1", observations: PROBE });
  expect(error.data.reason).toBe("INVALID_STATE");
  await Promise.all(steps);
});

it("counts on after learning has diverged, where nothing was saved: the weights go on from where they were, and so do rates", async () => {
  const sidecar = startSidecar();
  const algorithm = { ...ALGORITHM, annealLearningRate: true };
  await sidecar.call("rl.create", { environment: single, algorithm, totalSteps: 64, seed: 5 });
  await Promise.all(askSteps(sidecar, 16));
  await probe(sidecar);
  const step = { run: "r_1", observations: [[0, 1]], ...told };
  expect((await sidecar.ask("rl.step", { ...step, rewards: [1e38] })).error.data.reason).toBe("DIVERGED");
  const answers = await Promise.all(askSteps(sidecar, 9));
  const { global_step: steps, "charts/learning_rate": rate } = answers.at(-1).update;
  expect(steps).toBe(16);
  expect(rate).toBeCloseTo(0.01 * (1 - 8 / 64), 6);
});
