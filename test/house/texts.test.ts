/** @file What every file and folder says about itself, and what none may say. */
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { filesUnder } from "./sources.ts";

const CODE = /\.(ts|mjs)$/;
const GENERATED = /\.generated\.ts$|\/_reasons\.py$/;
const all = filesUnder(".");
const code = all.filter((file) => CODE.test(file) && !GENERATED.test(file) && !file.startsWith("test/"));
const inRooms = all.filter((file) => file.startsWith("src/") && file.endsWith(".ts"));

describe("every source file, tests aside,", () => {
  it("opens with a paragraph on what it is", () => {
    const silent = code.filter((file) => !/^(#!.*\n)?\/\*\*\s*(\*\s*)?@file\s+\S/.test(readFileSync(file, "utf8")));
    expect(silent.filter((file) => file !== "vitest.config.ts")).toEqual([]);
  });

  it("names no path of one machine", () => {
    const machinePath = /(?<![\w.:/-])\/(work|root|home|Users|opt)\/[\w.]/;
    const texts = all.filter((file) => /\.(ts|mjs|js|py|md|json|toml|yml|txt)$|\.ci\/run$/.test(file));
    const guilty = texts.filter(
      (file) => file !== "test/house/texts.test.ts" && machinePath.test(readFileSync(file, "utf8")),
    );
    expect(guilty).toEqual([]);
  });
});

describe("READMEs of the rooms", () => {
  const folders = [...new Set(inRooms.map((file) => dirname(file)))].sort();
  const described = folders.filter((folder) => all.includes(`${folder}/README.md`));
  const readmeOf = (folder: string): string => readFileSync(`${folder}/README.md`, "utf8");

  it("stand in every folder that the one above does not describe by name", () => {
    const homeless = folders.filter((folder) => {
      const parent = dirname(folder);
      const isDescribedAbove = described.includes(parent) && readmeOf(parent).includes(`${basename(folder)}/`);
      return !described.includes(folder) && !isDescribedAbove;
    });
    expect(homeless).toEqual([]);
  });

  it.each(described)("%s lists every file and folder in it", (folder) => {
    const files = inRooms.filter((file) => dirname(file) === folder).map((file) => basename(file));
    const subfolders = folders.filter((other) => dirname(other) === folder).map((other) => `${basename(other)}/`);
    expect([...files, ...subfolders].filter((name) => !readmeOf(folder).includes(name))).toEqual([]);
  });

  it.each(described)("%s lists nothing that is gone", (folder) => {
    const listed = [...readmeOf(folder).matchAll(/`([\w./-]+\.ts)`/g)].map(([, name]) => name!);
    expect(listed.filter((name) => !all.some((file) => file === name || file.endsWith(`/${name}`)))).toEqual([]);
  });
});
