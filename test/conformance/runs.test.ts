/** Runs over the wire: killed and resumed, stopped and gone on with, and hosts that misbehave. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  isAlive,
  type Json,
  PROGRAM,
  type Sidecar,
  sleep,
  startSidecar,
  temporaryDirectory,
  until,
} from "../support/sidecar.ts";

const ENVIRONMENT = { type: "CartPole-v1" };
const ALGORITHM = { type: "ppo", numEnvs: 4, numSteps: 32 };
const PROBE = [
  [0.01, -0.02, 0.03, 0.04],
  [0.1, 0.2, -0.1, 0.3],
];

/** What the policy makes of two observations: as good as its weights. */
async function probe(sidecar: Sidecar): Promise<unknown> {
  const { values, logProbs } = await sidecar.call("policy.act", { model: "m_1", observations: PROBE });
  return { values, logProbs };
}

async function learned(totalSteps: number): Promise<unknown> {
  const sidecar = startSidecar();
  await sidecar.call("rl.create", { environment: ENVIRONMENT, algorithm: ALGORITHM, seed: 5 });
  const { job } = await sidecar.call("rl.train", { run: "r_1", totalSteps });
  await sidecar.call("jobs.wait", { jobId: job.id });
  return probe(sidecar);
}

it("goes on after kill -9, to the same policy as if nothing had happened", async () => {
  const parameters = ["--data-dir", temporaryDirectory()];
  const first = startSidecar({ parameters });
  await first.call("rl.create", { environment: ENVIRONMENT, algorithm: ALGORITHM, seed: 5 });
  await first.call("rl.train", { run: "r_1", totalSteps: 20_000, checkpoint: { everySteps: 1500 } });
  await first.event("checkpoint.saved");
  first.child.kill("SIGKILL");
  await first.exit;
  const second = startSidecar({ parameters });
  expect((await second.call("jobs.get", { jobId: "j_1" })).job).toMatchObject({
    state: "interrupted",
    resumable: true,
  });
  await second.call("jobs.resume", { jobId: "j_1" });
  const { job } = await second.call("jobs.wait", { jobId: "j_1" });
  expect(job.result.steps).toBe(20_000);
  expect(await probe(second)).toEqual(await learned(20_000));
});

const SMALL_NETWORK = { type: "mlp", hidden: [16], activation: "tanh" };
/** Small ones, so that a test is quick; what they keep for later is in the checkpoint. */
const OTHERS: [string, object, object, number[][]][] = [
  ["a2c", { type: "CartPole-v1" }, { type: "a2c", numEnvs: 4 }, PROBE],
  [
    "dqn",
    { type: "CartPole-v1" },
    { type: "dqn", learningStarts: 200, batchSize: 32, prioritised: true, nStep: 2 },
    PROBE,
  ],
  ["sac", { type: "Pendulum-v1" }, { type: "sac", learningStarts: 100, batchSize: 32 }, [[1, 0, 0.5]]],
  ["td3", { type: "Pendulum-v1" }, { type: "td3", learningStarts: 100, batchSize: 32 }, [[1, 0, 0.5]]],
];

it.each(OTHERS)(
  "goes on after kill -9 to the same policy with %s, too",
  async (_type, environment, algorithm, observations) => {
    const parameters = ["--data-dir", temporaryDirectory()];
    const first = startSidecar({ parameters });
    await first.call("rl.create", { environment, algorithm, backbone: SMALL_NETWORK, seed: 5 });
    await first.call("rl.train", { run: "r_1", totalSteps: 900, checkpoint: { everySteps: 333 } });
    await first.event("checkpoint.saved");
    first.child.kill("SIGKILL");
    await first.exit;
    const second = startSidecar({ parameters });
    await second.call("jobs.resume", { jobId: "j_1" }).catch(() => {}); // it may have ended before it was killed
    await second.call("jobs.wait", { jobId: "j_1" });
    const whole = startSidecar();
    await whole.call("rl.create", { environment, algorithm, backbone: SMALL_NETWORK, seed: 5 });
    const { job } = await whole.call("rl.train", { run: "r_1", totalSteps: 900 });
    await whole.call("jobs.wait", { jobId: job.id });
    const acted = (sidecar: Sidecar) => sidecar.call("policy.act", { model: "m_1", observations });
    expect(await acted(second)).toEqual(await acted(whole));
  },
);

