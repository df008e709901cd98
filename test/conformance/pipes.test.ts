/** @file FAILURES.md, Pipes, against the running program. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import {
  blobs,
  PROGRAM,
  SMALL_CLASSIFIER,
  sleep,
  startSidecar,
  temporaryDirectory,
  until,
} from "../support/sidecar.ts";

const STRAY = resolve(import.meta.dirname, "../support/stray.mjs");
const line = (message: object) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
const TRAINING = { model: "m_1", data: { rows: blobs(500), target: "kind" }, epochs: 1_000_000, batchSize: 32 };

/** Memory of a process, where the system tells. */
function residentBytes(pid: number): number {
  const path = `/proc/${pid}/status`;
  return existsSync(path) ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(path, "utf8"))![1]) * 1024 : 0;
}

/** The most that a process holds in so many milliseconds: garbage comes and goes. */
async function peakBytes(pid: number, milliseconds: number): Promise<number> {
  let peak = 0;
  for (const end = performance.now() + milliseconds; performance.now() < end; await sleep(50))
    peak = Math.max(peak, residentBytes(pid));
  return peak;
}

/** What a shell command prints, and how it ends. */
async function shell(command: string, input = ""): Promise<{ output: string; errors: string; code: number | null }> {
  const child = spawn("sh", ["-c", command, "sh", process.execPath, PROGRAM], { stdio: "pipe" });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((done) => child.on("close", done));
  return { output, errors, code };
}

