/**
 * @file `npm run coverage`: which lines of src/ the tests run, here and in the processes that they spawn. The sidecar runs as
 * a child, bundled, so its lines are counted by V8 in the child and mapped back; a line counts if it ran in either place.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { mergeProcessCovs } from "@bcoe/v8-coverage";
import convert from "ast-v8-to-istanbul";
import coverageLibrary from "istanbul-lib-coverage";
import { parseAstAsync } from "vitest/node";

/** Lines that must run, as a share of all. */
const WANTED = 0.9;

const folder = resolve("coverage");
const children = join(folder, "children");
rmSync(folder, { recursive: true, force: true });

const env = { ...process.env, CHILD_COVERAGE: children };
const vitest = [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--coverage",
  "--coverage.reporter=json",
  "--coverage.reportOnFailure",
];
const { status } = spawnSync(process.execPath, [...vitest, ...process.argv.slice(2)], { stdio: "inherit", env });

/** By file: for each line that holds code, whether it ran. */
const lines = new Map();

function count(path, coverage) {
  const file = relative(".", path);
  const known = lines.get(file) ?? new Map();
  lines.set(file, known);
  for (const [line, times] of Object.entries(coverage.getLineCoverage())) {
    known.set(line, (known.get(line) ?? false) || times > 0);
  }
}

const inProcess = coverageLibrary.createCoverageMap(
  JSON.parse(readFileSync(join(folder, "coverage-final.json"), "utf8")),
);
for (const file of inProcess.files()) count(file, inProcess.fileCoverageFor(file));

const dumps = existsSync(children) ? readdirSync(children).map((name) => join(children, name)) : [];
const bundles = pathToFileURL(`${resolve("dist")}/`).href;
const ofBundles = dumps.map((dump) => ({
  result: JSON.parse(readFileSync(dump, "utf8")).result.filter(({ url }) => url.startsWith(bundles)),
}));
for (const { url, functions } of mergeProcessCovs(ofBundles).result) {
  const path = fileURLToPath(url);
  if (!existsSync(`${path}.map`)) continue; // a bundle of an earlier build
  const code = readFileSync(path, "utf8");
  const sourceMap = JSON.parse(readFileSync(`${path}.map`, "utf8"));
  const data = await convert({ code, sourceMap, coverage: { url, functions }, ast: parseAstAsync(code) });
  const map = coverageLibrary.createCoverageMap(data);
  for (const file of map.files()) if (lines.has(relative(".", file))) count(file, map.fileCoverageFor(file));
}

const share = (counted) => {
  const all = counted.flatMap((known) => [...known.values()]);
  return { ran: all.filter(Boolean).length, of: all.length };
};
const percent = ({ ran, of }) => `${((100 * ran) / of).toFixed(1).padStart(5)} %`;
const rows = [...lines].map(([file, known]) => ({ file, ...share([known]) })).filter(({ of }) => of > 0);
for (const row of rows.sort((a, b) => a.ran / a.of - b.ran / b.of)) {
  if (row.ran < row.of * WANTED) console.log(`${percent(row)}  ${row.file}`);
}
const total = share([...lines.values()]);
console.log(`\n${percent(total)} of the ${total.of} lines of src/ ran (files listed are below ${100 * WANTED} %)`);
process.exitCode = status !== 0 || total.ran < WANTED * total.of ? 1 : 0;
