/**
 * @file `npm run test:interop`: our files and our wire against libraries that others wrote. Makes its own Python environment
 * under .cache/, once for each version of test/interop/requirements.txt; says plainly when it can't, and fails.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const python = process.env.PYTHON ?? "python3";
const requirements = "test/interop/requirements.txt";
const version = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
const environment = join(".cache", `interop-${version}`);
const ready = join(environment, "ready");
const itsPython = join(environment, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");

function step(what, command, args) {
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (status === 0) return;
  console.error(`\nThe interop tests cannot run: ${what} failed (${error?.message ?? `exit code ${status}`}).`);
  console.error("They need Python 3.11 or newer with its venv module, and a network that reaches PyPI.");
  rmSync(environment, { recursive: true, force: true });
  process.exit(1);
}

if (!existsSync(ready)) {
  rmSync(environment, { recursive: true, force: true });
  step("making a Python environment", python, ["-m", "venv", environment]);
  step("installing packages from PyPI", itsPython, ["-m", "pip", "install", "--quiet", "--requirement", requirements]);
  writeFileSync(ready, "");
}
const env = { ...process.env, PYTHONPATH: "clients/python/src", PYTHONDONTWRITEBYTECODE: "1" };
const tests = ["scripts/python_tests.py", "test/interop", "interop"];
process.exitCode = spawnSync(itsPython, tests, { stdio: "inherit", env }).status ?? 1;
