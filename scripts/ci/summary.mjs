/**
 * @file Adds up the reports of all suites: prints each skipped test with its reason and one closing line, and fails where a
 * test failed, a file ran nothing, or a suite that was expected left no report.
 *
 * node scripts/ci/summary.mjs <folder of reports> <suite>...
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, ...suites] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
let isWhole = true;

for (const suite of suites) {
  const path = join(folder, `${suite}.json`);
  if (!existsSync(path)) {
    console.log(`${suite}: left no report, so it did not run to its end`);
    isWhole = false;
    continue;
  }
  const report = JSON.parse(readFileSync(path, "utf8"));
  passed += report.passed;
  failed += report.failed;
  skipped += report.skipped.length;
  for (const { test, reason } of report.skipped) console.log(`skipped: ${test}: ${reason || "NO REASON GIVEN"}`);
  for (const file of report.empty) console.log(`${suite}: ${file} ran no test`);
  if (report.empty.length > 0 || report.passed + report.failed === 0) isWhole = false;
}

console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = isWhole && failed === 0 ? 0 : 1;
