/** @file FAILURES.md, Life, against the running program. */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { identify, isGone } from "../../src/sidecar/life.ts";
import {
  blobs,
  isAlive,
  type Json,
  PROGRAM,
  type Sidecar,
  SMALL_CLASSIFIER,
  sleep,
  startSidecar,
  temporaryDirectory,
  until,
} from "../support/sidecar.ts";

const DATA = { rows: blobs(400), target: "kind" };
const ENDLESS = { data: DATA, epochs: 1_000_000, batchSize: 32 };

/** A host that starts the sidecar, says its pid, and waits to be killed. `holding` keeps the pipe's write end open elsewhere. */
const HOST = `
import json, os, subprocess, sys, time
node, program, training, holding = sys.argv[1:5]
child = subprocess.Popen([node, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=())
def ask(id, method, params):
    child.stdin.write((json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}) + "\\n").encode())
    child.stdin.flush()
    while json.loads(child.stdout.readline()).get("id") != id: pass
ask(1, "ping", {})
if training != "null":
    ask(2, "models.create", json.loads(training)["spec"])
    ask(3, "train.start", {"model": "m_1", **json.loads(training)["start"]})
holder = subprocess.Popen(["sleep", "20"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[child.stdin.fileno()]) if holding == "holding" else None
print(child.pid, holder.pid if holder else 0, flush=True)
for line in child.stdout: pass
time.sleep(20)
`;

async function killedHost(training: object | null, holding: boolean): Promise<number> {
  const host = spawn("python3", [
    "-c",
    HOST,
    process.execPath,
    PROGRAM,
    JSON.stringify(training),
    holding ? "holding" : "",
  ]);
  const [pid, holder] = await new Promise<number[]>((done) =>
    host.stdout.once("data", (text: Buffer) => done(String(text).split(" ").map(Number))),
  );
  if (holder) onTestFinished(() => void process.kill(holder, "SIGKILL"));
  await sleep(100);
  host.kill("SIGKILL");
  return pid!;
}

/** Loss by epoch, as the events told it; a repeated epoch must repeat its loss. */
async function curve(sidecar: Sidecar, jobId: string): Promise<Map<number, number>> {
  const losses = new Map<number, number>();
  for (let afterSeq = 0; ; ) {
    const { events } = await sidecar.call("jobs.events", { jobId, afterSeq });
    if (events.length === 0) return losses;
    for (const { type, data, seq } of events as Json[]) {
      afterSeq = seq;
      if (type !== "train.epoch") continue;
      expect(losses.get(data.epoch) ?? data.loss).toBe(data.loss);
      losses.set(data.epoch, data.loss);
    }
  }
}

