/** @file The peers, and how each is had: installed under .cache/ at the first run, left out with a word where that fails. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { PeerKey } from "./cases.ts";
import type { ContenderCommand } from "./contender.ts";

const run = promisify(execFile);
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

export interface Peer {
  readonly key: PeerKey;
  readonly label: string;
  /** How many threads it can be given; where it can't have as many as we, its best is compared. */
  readonly maxThreads: number;
  /** Installs it when it is missing. */
  prepare(): Promise<void>;
  command(threads: number): ContenderCommand;
}

const torchHome = ".cache/bench-venv";
const torchPython = join(torchHome, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
const tfjsHome = ".cache/bench-peers";

const learningHome = ".cache/bench-rl-venv";

/** Python with Stable-Baselines3 and Gymnasium; installs them when they are missing. @throws when it can't */
export async function learningPython(): Promise<string> {
  const python = join(learningHome, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  await once(learningHome, async () => {
    await run(process.env.PYTHON ?? "python3", ["-m", "venv", learningHome]);
    await run(python, ["-m", "pip", "install", "--quiet", "-r", "bench/requirements-rl.txt"]);
  });
  return python;
}

/** Of the first line of Node whose V8 makes vectors of 256 bits of our kernels' (decision 20). */
export const NEWER_NODE = "24.21.0";
const nodeHome = ".cache/bench-node";

/** Its executable; installs it when it is missing. null where this Node is as new. @throws when it can't be had */
export async function newerNode(): Promise<string | null> {
  if (Number.parseInt(process.versions.node, 10) >= Number.parseInt(NEWER_NODE, 10)) return null;
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  await once(nodeHome, async () => {
    const options = ["--prefix", nodeHome, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
    await run(npm, ["install", ...options, `${name}@${NEWER_NODE}`]);
  });
  return resolve(nodeHome, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
}

/** Runs `install` unless it was once seen to succeed in that folder. */
async function once(folder: string, install: () => Promise<unknown>): Promise<void> {
  const mark = join(folder, "installed");
  if (existsSync(mark)) return;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await install();
  await writeFile(mark, "");
}

export const PEERS: readonly Peer[] = [
  {
    key: "torch",
    label: "PyTorch",
    maxThreads: Number.POSITIVE_INFINITY,
    prepare: () =>
      once(torchHome, async () => {
        await run(process.env.PYTHON ?? "python3", ["-m", "venv", torchHome]);
        await run(torchPython, ["-m", "pip", "install", "--quiet", "-r", "bench/requirements.txt"]);
      }),
    command: (threads) => ({ command: torchPython, args: ["bench/peers/torch_cases.py", String(threads)] }),
  },
  {
    key: "tfjs",
    label: "TF.js",
    maxThreads: 1,
    prepare: () =>
      once(tfjsHome, async () => {
        await copyFile("bench/package.json", join(tfjsHome, "package.json"));
        await run(npm, ["install", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: tfjsHome });
      }),
    command: () => ({ command: process.execPath, args: ["bench/peers/tfjs_cases.mjs", join(process.cwd(), tfjsHome)] }),
  },
  {
    key: "onnxruntime",
    label: "onnxruntime",
    maxThreads: Number.POSITIVE_INFINITY,
    prepare: async () => {},
    command: (threads) => ({
      command: process.execPath,
      args: ["--import", "tsx", "bench/peers/onnxruntime_cases.ts", String(threads)],
    }),
  },
];
