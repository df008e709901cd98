/**
 * @file `npm run examples`: the classical lessons of neural networks, each an experiment that prints what it found, checks it and
 * draws it. Takes names of lessons, and `--out folder` for the pictures. Ends with exit code 1 when a finding does not hold.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Sidecar, startSidecar } from "../clients/typescript/index.ts";
import { LESSONS } from "./lessons/index.ts";
import { type Lesson, tableText } from "./lessons/lesson.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: "string", default: "examples/lessons/out" } },
});

let started: Promise<Sidecar> | undefined;
const open = (): Promise<Sidecar> => {
  started ??= startSidecar();
  return started;
};

/** Runs one and says what came out; false when something claimed does not hold. */
async function show(name: string, lesson: Lesson): Promise<boolean> {
  const begun = performance.now();
  console.log(`\n${name}: ${lesson.question}\n`);
  const { finding, table, checks, picture } = await lesson.run(open);
  const path = join(values.out, `${name}.svg`);
  writeFileSync(path, picture);
  console.log(`${tableText(table)}\n\n  ${finding}\n`);
  for (const { claim, holds, got } of checks) console.log(`  ${holds ? "✓" : "✗ expected:"} ${claim} (${got})`);
  console.log(`  ${path}, ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  return checks.every(({ holds }) => holds);
}

const unknown = positionals.filter((name) => !(name in LESSONS));
if (unknown.length > 0) {
  console.log(`there is no lesson ${unknown.join(", ")}; there are:\n`);
  for (const [name, { question }] of Object.entries(LESSONS)) console.log(`  ${name.padEnd(16)} ${question}`);
  process.exitCode = 1;
} else {
  mkdirSync(values.out, { recursive: true });
  const chosen = Object.entries(LESSONS).filter(([name]) => positionals.length === 0 || positionals.includes(name));
  const failed: string[] = [];
  try {
    for (const [name, lesson] of chosen) if (!(await show(name, lesson))) failed.push(name);
  } finally {
    await (await started)?.close();
  }
  const holding = chosen.length - failed.length;
  console.log(`\n${holding} of ${chosen.length} lessons hold${failed.length > 0 ? `; not ${failed.join(", ")}` : ""}`);
  report(holding, failed.length);
  if (failed.length > 0) process.exitCode = 1;
}

/** Where a run of all suites adds up what each of them counted. */
function report(passed: number, failed: number): void {
  const folder = process.env.TEST_REPORTS;
  if (folder === undefined) return;
  writeFileSync(join(folder, "examples.json"), JSON.stringify({ passed, failed, skipped: [], empty: [] }));
}