describe("life", () => {
  it("FAILURES 48: the host is killed while the sidecar is idle", async () => {
    const pid = await killedHost(null, false);
    await until(() => !isAlive(pid));
  });

  it("FAILURES 49: the host is killed while the sidecar trains", async () => {
    const pid = await killedHost({ spec: SMALL_CLASSIFIER, start: ENDLESS }, false);
    await until(() => !isAlive(pid));
  });

  it("FAILURES 50: the same, while a sibling holds the pipe's write end", async () => {
    const pid = await killedHost({ spec: SMALL_CLASSIFIER, start: ENDLESS }, true);
    await until(() => !isAlive(pid));
  });

  it("FAILURES 51: a process named by parentPid ends it too, with code 5", async () => {
    const other = spawn("sleep", ["20"]);
    const sidecar = startSidecar();
    await sidecar.call("runtime.initialize", { parentPid: other.pid });
    other.kill("SIGKILL");
    expect((await sidecar.exit).code).toBe(5);
  });

  it("FAILURES 51: started through a shell, it ends with its input", async () => {
    const sidecar = startSidecar({ command: ["sh", "-c", '"$0" "$1"; exit $?', process.execPath, PROGRAM] });
    await sidecar.call("ping");
    sidecar.endInput();
    expect((await sidecar.exit).code).toBe(0);
  });

  it("FAILURES 51: started through a shell that is killed, it ends though nothing else closed its input", async () => {
    const sidecar = startSidecar({ command: ["sh", "-c", '"$0" "$1" & echo $! >&2; wait', process.execPath, PROGRAM] });
    await until(() => sidecar.errors().includes("\n"));
    const pid = Number(sidecar.errors());
    await until(() => isAlive(pid));
    await sleep(300);
    sidecar.child.kill("SIGKILL");
    await until(() => !isAlive(pid));
  });

  it("FAILURES 52: a host that is process 1 is no sign of being an orphan", async () => {
    const namespace = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"] as const;
    if (spawnSync(namespace[0], [...namespace.slice(1), "true"]).status !== 0) return;
    const host = `"${process.execPath}" "${PROGRAM}"; echo "$? $$"`;
    const child = spawn(namespace[0], [...namespace.slice(1), "sh", "-c", host], { stdio: "pipe" });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    await sleep(1000);
    child.stdin.end('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    await new Promise((done) => child.on("close", done));
    expect(output).toBe('{"jsonrpc":"2.0","id":1,"result":{"pong":true}}\n0 1\n');
  });

  it("FAILURES 54: a pid that was given to another process is not the parent", () => {
    const other = spawn("sleep", ["20"]);
    onTestFinished(() => void other.kill("SIGKILL"));
    const me = identify(other.pid!);
    expect(isGone(me)).toBe(false);
    expect(isGone({ ...me, started: "1" })).toBe(true);
  });

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "FAILURES 55: %s stops a training and ends with code 0",
    async (signal) => {
      const sidecar = startSidecar();
      const { model } = await sidecar.call("models.create", SMALL_CLASSIFIER);
      const { job } = await sidecar.call("train.start", { model: model.id, ...ENDLESS });
      await sidecar.event("train.epoch", job.id);
      sidecar.child.kill(signal);
      expect(await sidecar.exit).toEqual({ code: 0, signal: null });
      expect(sidecar.messages.at(-1).params.type).toBe("job.cancelled");
    },
  );

  it("FAILURES 57: a checkpoint that takes too long is given up, and the previous one stays", async () => {
    const directory = temporaryDirectory();
    const sidecar = startSidecar({ parameters: ["--data-dir", directory] });
    const backbone = { type: "mlp", hidden: [2048, 2048, 2048] };
    const { model } = await sidecar.call("models.create", { ...SMALL_CLASSIFIER, backbone });
    const { job } = await sidecar.call("train.start", {
      model: model.id,
      ...ENDLESS,
      checkpoint: { everySeconds: 1000 },
    });
    await sidecar.event("train.progress", job.id);
    sidecar.child.kill("SIGTERM");
    expect((await sidecar.exit).code).toBe(0);
    const path = join(directory, "jobs", job.id, "checkpoint.safetensors");
    if (!existsSync(path)) return;
    const size = readFileSync(path).readBigUInt64LE(0);
    expect(
      JSON.parse(
        readFileSync(path)
          .subarray(8, 8 + Number(size))
          .toString(),
      ).__metadata__,
    ).toBeDefined();
  });

  it("input that ends while exported files are being checked ends it cleanly", async () => {
    const sidecar = startSidecar();
    const backbone = { type: "mlp", hidden: [2048, 2048] };
    const { model } = await sidecar.call("models.create", { pipeline: "classification", backbone });
    const { job } = await sidecar.call("train.start", { model: model.id, data: { builtin: "iris" }, epochs: 1 });
    await sidecar.call("jobs.wait", { jobId: job.id });
    const request = { method: "models.export", params: { model: model.id, format: "onnx" } };
    await sidecar.ask(request.method, request.params);
    for (let id = 1; id <= 12; id++) sidecar.send({ jsonrpc: "2.0", id, ...request });
    await sleep(200);
    sidecar.endInput();
    expect(await sidecar.exit).toEqual({ code: 0, signal: null });
  });

  it("FAILURES 58: a second sidecar on one data directory is refused with code 7", async () => {
    const parameters = ["--data-dir", temporaryDirectory()];
    const first = startSidecar({ parameters });
    await first.call("ping");
    const second = startSidecar({ parameters });
    expect((await second.exit).code).toBe(7);
    expect(second.errors()).toContain(String(first.pid));
    expect((await first.ask("ping")).result).toEqual({ pong: true });
  });

  it("FAILURES 59: a lock left behind by kill -9 is stale", async () => {
    const parameters = ["--data-dir", temporaryDirectory()];
    const first = startSidecar({ parameters });
    await first.call("ping");
    first.child.kill("SIGKILL");
    await first.exit;
    const second = startSidecar({ parameters });
    expect((await second.ask("ping")).result).toEqual({ pong: true });
  });

  it("FAILURES 59: so is one whose holder's pid belongs to another process now", async () => {
    const directory = temporaryDirectory();
    const { hostname } = await import("node:os");
    writeFileSync(join(directory, "lock"), JSON.stringify({ pid: process.pid, started: "1", host: hostname() }));
    const sidecar = startSidecar({ parameters: ["--data-dir", directory] });
    expect((await sidecar.ask("ping")).result).toEqual({ pong: true });
  });

  it("FAILURES 60: kill -9 in the middle of writing a checkpoint leaves the previous one", async () => {
    const directory = temporaryDirectory();
    const parameters = ["--data-dir", directory];
    const first = startSidecar({ parameters });
    const { model } = await first.call("models.create", {
      ...SMALL_CLASSIFIER,
      backbone: { type: "mlp", hidden: [256, 256] },
    });
    const { job } = await first.call("train.start", {
      model: model.id,
      ...ENDLESS,
      epochs: 12,
      checkpoint: { everySteps: 1 },
    });
    await first.event("checkpoint.saved", job.id);
    await sleep(20);
    first.child.kill("SIGKILL");
    await first.exit;
    const folder = join(directory, "jobs", job.id);
    // What a write that was cut short leaves beside it, whenever the kill came.
    writeFileSync(join(folder, "checkpoint.safetensors.new"), "half a checkp");
    const second = startSidecar({ parameters });
    expect((await second.call("jobs.get", { jobId: job.id })).job).toMatchObject({
      state: "interrupted",
      resumable: true,
    });
    await second.call("jobs.resume", { jobId: job.id });
    expect((await second.call("jobs.wait", { jobId: job.id })).job).toMatchObject({ state: "completed" });
    await curve(second, job.id);
  });

  it("a damaged checkpoint fails the job with CHECKPOINT_CORRUPT, and nothing else", async () => {
    const directory = temporaryDirectory();
    const parameters = ["--data-dir", directory];
    const first = startSidecar({ parameters });
    const { model } = await first.call("models.create", SMALL_CLASSIFIER);
    const { job } = await first.call("train.start", { model: model.id, ...ENDLESS, checkpoint: { everySteps: 1 } });
    await first.event("checkpoint.saved", job.id);
    first.child.kill("SIGKILL");
    await first.exit;
    const path = join(directory, "jobs", job.id, "checkpoint.safetensors");
    truncateSync(path, statSync(path).size - 7);
    const second = startSidecar({ parameters });
    await second.call("jobs.resume", { jobId: job.id });
    const { job: failed } = await second.call("jobs.wait", { jobId: job.id });
    expect(failed).toMatchObject({ state: "failed", error: { code: 1202 } });
    expect((await second.ask("ping")).result).toEqual({ pong: true });
  });

  it("FAILURES 61: a full disk costs checkpoints and the journal, not the training", async () => {
    const directory = temporaryDirectory();
    // Node ignores the signal of a file that grows too large, so that every write past the limit fails as on a full disk.
    const command = [
      "sh",
      "-c",
      'ulimit -f 8; exec "$0" "$1" --data-dir "$2"',
      process.execPath,
      PROGRAM,
      directory,
    ] as const;
    const sidecar = startSidecar({ command });
    const { model } = await sidecar.call("models.create", {
      ...SMALL_CLASSIFIER,
      backbone: { type: "mlp", hidden: [64] },
    });
    const { job } = await sidecar.call("train.start", { model: model.id, data: { builtin: "digits" }, epochs: 50 });
    expect((await sidecar.call("jobs.wait", { jobId: job.id })).job.state).toBe("completed");
    expect((await sidecar.event("warning", job.id)).params.data.message).toMatch(/could not/);
    const events = sidecar.messages.filter(({ method }) => method === "event").map(({ params }) => params);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    const journal = readFileSync(join(directory, "jobs", job.id, "events.ndjson"), "utf8");
    expect(() =>
      journal
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).not.toThrow();
    expect((await sidecar.ask("ping")).result).toEqual({ pong: true });
  });

  it("FAILURES 62: a training resumed after kill -9 equals an uninterrupted one bit for bit", async () => {
    const start = {
      data: { builtin: "digits" },
      validation: 0.2,
      epochs: 60,
      batchSize: 64,
      optimizer: { type: "adamw", learningRate: 0.002 },
      schedule: { type: "cosine" },
      checkpoint: { everySteps: 37 },
      seed: 7,
    };
    const spec = { pipeline: "classification", backbone: { type: "mlp", hidden: [64, 32], dropout: 0.1 }, seed: 7 };
    const whole = startSidecar();
    const { model } = await whole.call("models.create", spec);
    const { job } = await whole.call("train.start", { model: model.id, ...start });
    expect((await whole.call("jobs.wait", { jobId: job.id })).job.state).toBe("completed");
    const expected = await curve(whole, job.id);

    const parameters = ["--data-dir", temporaryDirectory()];
    const first = startSidecar({ parameters });
    await first.call("models.create", spec);
    await first.call("train.start", { model: "m_1", ...start });
    await first.event("checkpoint.saved");
    await sleep(60);
    first.child.kill("SIGKILL");
    await first.exit;
    const second = startSidecar({ parameters });
    const { job: resumed } = await second.call("jobs.resume", { jobId: "j_1" });
    expect(resumed.state).toMatch(/queued|running/);
    expect((await second.call("jobs.wait", { jobId: "j_1" })).job.state).toBe("completed");
    expect(await curve(second, "j_1")).toEqual(expected);
    const inputs = [Array.from({ length: 64 }, (_, pixel) => pixel % 17)];
    expect(await second.call("predict", { model: "m_1", inputs })).toEqual(
      await whole.call("predict", { model: model.id, inputs }),
    );
  });

  it("FAILURES 62: a training stopped by the end of input goes on in the next session", async () => {
    const parameters = ["--data-dir", temporaryDirectory()];
    const first = startSidecar({ parameters });
    const { model } = await first.call("models.create", SMALL_CLASSIFIER);
    const { job } = await first.call("train.start", { model: model.id, ...ENDLESS, epochs: 3000 });
    await first.event("train.epoch", job.id);
    first.endInput();
    expect((await first.exit).code).toBe(0);
    const second = startSidecar({ parameters });
    expect((await second.call("jobs.list", { state: "interrupted" })).jobs.map(({ id }: Json) => id)).toEqual([job.id]);
    await second.call("jobs.resume", { jobId: job.id });
    expect((await second.call("jobs.wait", { jobId: job.id })).job.state).toBe("completed");
    const losses = await curve(second, job.id);
    expect([...losses.keys()]).toEqual(Array.from({ length: losses.size }, (_, index) => index + 1));
    expect(losses.size).toBe(3000);
  });

  it("FAILURES 65: many starts and stops leave no process behind", { timeout: 60_000 }, async () => {
    for (let round = 0; round < 10; round++) {
      const sidecars = Array.from({ length: 4 }, () => startSidecar());
      for (const sidecar of sidecars) sidecar.send({ jsonrpc: "2.0", id: 1, method: "ping" });
      for (const sidecar of sidecars) sidecar.endInput();
      expect(await Promise.all(sidecars.map(({ exit }) => exit))).toEqual(Array(4).fill({ code: 0, signal: null }));
      expect(sidecars.map(({ pid }) => isAlive(pid))).toEqual(Array(4).fill(false));
    }
  });

  it("FAILURES 66: many requests leave memory flat", { timeout: 60_000 }, async () => {
    const sidecar = startSidecar();
    const used = async () => (await sidecar.call("runtime.health")).memory.rss as number;
    // memory rises and falls with the collector: what it falls to later is to be no more than what it rose to before
    const [early, late]: [number[], number[]] = [[], []];
    for (let round = 0; round < 1000; round++) {
      const ids = Array.from({ length: 200 }, (_, index) => `${round}-${index}`);
      sidecar.send(...ids.map((id) => ({ jsonrpc: "2.0", id, method: "jobs.list" })));
      await sidecar.next(({ id }) => id === ids.at(-1));
      (sidecar.messages as Json[]).length = 0;
      if (round >= 100 && round % 20 === 0) (round < 500 ? early : late).push(await used());
    }
    expect(Math.min(...late)).toBeLessThanOrEqual(Math.max(...early));
  });

  it.each([
    ["checkpoint", "interrupted"],
    ["now", "cancelled"],
  ])("runtime.shutdown answers, then ends; after mode %s the job is %s", async (mode, state) => {
    const parameters = ["--data-dir", temporaryDirectory()];
    const first = startSidecar({ parameters });
    const { model } = await first.call("models.create", SMALL_CLASSIFIER);
    const { job } = await first.call("train.start", { model: model.id, ...ENDLESS });
    await first.event("train.epoch", job.id);
    const waiting = first.ask("jobs.wait", { jobId: job.id });
    expect(await first.call("runtime.shutdown", { mode })).toEqual({ state: "draining" });
    expect((await waiting).result.job.state).toBe(state);
    expect((await first.exit).code).toBe(0);
    const second = startSidecar({ parameters });
    expect((await second.call("jobs.get", { jobId: job.id })).job.state).toBe(state);
  });

  it("runtime.shutdown in mode drain lets a training finish, even when the host hangs up meanwhile", async () => {
    const sidecar = startSidecar();
    const { model } = await sidecar.call("models.create", SMALL_CLASSIFIER);
    const { job } = await sidecar.call("train.start", { model: model.id, ...ENDLESS, epochs: 2000 });
    await sidecar.call("runtime.shutdown", { mode: "drain" });
    expect((await sidecar.ask("models.list")).error.code).toBe(1001);
    sidecar.endInput();
    expect((await sidecar.exit).code).toBe(0);
    expect((await sidecar.event("job.completed", job.id)).params.data.result.epochs).toBe(2000);
  });

  it("FAILURES 68: an environment of PATH and HOME alone", async () => {
    const { PATH = "", HOME = "" } = process.env;
    const sidecar = startSidecar({ env: { PATH, HOME } });
    expect((await sidecar.call("data.describe", { builtin: "iris" })).description.rows).toBe(150);
  });

  it("FAILURES 69: a working directory with spaces and accents, read-only, or deleted", async () => {
    const directory = join(temporaryDirectory(), "où est le  répertoire");
    mkdirSync(directory);
    writeFileSync(join(directory, "données.csv"), "a,b\n1,x\n2,y\n");
    chmodSync(directory, 0o555);
    const sidecar = startSidecar({ cwd: directory });
    const describe = { csv: { path: "données.csv", target: "b" } };
    expect((await sidecar.call("data.describe", describe)).description.rows).toBe(2);
    chmodSync(directory, 0o755);
    rmSync(directory, { recursive: true });
    expect((await sidecar.ask("data.describe", describe)).error.data.reason).toBe("NOT_FOUND");
    expect((await sidecar.call("data.describe", { builtin: "iris" })).description.rows).toBe(150);
  });

  it("leaves no temporary file and no lock behind", async () => {
    const temporary = temporaryDirectory();
    const directory = temporaryDirectory();
    const sidecar = startSidecar({
      parameters: ["--data-dir", directory],
      env: { ...process.env, TMPDIR: temporary } as never,
    });
    const { result } = await sidecar.ask("rpc.discover");
    expect(existsSync(result.$spill.path)).toBe(true);
    sidecar.endInput();
    expect((await sidecar.exit).code).toBe(0);
    expect([readdirSync(temporary), existsSync(join(directory, "lock"))]).toEqual([[], false]);
  });

  it("keeps models and data under their handles for the next session", async () => {
    const directory = temporaryDirectory();
    const parameters = ["--data-dir", directory];
    const first = startSidecar({ parameters });
    const { handle } = await first.call("data.put", DATA);
    const { model } = await first.call("models.create", { ...SMALL_CLASSIFIER, name: "kept" });
    const { job } = await first.call("train.start", { model: model.id, data: { handle }, epochs: 3 });
    await first.call("jobs.wait", { jobId: job.id });
    const inputs = [{ a: 1, b: 2 }];
    const answer = await first.call("predict", { model: "kept", inputs });
    first.child.kill("SIGKILL");
    await first.exit;
    const second = startSidecar({ parameters });
    expect(await second.call("predict", { model: "kept", inputs })).toEqual(answer);
    expect((await second.call("evaluate", { model: "kept", data: { handle } })).samples).toBe(400);
    expect((await second.call("jobs.get", { jobId: job.id })).job.state).toBe("completed");
    expect(
      readFileSync(join(directory, "jobs", job.id, "events.ndjson"), "utf8")
        .trimEnd()
        .split("\n").length,
    ).toBeGreaterThan(3);
  });
});
