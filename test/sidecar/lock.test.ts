/** @file The data directory's lock. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { identify } from "../../src/sidecar/life.ts";
import { lockDirectory } from "../../src/sidecar/lock.ts";
import { temporaryDirectory } from "../support/sidecar.ts";

it("is held until it is given back, and leaves nothing behind", () => {
  const directory = temporaryDirectory();
  const release = lockDirectory(directory);
  expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ reason: "DATA_DIRECTORY_LOCKED" }));
  release();
  expect(readdirSync(directory)).toEqual([]);
  lockDirectory(directory)();
});

it("of a living process is respected", () => {
  const other = spawn("sleep", ["20"]);
  onTestFinished(() => void other.kill("SIGKILL"));
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "lock"), JSON.stringify({ ...identify(other.pid!), host: hostname() }));
  expect(() => lockDirectory(directory)).toThrow(new RegExp(String(other.pid)));
});

it("of a process that is gone is taken over", async () => {
  const other = spawn("true");
  const holder = { ...identify(other.pid!), host: hostname() };
  await new Promise((done) => other.on("close", done));
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "lock"), JSON.stringify(holder));
  lockDirectory(directory)();
  expect(existsSync(join(directory, "lock"))).toBe(false);
});

it("from another host is never stale", () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "lock"), JSON.stringify({ pid: 999_999_999, started: null, host: "elsewhere" }));
  expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ reason: "DATA_DIRECTORY_LOCKED" }));
});

it.each(["", "{", "null"])("whose text is %j is stale", (text) => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "lock"), text);
  lockDirectory(directory)();
});
