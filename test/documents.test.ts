/** @file Generated documents never lag behind what they are generated from. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { documents } from "../scripts/documents/index.ts";

it.each(Object.entries(documents()))("%s is what `npm run docs` writes", (path, text) => {
  expect(
    readFileSync(new URL(`../${path}`, import.meta.url), "utf8") === text,
    `${path} is out of date: run \`npm run docs\``,
  ).toBe(true);
});
