/** @file Writes what a vitest run did as JSON, for `summary.mjs`: counts, skipped tests with their reasons, and files that ran nothing. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.env.TEST_REPORTS ?? "coverage";

export default class Report {
  onTestRunEnd(modules, unhandledErrors) {
    const report = {
      suite: process.env.TEST_SUITE ?? "vitest",
      passed: 0,
      failed: unhandledErrors.length,
      skipped: [],
      empty: [],
    };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      const states = tests.map((test) => test.result().state);
      report.passed += states.filter((state) => state === "passed").length;
      report.failed += states.filter((state) => state === "failed").length;
      if (module.errors().length > 0) report.failed++;
      tests.forEach((test, index) => {
        if (states[index] !== "skipped" && states[index] !== "pending") return;
        report.skipped.push({
          test: `${module.relativeModuleId} > ${test.fullName}`,
          reason: test.result().note ?? "",
        });
      });
      if (!states.some((state) => state === "passed" || state === "failed")) report.empty.push(module.relativeModuleId);
    }
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${report.suite}.json`), JSON.stringify(report));
  }
}
