/** @file The command line, as a shell sees it. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { PROGRAM, temporaryDirectory } from "../support/sidecar.ts";

const run = (...parameters: string[]) =>
  spawnSync(process.execPath, [PROGRAM, ...parameters], { input: "", encoding: "utf8" });

it("--version prints the package's version", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(run("--version")).toMatchObject({ stdout: `${version}\n`, status: 0 });
});

it("--help names every option and the exit codes", () => {
  const { stdout, status } = run("--help");
  expect(status).toBe(0);
  for (const option of ["--data-dir", "--plugin", "--root", "--threads", "exit codes"])
    expect(stdout).toContain(option);
});

it("schema prints the OpenRPC document", () => {
  const { stdout, status } = run("schema");
  expect(status).toBe(0);
  expect(JSON.parse(stdout).methods.map(({ name }: { name: string }) => name)).toContain("train.start");
});

it("doctor reports on the machine and the data directory", () => {
  const directory = temporaryDirectory();
  const { stdout, status } = run("doctor", "--data-dir", directory);
  expect(status).toBe(0);
  expect(stdout).toContain(`${directory} (writable)`);
  expect(stdout).toContain(process.version);
});

it.each([
  [["--no-such-option"], "--no-such-option"],
  [["nonsense"], "nonsense"],
  [["serve", "more"], "more"],
  [["--threads", "zero"], "--threads"],
  [["--threads", "0"], "--threads"],
  [["--max-line-bytes", "lots"], "--max-line-bytes"],
  [["--log-level", "loud"], "--log-level"],
  [["--data-dir"], "--data-dir"],
])("%j is a usage error, named on standard error", (parameters, named) => {
  const { stdout, stderr, status } = run(...parameters);
  expect([stdout, status]).toEqual(["", 3]);
  expect(stderr).toContain(named);
});

it("doctor says what is switched off", () => {
  const { stdout } = run("doctor", "--threads", "1", "--no-simd", "--no-relaxed-simd", "--no-wide-simd");
  expect(stdout).toMatch(/threads +switched off/);
  expect(stdout).toMatch(/WebAssembly SIMD +switched off/);
  expect(stdout).toMatch(/relaxed SIMD +switched off/);
  expect(stdout).toMatch(/wide SIMD +switched off/);
});

it("profile sums a training step by kinds of instruction, and writes a trace that Chrome's viewers read", () => {
  const cwd = temporaryDirectory();
  const { stdout, status } = spawnSync(process.execPath, [PROGRAM, "profile", "mlp-small"], { cwd, encoding: "utf8" });
  expect(status).toBe(0);
  expect(stdout).toMatch(/GFLOP\/s .*product/);
  const { traceEvents } = JSON.parse(readFileSync(`${cwd}/mlp-small.trace.json`, "utf8"));
  expect(traceEvents[0]).toMatchObject({ ph: "X", ts: 0, dur: expect.any(Number), name: expect.any(String) });
});

it("profile names what it knows when asked for something else", () => {
  const { stderr, status } = run("profile", "nothing");
  expect(status).toBe(3);
  expect(stderr).toContain("mlp-mnist");
});