describe("pipes", () => {
  it("FAILURES 38: a host that does not read costs bounded memory, and loses no response and no last event", async () => {
    const sidecar = startSidecar({ deaf: true });
    sidecar.send({ jsonrpc: "2.0", id: 1, method: "models.create", params: SMALL_CLASSIFIER });
    sidecar.send({ jsonrpc: "2.0", id: 2, method: "train.start", params: TRAINING });
    const early = await peakBytes(sidecar.pid, 4000);
    expect((await peakBytes(sidecar.pid, 3000)) - early).toBeLessThan(64 * 2 ** 20);
    sidecar.send({ jsonrpc: "2.0", id: 3, method: "jobs.cancel", params: { jobId: "j_1" } });
    sidecar.send({ jsonrpc: "2.0", id: 4, method: "jobs.wait", params: { jobId: "j_1" } });
    await sleep(200);
    let text = "";
    sidecar.child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    await until(() => text.includes('"id":4,'));
    const messages = text
      .split("\n")
      .slice(0, -1)
      .map((json) => JSON.parse(json));
    const events = messages.filter(({ method }) => method === "event").map(({ params }) => params);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ type: "job.cancelled" });
    const epochs = events.filter(({ type }) => type === "train.epoch").map(({ data }) => data);
    expect(epochs.map(({ epoch }) => epoch)).toEqual(epochs.map((_, index) => index + 1));
    expect(events.filter(({ type }) => type === "train.progress").length).toBeLessThan(20);
  });

  it("FAILURES 38: a million unread bytes of responses all arrive, in order", async () => {
    const sidecar = startSidecar({ deaf: true });
    const count = 250_000;
    for (let start = 0; start < count; start += 1000) {
      const lines = Array.from({ length: 1000 }, (_, index) => line({ id: start + index, method: "ping" })).join("");
      if (!sidecar.child.stdin!.write(lines)) await new Promise((done) => sidecar.child.stdin!.once("drain", done));
    }
    let newlines = 0;
    let tail = "";
    sidecar.child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
      for (const character of chunk) if (character === "\n") newlines++;
      tail = (tail + chunk).slice(-200);
    });
    await until(() => newlines === count);
    expect(JSON.parse(tail.trimEnd().split("\n").at(-1)!)).toMatchObject({ id: count - 1 });
  });

  it("FAILURES 39: a host that never reads standard error", async () => {
    const child = spawn(process.execPath, [PROGRAM, "--log-level", "trace"], { stdio: "pipe" });
    const input = Array.from({ length: 3000 }, (_, id) => line({ method: `unknown.${"x".repeat(80)}${id}` })).join("");
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    child.stdin.write(input);
    child.stdin.end(line({ id: 1, method: "ping" }));
    const code = await new Promise((done) => child.on("exit", done));
    expect(code).toBe(0);
    expect(output).toBe(line({ id: 1, result: { pong: true } }));
  });

  it("FAILURES 40: both sides write 10 MB at once", async () => {
    const sidecar = startSidecar();
    const id = "i".repeat(1000);
    const count = 10_000;
    for (let index = 0; index < count; index++) sidecar.write(line({ id: `${id}${index}`, method: "ping" }));
    await sidecar.next((message) => message.id === `${id}${count - 1}`);
    expect(sidecar.messages).toHaveLength(count);
  });

  it("FAILURES 41: standard output closed alone ends it with code 4", async () => {
    const sidecar = startSidecar();
    await sidecar.call("ping");
    sidecar.child.stdout!.destroy();
    await sleep(50);
    sidecar.send({ jsonrpc: "2.0", id: 1, method: "ping" });
    expect((await sidecar.exit).code).toBe(4);
  });

  it.skipIf(!existsSync("/dev/full"))("an answer lost to a full disk is told, by exit code 4 and in the log", () => {
    const command = `printf '%s\\n' '${line({ id: 1, method: "ping" }).trim()}' | "$0" "$1" > /dev/full`;
    const { status, stderr } = spawnSync("sh", ["-c", command, process.execPath, PROGRAM], { encoding: "utf8" });
    expect(status).toBe(4);
    expect(stderr).toContain("ENOSPC");
  });

  it("FAILURES 42: standard input closed with requests in flight: they are answered first", async () => {
    const sidecar = startSidecar();
    const { model } = await sidecar.call("models.create", SMALL_CLASSIFIER);
    const { job } = await sidecar.call("train.start", { ...TRAINING, model: model.id, epochs: 2 });
    await sidecar.call("jobs.wait", { jobId: job.id });
    sidecar.send({ jsonrpc: "2.0", id: "p", method: "predict", params: { model: model.id, inputs: [{ a: 0, b: 0 }] } });
    sidecar.endInput();
    expect(await sidecar.exit).toEqual({ code: 0, signal: null });
    expect(sidecar.messages.find(({ id }) => id === "p").result.outputs.labels).toHaveLength(1);
  });

  it("FAILURES 43: a pipe that breaks while an error is being reported", async () => {
    const sidecar = startSidecar();
    await sidecar.call("ping");
    sidecar.child.stdout!.destroy();
    for (let index = 0; index < 100; index++) sidecar.write("not json\n");
    expect((await sidecar.exit).code).toBe(4);
  });

  it("FAILURES 44: a last response over 64 KiB arrives whole", async () => {
    const sidecar = startSidecar();
    await sidecar.call("runtime.initialize", { limits: { maxLineBytes: 10_000_000 } });
    sidecar.send({ jsonrpc: "2.0", id: "big", method: "rpc.discover" });
    sidecar.endInput();
    expect((await sidecar.exit).code).toBe(0);
    expect(sidecar.messages.find(({ id }) => id === "big").result.methods.length).toBeGreaterThan(20);
  });

  it("FAILURES 44: also through a pipe whose reader is slow", async () => {
    const input =
      line({ id: 1, method: "runtime.initialize", params: { limits: { maxLineBytes: 10_000_000 } } }) +
      line({ id: 2, method: "rpc.discover" });
    const { output } = await shell('"$1" "$2" | (sleep 0.7; cat)', input);
    expect(JSON.parse(output.split("\n")[1]!).id).toBe(2);
  });

  const STRAYS = [
    "console.log",
    "console.info",
    "process.stdout",
    "fs.writeSync",
    "named writeSync",
    "writeFileSync",
    "fs.write",
    "stream",
    "spawnSync",
    "execSync",
    "spawn",
    "warning",
  ];
  const used =
    line({ id: 1, method: "runtime.catalog", params: { kind: "losses" } }) +
    line({ id: 2, method: "data.describe", params: { builtin: "iris" } });

  it("FAILURES 45: with the socket that Node gives a child, stray output goes to standard error", async () => {
    const sidecar = startSidecar({ parameters: ["--plugin", STRAY] });
    sidecar.write(used);
    await sidecar.next(({ id }) => id === 2);
    await until(() => sidecar.errors().includes("stray spawn\n"));
    expect(sidecar.output().toString()).not.toContain("stray");
    for (const stray of STRAYS) expect(sidecar.errors()).toContain(`stray ${stray}`);
  });

  it("FAILURES 45: with a pipe too", async () => {
    const { output, errors } = await shell(
      `("$1" "$2" --plugin '${STRAY}' | cat) 2>&1 >&3 3>&- | cat >&2`.replace(/^/, "exec 3>&1; "),
      used,
    );
    expect(
      output
        .split("\n")
        .slice(0, -1)
        .map((json) => JSON.parse(json).id),
    ).toEqual([1, 2]);
    for (const stray of STRAYS) expect(errors).toContain(`stray ${stray}`);
  });

  it("FAILURES 45: with a file too, which keeps what others append to it", async () => {
    const path = join(temporaryDirectory(), "output");
    await shell(`("$1" "$2" --plugin '${STRAY}'; echo after) > '${path}'`, used);
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(lines.at(-1)).toBe("after");
    expect(lines.slice(0, -1).map((json) => JSON.parse(json).id)).toEqual([1, 2]);
  });

  it("FAILURES 47: standard input is /dev/null", async () => {
    expect(await shell('"$1" "$2" < /dev/null')).toEqual({ output: "", errors: "", code: 0 });
  });

  it("FAILURES 47: standard input is a file", async () => {
    const path = join(temporaryDirectory(), "requests");
    writeFileSync(path, line({ id: 1, method: "ping" }) + line({ id: 2, method: "runtime.health" }));
    const { output, code } = await shell(`"$1" "$2" < '${path}'`);
    expect([
      output
        .split("\n")
        .slice(0, -1)
        .map((json) => JSON.parse(json).id),
      code,
    ]).toEqual([[1, 2], 0]);
  });

  it("FAILURES 47: standard input is a terminal", async () => {
    const script = `
import os, pty, sys, subprocess
host, terminal = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdin=terminal, stdout=subprocess.PIPE)
os.close(terminal)
os.write(host, b'{"jsonrpc":"2.0","id":1,"method":"ping"}\\n\\x04')
print(child.stdout.readline().decode(), end="")
print(child.wait())
`;
    const child = spawn("python3", ["-c", script, process.execPath, PROGRAM]);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    await new Promise((done) => child.on("close", done));
    expect(output).toBe(`${line({ id: 1, result: { pong: true } })}0\n`);
  });
});