const HOSTED = {
  environment: { type: "host", observation: { type: "box", shape: [2] }, action: { type: "discrete", n: 2 } },
  algorithm: { type: "ppo", numSteps: 8, annealLearningRate: false },
  seed: 5,
};
const told = { rewards: [1], terminated: [false], truncated: [false] };

/** Steps of a host, so many from a number on. */
async function hostSteps(sidecar: Sidecar, from: number, steps: number): Promise<unknown> {
  let answer: unknown;
  for (let step = from; step < from + steps; step++) {
    const observations = [[Math.sin(step), Math.cos(step)]];
    answer = await sidecar.call("rl.step", { run: "r_1", observations, ...(step === from ? {} : told) });
  }
  return answer;
}

it("tells a host what goes wrong with the answer that it came of, once", async () => {
  const sidecar = startSidecar();
  await sidecar.call("rl.create", { ...HOSTED, environment: { ...HOSTED.environment, mask: true } });
  const answers = [];
  for (let step = 0; step < 20; step++) {
    const given = { run: "r_1", observations: [[step, 1]], mask: [[0, 0]] };
    answers.push(await sidecar.call("rl.step", { ...given, ...(step === 0 ? {} : told) }));
  }
  const warnings = answers.flatMap((answer, step) => (answer.warnings ?? []).map((each: Json) => [step, each.code]));
  expect(warnings).toEqual([[8, "ALL_MASKED"]]);
});

it("tells what single episodes were like under CleanRL's names", async () => {
  const sidecar = startSidecar();
  await sidecar.call("rl.create", HOSTED);
  const updates = [];
  for (let episode = 0; episode < 40; episode++) {
    const name = `e${episode}`;
    updates.push(await sidecar.call("policy.act", { run: "r_1", episodes: [name], observations: [[1, 0]] }));
    updates.push(await sidecar.call("policy.end", { run: "r_1", episode: name, reward: 2 }));
  }
  const update = updates.findLast((answer) => answer.update !== undefined)?.update;
  expect(update).toMatchObject({
    "charts/episodic_return": 2,
    "charts/episodic_length": 1,
    "charts/mean_return_100": 2,
  });
  expect(update["charts/SPS"]).toBeGreaterThan(0);
});

it("keeps a host's run at its updates: what died with the process is what was learned since", async () => {
  const parameters = ["--data-dir", temporaryDirectory()];
  const first = startSidecar({ parameters });
  await first.call("rl.create", { ...HOSTED, checkpoint: { everyUpdates: 1 } });
  await hostSteps(first, 0, 20); // two updates, the second at step 16
  const acted = (sidecar: Sidecar) => sidecar.call("policy.act", { model: "m_1", observations: [[0.3, -0.4]] });
  const before = await acted(first);
  first.child.kill("SIGKILL");
  await first.exit;
  const second = startSidecar({ parameters });
  expect(await second.call("rl.save", { run: "r_1" })).toMatchObject({ steps: 16, updates: 2 });
  expect(await acted(second)).toEqual(before);
  await hostSteps(second, 0, 10);
  expect(await acted(second)).not.toEqual(before);
});

