/** Steps of a host's environments, by the quick way and by the usual one: whoever asks cannot tell which it was. */
import { expect, it } from "vitest";
import { type Json, PROGRAM, type Sidecar, startSidecar, until } from "../support/sidecar.ts";

const ENVIRONMENT = {
  type: "host",
  observation: { type: "box", shape: [2] },
  action: { type: "discrete", n: 3 },
  count: 2,
  groups: 2,
};
const ALGORITHM = { type: "ppo", numSteps: 4, numMinibatches: 1, updateEpochs: 1 };
const b64 = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer).toString("base64");
const seen = (step: number) => ({ dtype: "F32", shape: [2, 2], b64: b64(step, 1, -step, 0.5) });
const told = { rewards: [1, 0], terminated: [false, false], truncated: [false, false] };

let ids = 0;

/** Members in the order that clients write, which the quick way takes. */
function quick(sidecar: Sidecar, params: object, id: string | number = ++ids): Promise<Json> {
  return sidecar.ask("rl.step", { run: "r_1", ...params }, id);
}

/** The same request in another order. */
function usual(sidecar: Sidecar, params: object, id: string | number = ++ids): Promise<Json> {
  sidecar.send({ params: { run: "r_1", ...params }, method: "rl.step", id, jsonrpc: "2.0" });
  return sidecar.next((message) => message.id === id);
}

async function withRun(): Promise<Sidecar> {
  const sidecar = startSidecar();
  await sidecar.call("rl.create", { environment: ENVIRONMENT, algorithm: ALGORITHM, seed: 3 });
  return sidecar;
}

/** Its output a pipe, into which its threads may write themselves. */
async function withPipe(): Promise<Sidecar> {
  const sidecar = startSidecar({ command: ["sh", "-c", `"$0" "$1" | cat`, process.execPath, PROGRAM] });
  await sidecar.call("rl.create", { environment: { ...ENVIRONMENT, groups: 1 }, algorithm: ALGORITHM, seed: 3 });
  return sidecar;
}

/** Actions and the updates' losses of some steps of both groups. */
async function played(way: typeof quick): Promise<unknown> {
  const sidecar = await withRun();
  const answers: unknown[] = [];
  for (let step = 0; step < 9; step++) {
    for (const group of [0, 1]) {
      const { result } = await way(sidecar, { group, observations: seen(step + group), ...(step === 0 ? {} : told) });
      answers.push(result.actions, result.update?.["losses/value_loss"]);
    }
  }
  return answers;
}

it("answers a step alike, in whatever order its members stand", async () => {
  const [byQuick, byUsual] = await Promise.all([played(quick), played(usual)]);
  expect(byQuick).toEqual(byUsual);
});

it.each<[string, object]>([
  ["a member that there is not", { observations: seen(0), reward: [1, 1] }],
  ["no observations", { group: 1 }],
  ["observations that are a word", { observations: "none" }],
  ["a tensor with a member too many", { observations: { ...seen(0), values: [1] } }],
  ["a tensor of another shape", { observations: { dtype: "F32", shape: [2], b64: b64(1, 2) } }],
  ["a group that there is not", { group: 7, observations: seen(0) }],
  ["a group that is no number", { group: "0", observations: seen(0) }],
  ["a number that is none", { observations: [[0, "NaN"], [0, 0]] }], // biome-ignore format: one case a line
  ["a flag that is none", { observations: seen(0), reset: 1 }],
])("refuses %s in the same words", async (_what, params) => {
  const sidecar = await withRun();
  const [byQuick, byUsual] = [await quick(sidecar, params), await usual(sidecar, params)];
  expect(byQuick.error).toBeDefined();
  expect(byQuick.error).toEqual(byUsual.error);
  expect((await quick(sidecar, { observations: seen(0) })).result.actions.shape).toEqual([2]);
});

it("knows runs that there are not", async () => {
  const sidecar = await withRun();
  const { error } = await sidecar.ask("rl.step", { run: "r_9", observations: seen(0) });
  expect(error.data).toMatchObject({ reason: "NOT_FOUND", hint: "did you mean `r_1`?" });
});

it("refuses an id that is in flight, and answers the first", async () => {
  const sidecar = await withRun();
  const line = { jsonrpc: "2.0", id: 7, method: "rl.step", params: { run: "r_1", observations: seen(0) } };
  sidecar.send(line, line);
  await sidecar.call("ping");
  const { error } = await sidecar.next((message) => message.id === 7 && message.error !== undefined);
  expect(error.data.reason).toBe("INVALID_REQUEST");
  const { result } = await sidecar.next((message) => message.id === 7 && message.result !== undefined);
  expect(result.actions.shape).toEqual([2]);
});

it("answers a step that was cancelled once", async () => {
  const sidecar = await withRun();
  sidecar.send(
    { jsonrpc: "2.0", id: 8, method: "rl.step", params: { run: "r_1", observations: seen(0) } },
    { jsonrpc: "2.0", method: "$/cancel", params: { id: 8 } },
  );
  await sidecar.next((message) => message.id === 8);
  await quick(sidecar, { group: 1, observations: seen(0) });
  expect(sidecar.messages.filter(({ id }) => id === 8)).toHaveLength(1);
});

it("takes the last of members that stand twice, as everywhere", async () => {
  const sidecar = await withRun();
  const params = (run: string) => `"params":{"run":"r_1","observations":${JSON.stringify(seen(0))},"run":"${run}"}`;
  sidecar.write(`{"jsonrpc":"2.0","id":30,"method":"rl.step",${params("r_2")}}\n`);
  sidecar.write(`{"jsonrpc":"2.0","id":31,"method":"rl.step",${params("r_1")},"id":32}\n`);
  expect((await sidecar.next(({ id }) => id === 30)).error.data.reason).toBe("NOT_FOUND");
  expect((await sidecar.next(({ id }) => id === 32)).result.actions.shape).toEqual([2]);
  expect(sidecar.messages.some(({ id }) => id === 31)).toBe(false);
});

it("answers each of many steps once, and other calls between them", async () => {
  const sidecar = await withPipe();
  const steps = 200;
  await quick(sidecar, { observations: seen(0) }, "s-0");
  for (let step = 1; step <= steps; step++) {
    const answer = quick(sidecar, { observations: seen(step), ...told }, `s-${step}`);
    if (step % 10 === 0) sidecar.send({ jsonrpc: "2.0", id: `list-${step}`, method: "rpc.discover" });
    expect((await answer).result.actions.shape).toEqual([2]);
  }
  await sidecar.next(({ id }) => id === `list-${steps}`);
  const ids = sidecar.messages.map(({ id }) => id).filter((id) => String(id).startsWith("s-"));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toHaveLength(steps + 1);
});

it("takes an id again as soon as its answer is there", async () => {
  const sidecar = await withPipe();
  for (let step = 0; step < 50; step++) {
    const before = sidecar.messages.length;
    sidecar.send({
      jsonrpc: "2.0",
      id: 1,
      method: "rl.step",
      params: { run: "r_1", observations: seen(step), ...(step === 0 ? {} : told) },
    });
    await until(() => sidecar.messages.length > before);
    expect(sidecar.messages.at(-1)).toMatchObject({ id: 1, result: { actions: { shape: [2] } } });
  }
});
