/** @file Folders that are made with those above them. */
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeFolder } from "../../../src/pipelines/files/makeFolder.ts";
import { temporaryDirectory } from "../../support/sidecar.ts";

it("makes what is missing, with the mode asked for, and leaves what is there", () => {
  const path = join(temporaryDirectory(), "a", "b", "c");
  makeFolder(path, 0o700);
  makeFolder(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

it("says what the system says where a file stands in the way", () => {
  const file = join(temporaryDirectory(), "file");
  writeFileSync(file, "");
  expect(() => makeFolder(join(file, "below"))).toThrow("ENOTDIR");
});

it.skipIf(!existsSync("/proc/self"))(
  "comes back where the system says of a new folder that it is not there",
  (context) => {
    context.annotate("only Linux has /proc");
    expect(() => makeFolder("/proc/ml-sidecar/models")).toThrow("ENOENT");
  },
);