it("keeps a host's run when it is asked to, and says where that cannot be", async () => {
  const parameters = ["--data-dir", temporaryDirectory()];
  const first = startSidecar({ parameters });
  await first.call("rl.create", { ...HOSTED, checkpoint: false });
  await hostSteps(first, 0, 12);
  expect(await first.call("rl.save", { run: "r_1" })).toEqual({ run: "r_1", steps: 11, updates: 1 });
  first.child.kill("SIGKILL");
  await first.exit;
  const second = startSidecar({ parameters });
  expect(await second.call("rl.save", { run: "r_1" })).toMatchObject({ steps: 11, updates: 1 });
  const homeless = startSidecar();
  await homeless.call("rl.create", HOSTED);
  expect((await homeless.ask("rl.save", { run: "r_1" })).error.data).toMatchObject({ reason: "INVALID_STATE" });
});

it("keeps a run across sessions: N steps and N more are 2 N", async () => {
  const parameters = ["--data-dir", temporaryDirectory()];
  const algorithm = { ...ALGORITHM, annealLearningRate: false };
  for (const half of [0, 1]) {
    const sidecar = startSidecar({ parameters });
    if (half === 0) await sidecar.call("rl.create", { environment: ENVIRONMENT, algorithm, seed: 5 });
    const { job } = await sidecar.call("rl.train", { run: "r_1", totalSteps: 5000 });
    await sidecar.call("jobs.wait", { jobId: job.id });
    if (half === 0) sidecar.child.kill("SIGKILL");
    else {
      const whole = startSidecar();
      await whole.call("rl.create", { environment: ENVIRONMENT, algorithm, seed: 5 });
      const long = await whole.call("rl.train", { run: "r_1", totalSteps: 10_000 });
      await whole.call("jobs.wait", { jobId: long.job.id });
      expect(await probe(sidecar)).toEqual(await probe(whole));
    }
    await Promise.race([sidecar.exit, until(() => half === 1)]);
  }
});

const COPIES = 64;
const WIDE = {
  environment: { ...HOSTED.environment, count: COPIES },
  algorithm: { type: "ppo", numSteps: 4, updateEpochs: 1000, numMinibatches: 1 },
  backbone: { type: "mlp", hidden: [256, 256] },
  seed: 5,
};
const all = (value: unknown): unknown[] => new Array(COPIES).fill(value);

/** Brings a run into an update that takes far longer than a process has to end. */
async function intoUpdate(sidecar: Sidecar): Promise<void> {
  const step = { run: "r_1", observations: all([0.3, -0.4]) };
  const outcome = { rewards: all(1), terminated: all(false), truncated: all(false) };
  await sidecar.call("rl.step", step);
  for (let count = 1; count < 4; count++) await sidecar.call("rl.step", { ...step, ...outcome });
  sidecar.ask("rl.step", { ...step, ...outcome }).catch(() => {});
  await sleep(300);
}

/** Every file below a folder that lasts longer than the process. */
const kept = (folder: string): string[] =>
  (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name !== "lock").sort();

const DEATHS: [string, (sidecar: Sidecar) => void][] = [
  ["its host hangs up", (sidecar) => sidecar.endInput()],
  ["its host is killed", (sidecar) => void sidecar.child.kill("SIGKILL")],
  ["it is killed itself", (sidecar) => process.kill(Number(sidecar.errors()), "SIGKILL")],
];

it.each(DEATHS)("is gone soon when %s amid an update, and what was saved is there whole", async (_how, die) => {
  const directory = temporaryDirectory();
  const parameters = ["--data-dir", directory, "--log-level", "silent"];
  const host = 'exec 3<&0; "$0" "$@" <&3 & echo $! >&2; wait';
  const first = startSidecar({ command: ["sh", "-c", host, process.execPath, PROGRAM, ...parameters] });
  await first.call("rl.create", WIDE);
  const { job } = await first.call("rl.imitate", { run: "r_1", data: { x: [[0.3, -0.4]], y: [1] }, epochs: 3 });
  await first.call("jobs.wait", { jobId: job.id });
  await first.call("rl.save", { run: "r_1" });
  const acted = (sidecar: Sidecar) => sidecar.call("policy.act", { model: "m_1", observations: [[0.3, -0.4]] });
  const before = await acted(first);
  const checkpoint = join(directory, "runs/r_1/checkpoint.safetensors");
  const [files, saved] = [kept(directory), readFileSync(checkpoint)];
  await intoUpdate(first);
  const pid = Number(first.errors());
  die(first);
  await until(() => !isAlive(pid));
  expect(kept(directory)).toEqual(files);
  expect(readFileSync(checkpoint).equals(saved)).toBe(true);
  const second = startSidecar({ parameters });
  expect((await second.call("rl.list")).runs).toMatchObject([{ id: "r_1", model: "m_1", job: null }]);
  expect(await acted(second)).toEqual(before);
  expect(await second.call("rl.save", { run: "r_1" })).toMatchObject({ steps: 0, updates: 0 });
  expect(await acted(second)).toEqual(before);
  expect((await second.call("rl.step", { run: "r_1", observations: all([1, 2]) })).actions.shape).toEqual([COPIES]);
});

