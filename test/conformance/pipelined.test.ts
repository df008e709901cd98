/** @file Hosts that do not wait: everything written at once, with ids guessed ahead, and perhaps the input's end right behind it. */
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  blobs,
  type Json,
  type Sidecar,
  SMALL_CLASSIFIER,
  startSidecar,
  temporaryDirectory,
} from "../support/sidecar.ts";

const DATA = { rows: blobs(200), target: "kind" };
const ENDLESS = { data: DATA, epochs: 1_000_000 };

/** Writes all calls in one piece, numbered from 1. */
function pipe(sidecar: Sidecar, ...calls: [method: string, params: object][]): void {
  sidecar.send(...calls.map(([method, params], index) => ({ jsonrpc: "2.0", id: index + 1, method, params })));
}
const answer = (sidecar: Sidecar, id: number): Promise<Json> => sidecar.next((message) => message.id === id);
const eventsOf = ({ messages }: Sidecar): string[] =>
  messages.filter(({ method }) => method === "event").map(({ params }) => params.type);

it("a job's id can be used before the answer that brings it", async () => {
  const sidecar = startSidecar();
  pipe(
    sidecar,
    ["models.create", SMALL_CLASSIFIER],
    ["train.start", { model: "m_1", data: DATA, epochs: 2 }],
    ["jobs.wait", { jobId: "j_1" }],
    ["jobs.get", { jobId: "j_2" }],
  );
  expect((await answer(sidecar, 3)).result.job).toMatchObject({ id: "j_1", state: "completed" });
  expect((await answer(sidecar, 4)).error.data.reason).toBe("NOT_FOUND");
});

it("a handle can be used before the data behind it has been read, and the job that it feeds too", async () => {
  const sidecar = startSidecar();
  pipe(
    sidecar,
    ["models.create", SMALL_CLASSIFIER],
    ["data.put", DATA],
    ["train.start", { model: "m_1", data: { handle: "d_1" }, epochs: 2 }],
    ["jobs.wait", { jobId: "j_1" }],
  );
  expect((await answer(sidecar, 4)).result.job.state).toBe("completed");
});

it("a model can be used, by id or name, before it has been loaded", async () => {
  const sidecar = startSidecar();
  const path = join(temporaryDirectory(), "model");
  pipe(
    sidecar,
    ["models.create", SMALL_CLASSIFIER],
    ["train.start", { model: "m_1", data: DATA, epochs: 1 }],
    ["jobs.wait", { jobId: "j_1" }],
  );
  await answer(sidecar, 3);
  sidecar.send(
    { jsonrpc: "2.0", id: 4, method: "models.save", params: { model: "m_1", path } },
    { jsonrpc: "2.0", id: 5, method: "ping" },
  );
  await answer(sidecar, 4);
  sidecar.send(
    { jsonrpc: "2.0", id: 6, method: "models.load", params: { path, name: "again" } },
    { jsonrpc: "2.0", id: 7, method: "predict", params: { model: "m_2", inputs: [[0, 0]] } },
    { jsonrpc: "2.0", id: 8, method: "predict", params: { model: "again", inputs: [[0, 0]] } },
  );
  expect((await answer(sidecar, 7)).result.outputs.labels).toHaveLength(1);
  expect((await answer(sidecar, 8)).result.outputs.labels).toHaveLength(1);
});

it("what never arrives is not found, and nobody waits for it in vain", async () => {
  const sidecar = startSidecar();
  pipe(
    sidecar,
    ["models.create", SMALL_CLASSIFIER],
    ["data.put", { csv: { path: "/nowhere/at/all.csv", target: "y" } }],
    ["train.start", { model: "m_1", data: { handle: "d_1" } }],
    ["jobs.wait", { jobId: "j_1" }],
  );
  expect((await answer(sidecar, 3)).error.data.reason).toBe("NOT_FOUND");
  expect((await answer(sidecar, 4)).error.data.reason).toBe("NOT_FOUND");
});

