/**
 * @file `npm test`: everything in TypeScript, then the Python client with the standard library alone. Arguments go to vitest,
 * and then only vitest runs: `npm test -- test/engine`.
 */
import { spawnSync } from "node:child_process";

const run = (command, args, env = {}) =>
  spawnSync(command, args, { stdio: "inherit", env: { ...process.env, ...env } }).status ?? 1;

const filters = process.argv.slice(2);
const statuses = [run(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...filters])];
if (filters.length === 0) {
  const python = process.env.PYTHON ?? "python3";
  const hasPython = spawnSync(python, ["--version"], { stdio: "ignore" }).status === 0;
  if (hasPython) {
    const path = { PYTHONPATH: "clients/python/src", PYTHONDONTWRITEBYTECODE: "1" };
    statuses.push(run(python, ["scripts/python_tests.py", "clients/python/tests", "python-client"], path));
  } else {
    console.log(`the Python client is not tested: there is no ${python} here (set PYTHON to name another)`);
  }
}
process.exitCode = Math.max(...statuses);