it("makes a policy that was not kept in time what its run goes on from, and sweeps away what was half written", async () => {
  const directory = temporaryDirectory();
  const parameters = ["--data-dir", directory];
  const first = startSidecar({ parameters });
  await first.call("rl.create", { ...HOSTED, checkpoint: { everyUpdates: 1 } });
  await hostSteps(first, 0, 9);
  const acted = (sidecar: Sidecar) => sidecar.call("policy.act", { model: "m_1", observations: [[0.3, -0.4]] });
  const before = await acted(first);
  await first.call("rl.save", { run: "r_1" });
  first.child.kill("SIGKILL");
  await first.exit;
  const files = kept(directory);
  rmSync(join(directory, "models/m_1/saved"), { recursive: true });
  mkdirSync(join(directory, "models/m_1/.saved.1.new"));
  writeFileSync(join(directory, "runs/r_1/checkpoint.safetensors.new"), "half a checkp");
  const second = startSidecar({ parameters });
  expect(await acted(second)).toEqual(before);
  second.endInput();
  await second.exit;
  expect(kept(directory)).toEqual(files);
});

it("answers each step once where the run is closed meanwhile, and none after that", async () => {
  const sidecar = startSidecar();
  await sidecar.call("rl.create", HOSTED);
  await hostSteps(sidecar, 0, 1);
  const step = { method: "rl.step", params: { run: "r_1", observations: [[0, 1]], ...told } };
  const close = { method: "rl.close", params: { run: "r_1" } };
  const requests = [...new Array(20).fill(step), close, ...new Array(20).fill(step), close];
  sidecar.send(...requests.map((request, id) => ({ jsonrpc: "2.0", id, ...request })));
  await Promise.all(requests.map((_, id) => sidecar.next((message) => message.id === id)));
  await sidecar.call("models.list");
  const answers = sidecar.messages.filter(({ id }) => typeof id === "number" && id < requests.length);
  expect(answers).toHaveLength(requests.length);
  expect(
    answers
      .filter(({ result }) => result !== undefined)
      .map(({ id }) => id)
      .sort((a, b) => a - b),
  ).toEqual(requests.map((_, id) => id).slice(0, 21));
  const reasons = answers.flatMap(({ error }) => (error === undefined ? [] : [error.data.reason]));
  expect(new Set(reasons)).toEqual(new Set(["NOT_FOUND"]));
});

it("deletes no model from under the run that learns it", async () => {
  const sidecar = startSidecar();
  await sidecar.call("rl.create", HOSTED);
  const { error } = await sidecar.ask("models.delete", { model: "m_1" });
  expect(error.data).toMatchObject({
    reason: "INVALID_STATE",
    hint: expect.stringContaining('rl.close {"run":"r_1"}'),
  });
  await hostSteps(sidecar, 0, 3);
  await sidecar.call("rl.close", { run: "r_1" });
  expect(await sidecar.call("models.delete", { model: "m_1" })).toEqual({ deleted: "m_1" });
});

