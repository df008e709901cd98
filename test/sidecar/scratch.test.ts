/** @file Files that hold what is too long for a line. */
import { existsSync, writeFileSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { createScratch } from "../../src/sidecar/scratch.ts";

/** Writes `count` answers of `bytes` bytes; says which of them are still there. */
function answers(most: { answers: number; bytes: number }, count: number, bytes: number): boolean[] {
  const scratch = createScratch(most);
  onTestFinished(scratch.remove);
  const paths = Array.from({ length: count }, () => {
    const path = scratch.path(".json");
    writeFileSync(path, Buffer.alloc(bytes));
    scratch.answered(path);
    return path;
  });
  return paths.map((path) => existsSync(path));
}

it("keeps the newest answers, no more than so many", () => {
  expect(answers({ answers: 2, bytes: 1000 }, 4, 1)).toEqual([false, false, true, true]);
});

it("keeps no more than so many bytes of them, but always the newest", () => {
  expect(answers({ answers: 9, bytes: 25 }, 4, 10)).toEqual([false, false, true, true]);
  expect(answers({ answers: 9, bytes: 5 }, 2, 10)).toEqual([false, true]);
});
