/** @file `ml-sidecar doctor`: what this machine offers, and what is missing. */
import { accessSync, constants, existsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { resolve } from "node:path";
import { relaxedSimdAvailable, simdAvailable, wideSimdAvailable } from "../engine/index.ts";
import type { Settings } from "./commandline.ts";
import { onnxruntimeVersion } from "./methods/runtime.ts";

function dataDirectory({ dataDirectory }: Settings): string {
  if (dataDirectory === null) return "none (nothing outlives the process; see --data-dir)";
  const path = resolve(dataDirectory);
  if (!existsSync(path)) return `${path} (will be made)`;
  try {
    accessSync(path, constants.W_OK);
    return `${path} (writable)`;
  } catch {
    return `${path} (NOT writable)`;
  }
}

function threadsOf({ threads }: Settings): string {
  const cores = availableParallelism();
  return threads === 1
    ? `switched off (--threads 1), of ${cores} cores`
    : `${Math.min(threads ?? cores, cores)} of ${cores} cores`;
}

function simdOf({ simd }: Settings): string {
  if (!simd) return "switched off (--no-simd): plain loops on one thread, hundreds of times slower";
  return simdAvailable() ? "yes" : "NO: plain loops on one thread, hundreds of times slower";
}

function relaxedSimdOf({ relaxedSimd }: Settings): string {
  if (!relaxedSimd) return "switched off (--no-relaxed-simd)";
  return relaxedSimdAvailable() ? "yes" : "no: somewhat slower";
}

function wideSimdOf({ wideSimd, relaxedSimd }: Settings): string {
  if (!wideSimd || !relaxedSimd) return `switched off (--no-${wideSimd ? "relaxed" : "wide"}-simd)`;
  return wideSimdAvailable()
    ? "yes: 256 bits"
    : "no: 128 bits; Node 24 or newer on x64 with AVX2 computes up to twice as fast";
}

/** The report, a line a finding. */
export function examine(settings: Settings, version: string): string {
  const findings: Record<string, string> = {
    "ml-sidecar": version,
    node: `${process.version} (needs 20.12 or newer)`,
    platform: `${process.platform} ${process.arch}`,
    threads: threadsOf(settings),
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    "WebAssembly SIMD": simdOf(settings),
    "relaxed SIMD": relaxedSimdOf(settings),
    "wide SIMD": wideSimdOf(settings),
    "shared memory": typeof SharedArrayBuffer === "function" ? "yes" : "NO: one thread only",
    onnxruntime: onnxruntimeVersion() ?? "not installed: exported files are not verified",
    "data directory": dataDirectory(settings),
  };
  return Object.entries(findings)
    .map(([name, finding]) => `${name.padEnd(18)}${finding}\n`)
    .join("");
}