it("says that a checkpoint is another run's, whole as it is", async () => {
  const spaces = [
    { type: "box", shape: [2] },
    { type: "box", shape: [5] },
  ];
  const directories = [temporaryDirectory(), temporaryDirectory()] as const;
  for (const [index, parameters] of directories.map((directory) => ["--data-dir", directory]).entries()) {
    const sidecar = startSidecar({ parameters });
    await sidecar.call("rl.create", { ...HOSTED, environment: { ...HOSTED.environment, observation: spaces[index] } });
    await sidecar.call("rl.save", { run: "r_1" });
    sidecar.endInput();
    await sidecar.exit;
  }
  const [own, others] = directories.map((directory) => join(directory, "runs/r_1/checkpoint.safetensors"));
  writeFileSync(own!, readFileSync(others!));
  const sidecar = startSidecar({ parameters: ["--data-dir", directories[0]] });
  const { error } = await sidecar.ask("rl.step", { run: "r_1", observations: [[0, 0]] });
  expect(error.data.reason).toBe("CHECKPOINT_CORRUPT");
});

it("gives no id twice, though what had it cannot be read any more", async () => {
  const directory = temporaryDirectory();
  const parameters = ["--data-dir", directory];
  const first = startSidecar({ parameters });
  await first.call("rl.create", HOSTED);
  first.endInput();
  await first.exit;
  writeFileSync(join(directory, "models/m_1/entry.json"), "{");
  const second = startSidecar({ parameters });
  expect((await second.call("rl.list")).runs).toEqual([]);
  expect((await second.call("rl.create", HOSTED)).run).toMatchObject({ id: "r_2", model: "m_2" });
});

it("keeps the last good weights where a reward was too much, learns on from them, and saves nothing else", async () => {
  const parameters = ["--data-dir", temporaryDirectory()];
  const sidecar = startSidecar({ parameters });
  await sidecar.call("rl.create", { ...HOSTED, checkpoint: { everyUpdates: 1 } });
  await hostSteps(sidecar, 0, 16);
  const acted = (by: Sidecar) => by.call("policy.act", { model: "m_1", observations: [[0.3, -0.4]] });
  const before = await acted(sidecar);
  const step = { run: "r_1", observations: [[0, 1]], ...told, rewards: [1e38] };
  expect((await sidecar.ask("rl.step", step)).error.data.reason).toBe("DIVERGED");
  expect(await acted(sidecar)).toEqual(before);
  await hostSteps(sidecar, 0, 5);
  expect(await sidecar.call("rl.save", { run: "r_1" })).toMatchObject({ steps: 12, updates: 1 });
  sidecar.endInput();
  await sidecar.exit;
  const second = startSidecar({ parameters });
  expect(await acted(second)).toEqual(before);
  await hostSteps(second, 0, 20);
  expect(await acted(second)).not.toEqual(before);
});

it("pauses, goes on and is cancelled like any job", async () => {
  const sidecar = startSidecar();
  await sidecar.call("rl.create", { environment: ENVIRONMENT, algorithm: ALGORITHM });
  const { job } = await sidecar.call("rl.train", { run: "r_1", totalSteps: 100_000_000 });
  await sidecar.event("rl.update");
  expect((await sidecar.call("jobs.pause", { jobId: job.id })).job.state).toBe("paused");
  expect((await sidecar.call("jobs.resume", { jobId: job.id })).job.state).toBe("running");
  expect((await sidecar.ask("rl.train", { run: "r_1", totalSteps: 1 })).error.data.reason).toBe("INVALID_STATE");
  await sidecar.call("jobs.cancel", { jobId: job.id });
  expect((await sidecar.call("jobs.wait", { jobId: job.id })).job.state).toBe("cancelled");
  const again = await sidecar.call("rl.train", { run: "r_1", totalSteps: 512 });
  expect((await sidecar.call("jobs.wait", { jobId: again.job.id })).job.state).toBe("completed");
});

