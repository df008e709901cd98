/** @file Whether onnxruntime-node is installed, told without loading its native library. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type * as Onnxruntime from "onnxruntime-node";
import { Fault } from "../../fault.ts";

/** The version installed for this platform, or why there is none, in words for a person. */
export type OnnxruntimePresence = { readonly version: string } | { readonly missing: string };

const HINT = "install it beside ml-sidecar: npm install onnxruntime-node@1.30.0";

export function findOnnxruntime(): OnnxruntimePresence {
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  } catch {
    return { missing: "the optional package onnxruntime-node is not installed" };
  }
  const { version, binary } = JSON.parse(readFileSync(manifest, "utf8")) as Manifest;
  const found = (binary?.napi_versions ?? []).some((napi) =>
    existsSync(join(dirname(manifest), "bin", `napi-v${napi}`, process.platform, process.arch)),
  );
  return found ? { version } : { missing: `onnxruntime-node has no library for ${process.platform} ${process.arch}` };
}

interface Manifest {
  readonly version: string;
  readonly binary?: { readonly napi_versions?: readonly number[] };
}

/** @throws Fault NOT_FOUND where it is not installed or does not load. */
export async function loadOnnxruntime(): Promise<typeof Onnxruntime> {
  const presence = findOnnxruntime();
  if ("missing" in presence) throw missingOnnxruntime(presence.missing);
  try {
    const loaded = await import("onnxruntime-node");
    return "InferenceSession" in loaded ? loaded : (loaded as { default: typeof Onnxruntime }).default;
  } catch (cause) {
    throw missingOnnxruntime(`onnxruntime-node does not load: ${(cause as Error).message}`, cause);
  }
}

export function missingOnnxruntime(message: string, cause?: unknown): Fault {
  return new Fault("NOT_FOUND", message, { hint: HINT, cause });
}