it("a deleted model is gone for the calls behind", async () => {
  const sidecar = startSidecar();
  pipe(
    sidecar,
    ["models.create", SMALL_CLASSIFIER],
    ["train.start", { model: "m_1", data: DATA, epochs: 1 }],
    ["jobs.wait", { jobId: "j_1" }],
  );
  await answer(sidecar, 3);
  sidecar.send(
    { jsonrpc: "2.0", id: 4, method: "evaluate", params: { model: "m_1", data: DATA } },
    { jsonrpc: "2.0", id: 5, method: "models.delete", params: { model: "m_1" } },
    { jsonrpc: "2.0", id: 6, method: "models.get", params: { model: "m_1" } },
    { jsonrpc: "2.0", id: 7, method: "predict", params: { model: "m_1", inputs: [[0, 0]] } },
  );
  expect((await answer(sidecar, 4)).result.samples).toBe(200);
  expect((await answer(sidecar, 5)).result.deleted).toBe("m_1");
  expect((await answer(sidecar, 6)).error.data.reason).toBe("NOT_FOUND");
  expect((await answer(sidecar, 7)).error.data.reason).toBe("NOT_FOUND");
});

it("predict in a first training that has published nothing says what to wait for", async () => {
  const sidecar = startSidecar();
  pipe(
    sidecar,
    ["models.create", SMALL_CLASSIFIER],
    ["train.start", { model: "m_1", ...ENDLESS }],
    ["predict", { model: "m_1", inputs: [[0, 0]] }],
  );
  expect((await answer(sidecar, 3)).error).toMatchObject({
    code: 1001,
    data: { retryable: true, hint: expect.stringContaining("j_1") },
  });
});

it("input that ends behind a transcript: all is answered, the job is cancelled, and it exits with 0", async () => {
  const sidecar = startSidecar();
  pipe(
    sidecar,
    ["models.create", SMALL_CLASSIFIER],
    ["train.start", { model: "m_1", ...ENDLESS }],
    ["jobs.wait", { jobId: "j_1" }],
  );
  sidecar.endInput();
  expect(await sidecar.exit).toEqual({ code: 0, signal: null });
  expect((await answer(sidecar, 2)).result.job.id).toBe("j_1");
  expect((await answer(sidecar, 3)).result.job.state).toBe("cancelled");
  expect(eventsOf(sidecar).at(-1)).toBe("job.cancelled");
});

it("with a data directory, it is interrupted instead and can be resumed", async () => {
  const parameters = ["--data-dir", temporaryDirectory()];
  const first = startSidecar({ parameters });
  pipe(
    first,
    ["models.create", SMALL_CLASSIFIER],
    ["train.start", { model: "m_1", data: DATA, epochs: 3 }],
    ["jobs.wait", { jobId: "j_1" }],
  );
  first.endInput();
  expect(await first.exit).toEqual({ code: 0, signal: null });
  expect((await answer(first, 3)).result.job).toMatchObject({ state: "interrupted", resumable: true });

  const second = startSidecar({ parameters });
  pipe(second, ["jobs.resume", { jobId: "j_1" }], ["jobs.wait", { jobId: "j_1" }]);
  expect((await answer(second, 2)).result.job).toMatchObject({ state: "completed", result: { epochs: 3 } });
});

it("a shutdown in mode drain at the transcript's end lets the training finish", async () => {
  const sidecar = startSidecar();
  pipe(
    sidecar,
    ["models.create", SMALL_CLASSIFIER],
    ["train.start", { model: "m_1", data: DATA, epochs: 3 }],
    ["jobs.wait", { jobId: "j_1" }],
    ["runtime.shutdown", { mode: "drain" }],
  );
  sidecar.endInput();
  expect(await sidecar.exit).toEqual({ code: 0, signal: null });
  expect((await answer(sidecar, 3)).result.job).toMatchObject({ state: "completed", result: { epochs: 3 } });
  expect(eventsOf(sidecar).at(-1)).toBe("job.completed");
});