it("says which environment and field of a host's step is wrong, and takes the next one", async () => {
  const sidecar = startSidecar();
  const space = { type: "box", shape: [2] };
  const environment = { type: "host", observation: space, action: { type: "discrete", n: 2 }, count: 2 };
  await sidecar.call("rl.create", { environment });
  const step = {
    run: "r_1",
    observations: [
      [0, 1],
      [1, 0],
    ],
  };
  await sidecar.call("rl.step", step);
  const told = { rewards: [0, 1], terminated: [false, true], truncated: [false, false] };
  const { error } = await sidecar.ask("rl.step", {
    ...step,
    ...told,
    observations: [
      [0, 1],
      [1, "NaN"],
    ],
  });
  expect(error.data).toMatchObject({ reason: "NON_FINITE", context: { environment: 1, field: "observations" } });
  expect((await sidecar.call("rl.step", { ...step, ...told })).actions.shape).toEqual([2]);
});

it("says what a policy takes and gives, from the beginning", async () => {
  const sidecar = startSidecar();
  const { environment } = HOSTED;
  await sidecar.call("rl.create", { environment: { ...environment, mask: true }, memory: { type: "gru", hidden: 8 } });
  await sidecar.call("rl.create", { environment: { type: "Pendulum-v1" } });
  const [masked, plain] = [
    (await sidecar.call("models.get", { model: "m_1" })).model,
    (await sidecar.call("models.get", { model: "m_2" })).model,
  ];
  const named = (ports: Json[]) => ports.map(({ name, dtype, shape }) => [name, dtype, ...shape].join(" "));
  expect(named(masked.inputs)).toEqual(["observations F32 batch 2", "mask BOOL batch 2", "state[0] F32 batch 8"]);
  expect(named(masked.outputs)).toEqual([
    "actions I32 batch",
    "values F32 batch",
    "logProbs F32 batch",
    "state[0] F32 batch 8",
  ]);
  expect(named(plain.outputs)[0]).toBe("actions F32 batch 1");
});

it("refuses what would not fit, with numbers, before anything of it is taken", async () => {
  const sidecar = startSidecar();
  const { environment } = HOSTED;
  const wide = { ...environment, observation: { type: "box", shape: [16_777_216, 16] } };
  const { error } = await sidecar.ask("rl.create", { environment: wide });
  expect(error.data).toMatchObject({ reason: "LIMIT_EXCEEDED", violations: [{ got: "268435456" }] });
  const heavy = { environment, backbone: { type: "mlp", hidden: [65_536, 65_536] } };
  expect((await sidecar.ask("rl.create", heavy)).error.data.reason).toBe("OUT_OF_MEMORY");
  const many = { environment: { ...environment, count: 65_536 }, algorithm: { type: "ppo", numSteps: 1_000_000 } };
  const { run } = await sidecar.call("rl.create", many);
  const refused = await sidecar.ask("rl.step", { run: run.id, observations: [[0, 0]] });
  expect(refused.error.data).toMatchObject({ reason: "OUT_OF_MEMORY", violations: [{ path: "algorithm.numSteps" }] });
  await sidecar.call("rl.create", HOSTED);
});

it("saves a policy and loads it as it was", async () => {
  const sidecar = startSidecar();
  const folder = `${temporaryDirectory()}/policy`;
  await sidecar.call("rl.create", {
    environment: { type: "Pendulum-v1" },
    algorithm: { type: "ppo", numSteps: 32, normaliseObservations: true },
  });
  const { job } = await sidecar.call("rl.train", { run: "r_1", totalSteps: 512 });
  await sidecar.call("jobs.wait", { jobId: job.id });
  await sidecar.call("models.save", { model: "m_1", path: folder });
  const { model } = await sidecar.call("models.load", { path: folder });
  const asked = { observations: [[1, 0, 0.5]], seed: 3, deterministic: false };
  const [own, loaded] = [
    await sidecar.call("policy.act", { model: "m_1", ...asked }),
    await sidecar.call("policy.act", { model: model.id, ...asked }),
  ];
  expect(loaded).toEqual(own);
});
