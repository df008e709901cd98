/** @file A saved folder back to a model of any kind: one that learned from data, a policy, or an imported file. */
import { join, resolve } from "node:path";
import { readRegularFile } from "./files/regular.ts";
import { IMPORTED } from "./imported/importOnnx.ts";
import { reopened } from "./imported/loadImported.ts";
import { MODEL_FILE } from "./model/file.ts";
import { loadModel, readImported } from "./model/load.ts";
import type { ModelRecord } from "./model/record.ts";
import type { Registry } from "./registry/registry.ts";
import { loadPolicy } from "./rl/policyFile.ts";

/** Faults: those of `loadModel`. */
export async function loadAnyModel(registry: Registry, path: string, roots?: readonly string[]): Promise<ModelRecord> {
  const folder = resolve(path);
  const bytes = await readRegularFile(join(folder, MODEL_FILE), { roots }).catch(() => null);
  const content = bytes === null ? null : parsed(bytes);
  const file = content === null ? null : wholeFileOf(content);
  if (file !== null) return reopened(await readImported(folder, file, roots));
  if (content !== null && "policy" in content) return loadPolicy(registry, folder, content, roots);
  return loadModel(registry, path, roots);
}

/** The fingerprint of the ONNX file, for a model that is nothing but one. */
function wholeFileOf(content: object): string | null {
  const { spec, imported } = content as { spec?: { pipeline?: unknown }; imported?: { sha256?: unknown } };
  return spec?.pipeline === IMPORTED && typeof imported?.sha256 === "string" ? imported.sha256 : null;
}

function parsed(bytes: Buffer): object | null {
  try {
    const content: unknown = JSON.parse(bytes.toString());
    return typeof content === "object" ? content : null;
  } catch {
    return null;
  }
}
