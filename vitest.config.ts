import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    reporters: process.env.TEST_REPORTS ? ["default", "./scripts/ci/vitest-reporter.mjs"] : ["default"],
    // Spawned sidecars count their own lines: scripts/coverage.mjs adds them up.
    env: process.env.CHILD_COVERAGE ? { NODE_V8_COVERAGE: process.env.CHILD_COVERAGE } : {},
    coverage: { provider: "v8", include: ["src/**/*.ts"], exclude: ["src/engine/executors/machine/kernels/**"] },
  },
});
