/** @file `ml-sidecar doctor`: what this machine offers, and what is missing. */
import { accessSync, constants, existsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { resolve } from "node:path";
import type { Settings } from "./commandline.ts";
import { onnxruntimeVersion } from "./methods/runtime.ts";

/** A module with one function of no result whose body is the given instructions. */
function validates(...body: number[]): boolean {
  const code = [1, body.length + 2, 0, ...body, 0x0b];
  const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, code.length, ...code];
  return WebAssembly.validate(new Uint8Array(bytes));
}

const ZERO_VECTOR = [0xfd, 0x0c, ...new Array<number>(16).fill(0)];
const DROP = 0x1a;
/** `f32x4.relaxed_madd`, 0xfd 0x85 0x02. */
const RELAXED_MADD = [...ZERO_VECTOR, ...ZERO_VECTOR, ...ZERO_VECTOR, 0xfd, 0x85, 0x02, DROP];

async function relaxedSimd(): Promise<boolean> {
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString("--experimental-wasm-relaxed-simd");
  return validates(...RELAXED_MADD);
}

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
  return validates(...ZERO_VECTOR, DROP) ? "yes" : "NO: plain loops on one thread, hundreds of times slower";
}

/** The report, a line a finding. */
export async function examine(settings: Settings, version: string): Promise<string> {
  const findings: Record<string, string> = {
    "ml-sidecar": version,
    node: `${process.version} (needs 20.12 or newer)`,
    platform: `${process.platform} ${process.arch}`,
    threads: threadsOf(settings),
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    "WebAssembly SIMD": simdOf(settings),
    "relaxed SIMD": settings.relaxedSimd
      ? (await relaxedSimd())
        ? "yes"
        : "no: somewhat slower"
      : "switched off (--no-relaxed-simd)",
    "shared memory": typeof SharedArrayBuffer === "function" ? "yes" : "NO: one thread only",
    onnxruntime: onnxruntimeVersion() ?? "not installed: exported files are not verified",
    "data directory": dataDirectory(settings),
  };
  return Object.entries(findings)
    .map(([name, finding]) => `${name.padEnd(18)}${finding}\n`)
    .join("");
}
