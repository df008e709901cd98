import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readRegularFile } from "../../../src/pipelines/files/regular.ts";
import { temporaryFolder } from "../data/load.support.ts";

function folderWith(files: Record<string, string>): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

describe("a file that a host names", () => {
  test("is read whole, or a range of it", async () => {
    const path = join(folderWith({ "a.txt": "0123456789" }), "a.txt");
    expect((await readRegularFile(path)).toString()).toBe("0123456789");
    expect((await readRegularFile(path, { offset: 3, bytes: 4 })).toString()).toBe("3456");
    expect((await readRegularFile(path, { offset: 8 })).toString()).toBe("89");
  });

  test("that is shorter than its range is called truncated, with both sizes", async () => {
    const path = join(folderWith({ "a.txt": "0123" }), "a.txt");
    await expect(readRegularFile(path, { offset: 2, bytes: 4 })).rejects.toMatchObject({
      reason: "DATA_INVALID",
      violations: [{ expected: "6 bytes", got: "4 bytes" }],
    });
  });

  test("that is not there is not found", async () => {
    await expect(readRegularFile(join(temporaryFolder(), "none"))).rejects.toMatchObject({ reason: "NOT_FOUND" });
  });

  test("is denied when it is a folder, a device or a pipe, without waiting on it", async () => {
    const folder = temporaryFolder();
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    for (const path of [folder, "/dev/zero", pipe]) {
      await expect(readRegularFile(path)).rejects.toMatchObject({ reason: "PATH_DENIED" });
    }
  });

  test("may be a link to a file inside the allowed folders", async () => {
    const folder = folderWith({ "a.txt": "inside" });
    symlinkSync(join(folder, "a.txt"), join(folder, "link"));
    expect((await readRegularFile(join(folder, "link"), { roots: [folder] })).toString()).toBe("inside");
  });

  test("is denied when a link, a path with dots or a neighbour's name leads out of the allowed folders", async () => {
    const outside = folderWith({ "a.txt": "secret" });
    const root = join(outside, "root");
    mkdirSync(root);
    mkdirSync(join(outside, "root2"));
    writeFileSync(join(outside, "root2", "a.txt"), "secret");
    symlinkSync(join(outside, "a.txt"), join(root, "link"));
    symlinkSync(outside, join(root, "folder"));
    for (const path of ["link", "folder/a.txt", "../a.txt", "../root2/a.txt"]) {
      await expect(readRegularFile(join(root, path), { roots: [root] })).rejects.toMatchObject({
        reason: "PATH_DENIED",
      });
    }
  });

  test("with a NUL byte in its path is denied", async () => {
    await expect(readRegularFile("/tmp/a\0b")).rejects.toMatchObject({ reason: "PATH_DENIED" });
  });
});
