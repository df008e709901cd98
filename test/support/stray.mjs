/** @file A plugin that writes to standard output in every way it can. */
import { execSync, spawn, spawnSync } from "node:child_process";
import fs, { writeSync } from "node:fs";

console.log("stray console.log");
console.info("stray console.info");
process.stdout.write("stray process.stdout\n");
fs.writeSync(1, "stray fs.writeSync\n");
writeSync(1, "stray named writeSync\n");
fs.writeFileSync(1, "stray writeFileSync\n");
fs.write(1, "stray fs.write\n", () => {});
fs.createWriteStream(null, { fd: 1, autoClose: false }).write("stray stream\n");
spawnSync("echo", ["stray spawnSync"], { stdio: "inherit" });
execSync("echo stray execSync", { stdio: ["ignore", "inherit", "inherit"] });
spawn("echo", ["stray spawn"], { stdio: ["ignore", 1, 2] });
process.emitWarning("stray warning");

export default { name: "stray", version: "1.0.0" };
