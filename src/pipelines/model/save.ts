/** @file A model as a folder: `model.json` and `weights.safetensors`. Killed at any moment, it leaves the old model or the new. */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { Fault } from "../../engine/index.ts";
import { renameSynced, writeSynced } from "../files/durable.ts";
import { makeFolder } from "../files/makeFolder.ts";
import { encodeSafetensors } from "../files/safetensors.ts";
import { writing } from "../files/writing.ts";
import { FORMAT, IMPORTED_FILE, MODEL_FILE, PENDING, showModelFile, VERSION, WEIGHTS_FILE } from "./file.ts";
import type { ModelRecord } from "./record.ts";
import { weightArrays } from "./weights.ts";

/**
 * Saves a model, in place of the one that the folder may hold.
 *
 * A new folder is written beside its name and renamed. In an old one both files are written under pending names; renaming
 * `model.json` is what makes the new model valid, since it names the weights' SHA-256 and `loadModel` finds them under
 * either name.
 *
 * Faults: ALREADY_EXISTS when the path is a file, or a folder with something else in it; those of `writing`.
 */
export async function saveModel(record: ModelRecord, path: string): Promise<void> {
  const folder = resolve(path);
  const { weights, imported, ...described } = record;
  const tensors = weights === null ? null : encodeSafetensors(weightArrays(weights), { format: "pt" });
  const file = {
    format: FORMAT,
    version: VERSION,
    ...described,
    ...(imported !== undefined && { imported: { file: IMPORTED_FILE, sha256: imported.sha256 } }),
    weights: tensors === null ? null : { file: WEIGHTS_FILE, sha256: sha256(tensors), bytes: tensors.length },
  };
  const files = [
    ...(tensors === null ? [] : [[WEIGHTS_FILE, tensors] as const]),
    ...(imported === undefined ? [] : [[IMPORTED_FILE, new Uint8Array(imported.bytes)] as const]),
    [MODEL_FILE, showModelFile(file)] as const,
  ];
  await writing(folder, async () => {
    if (await holdsModel(folder)) replace(folder, files);
    else await create(folder, files);
  });
}

type Files = readonly (readonly [name: string, content: string | Uint8Array])[];

async function create(folder: string, files: Files): Promise<void> {
  const parent = dirname(folder);
  makeFolder(parent);
  const temporary = join(parent, `.${basename(folder)}.${randomUUID()}${PENDING}`);
  try {
    await mkdir(temporary);
    for (const [name, content] of files) writeSynced(join(temporary, name), content);
    renameSynced(temporary, folder);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw cause;
  }
}

function replace(folder: string, files: Files): void {
  for (const [name, content] of files) writeSynced(join(folder, name + PENDING), content);
  for (const [name] of files.toReversed()) renameSynced(join(folder, name + PENDING), join(folder, name));
}

/** Whether there is a model to replace. An empty folder counts as none: it can be renamed over. */
async function holdsModel(folder: string): Promise<boolean> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return false;
    if (code === "ENOTDIR") throw occupied(folder, "a file");
    throw cause;
  }
  if (names.includes(MODEL_FILE)) return true;
  if (names.length === 0) return false;
  throw occupied(folder, `a folder with ${names.slice(0, 3).join(", ")}`);
}

function occupied(folder: string, got: string): Fault {
  return new Fault("ALREADY_EXISTS", `\`${folder}\` is ${got}, not a saved model`, {
    violations: [
      { path: "path", message: "not a place for a model", expected: "a new folder, or one with a saved model", got },
    ],
    hint: "choose another path",
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
