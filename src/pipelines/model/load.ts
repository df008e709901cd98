/** @file A saved folder back to a model: every byte of the weights and every field of `model.json` checked. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Fault } from "../../engine/index.ts";
import { readRegularFile } from "../files/regular.ts";
import { decodeSafetensors } from "../files/safetensors.ts";
import { parseBy } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { parseModelSpec } from "./create.ts";
import { MODEL_FILE, ModelFile, PENDING, VERSION, WEIGHTS_FILE } from "./file.ts";
import type { ModelRecord } from "./record.ts";
import { packWeights } from "./weights.ts";

/**
 * Loads what `saveModel` wrote.
 * Faults: NOT_FOUND; PATH_DENIED outside `roots`; CHECKPOINT_CORRUPT that says which file is wrong and how; INVALID_PARAMS
 * when the spec names something that the registry does not have, such as a plugin's backbone.
 */
export async function loadModel(registry: Registry, path: string, roots?: readonly string[]): Promise<ModelRecord> {
  const folder = resolve(path);
  await refuseNoFolder(folder);
  const file = parseModelFile(await readRegularFile(join(folder, MODEL_FILE), { roots }), folder);
  const { format: _, version: __, weights, ...described } = file;
  const { input, ...spec } = described.spec;
  return {
    ...described,
    spec: parseModelSpec(registry, { ...spec, ...(input === null ? {} : { input }) }),
    weights:
      weights === null
        ? null
        : packWeights(decodeSafetensors(await readWeights(folder, weights, roots), WEIGHTS_FILE).tensors),
  };
}

async function refuseNoFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory()) return;
  throw new Fault("NOT_FOUND", `\`${folder}\` is ${found === null ? "not there" : "a file, not a model's folder"}`, {
    violations: [
      { path: "path", message: "no model", expected: `a folder with ${MODEL_FILE} and ${WEIGHTS_FILE}`, got: folder },
    ],
    hint: "give the path that `models.save` was given",
  });
}

function parseModelFile(bytes: Buffer, folder: string) {
  let content: unknown;
  try {
    content = JSON.parse(bytes.toString());
  } catch (cause) {
    throw corrupt(folder, MODEL_FILE, `it is not JSON (${(cause as Error).message})`, cause);
  }
  const version = (content as { version?: unknown } | null)?.version;
  if (typeof version === "number" && version > VERSION) {
    throw corrupt(
      folder,
      MODEL_FILE,
      `its version is ${version}, this sidecar reads up to ${VERSION}; use a newer one`,
    );
  }
  try {
    return parseBy(ModelFile, content, "");
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    throw corrupt(folder, MODEL_FILE, cause.message, cause);
  }
}

/** The weights that `model.json` speaks of; a save that was killed may have left them under their pending name. */
async function readWeights(
  folder: string,
  { sha256, bytes }: NonNullable<ModelFile["weights"]>,
  roots: readonly string[] | undefined,
): Promise<Buffer> {
  const problems: string[] = [];
  for (const name of [WEIGHTS_FILE, WEIGHTS_FILE + PENDING]) {
    const content = await readRegularFile(join(folder, name), { roots }).catch((fault: Fault) => {
      if (fault.reason !== "NOT_FOUND") throw fault;
      return null;
    });
    if (content === null) problems.push("it is missing");
    else if (content.length !== bytes) problems.push(`it has ${content.length} bytes, ${bytes} were saved`);
    else if (createHash("sha256").update(content).digest("hex") !== sha256)
      problems.push("its SHA-256 is not the one that was saved");
    else return content;
  }
  throw corrupt(folder, WEIGHTS_FILE, problems[0]!);
}

function corrupt(folder: string, name: string, problem: string, cause?: unknown): Fault {
  return new Fault("CHECKPOINT_CORRUPT", `\`${join(folder, name)}\`: ${problem}`, {
    violations: cause instanceof Fault ? cause.violations : [{ path: name, message: problem }],
    hint: "the folder was changed or copied only in part; take it from where it was saved",
    cause,
  });
}
