/** @file A saved folder back to a model: every byte of the weights and every field of `model.json` checked. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Fault, sameShape, showShape } from "../../engine/index.ts";
import { readRegularFile } from "../files/regular.ts";
import { decodeSafetensors } from "../files/safetensors.ts";
import type { ImportedFile } from "../imported/importedFile.ts";
import type { Declaration } from "../layers/scope.ts";
import { parseBy, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { outputNames } from "../targets/index.ts";
import { parseModelSpec } from "./create.ts";
import { EnsembleFile, IMPORTED_FILE, MODEL_FILE, ModelFile, PENDING, VERSION, WEIGHTS_FILE } from "./file.ts";
import { declare } from "./network.ts";
import type { ModelRecord, Weights } from "./record.ts";
import type { EnsembleSpec } from "./spec.ts";
import { packWeights } from "./weights.ts";

/**
 * Loads what `saveModel` wrote.
 * Faults: NOT_FOUND; PATH_DENIED outside `roots`; CHECKPOINT_CORRUPT that says which file is wrong and how, also where its
 * parts are whole but not of one model; INVALID_PARAMS
 * when the spec names something that the registry does not have, such as a plugin's backbone.
 */
export async function loadModel(registry: Registry, path: string, roots?: readonly string[]): Promise<ModelRecord> {
  const folder = resolve(path);
  await refuseNoFolder(folder);
  const file = parseModelFile(await readRegularFile(join(folder, MODEL_FILE), { roots }), folder);
  const { format: _, version: __, weights, imported, ...described } = file;
  const { input, ensemble, ...spec } = described.spec;
  const record: ModelRecord = {
    ...described,
    ...(imported !== undefined && { imported: await readImported(folder, imported.sha256, roots) }),
    spec: {
      ...parseModelSpec(registry, { ...spec, ...(input === null ? {} : { input }) }),
      ...(ensemble === undefined ? {} : { ensemble: parseEnsemble(registry, ensemble, folder) }),
    },
    weights:
      weights === null
        ? null
        : packWeights(decodeSafetensors(await readWeights(folder, weights, roots), WEIGHTS_FILE).tensors),
  };
  const problem = contradiction(registry, record);
  if (problem !== null) throw corrupt(folder, MODEL_FILE, problem);
  return record;
}

function parseEnsemble(registry: Registry, raw: unknown, folder: string): EnsembleSpec {
  try {
    const { combine, members } = parseBy(EnsembleFile, raw, "spec.ensemble");
    return {
      combine,
      members: members.map(({ backbone, head, ...rest }, index) => {
        const path = `spec.ensemble.members[${index}]`;
        return {
          backbone: parseConfigured(registry.backbones, backbone, `${path}.backbone`, backbone.type),
          head: parseConfigured(registry.heads, head, `${path}.head`, head.type),
          ...rest,
        };
      }),
    };
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    throw corrupt(folder, MODEL_FILE, cause.message, cause);
  }
}

/** What in a record belies the rest: each part may be sound, and yet be another model's. Null when all agree. */
function contradiction(registry: Registry, record: ModelRecord): string | null {
  const { signature, preprocessing, target, weights } = record;
  if (weights === null) return null;
  if (signature === null || preprocessing === null || target === null)
    return "it has weights, but not what they are for";
  if (!sameShape(signature.raw, [preprocessing.rawWidth])) return "`signature.raw` is not what `preprocessing` takes";
  if (!sameShape(signature.features, preprocessing.featureShape)) {
    return "`signature.features` is not what `preprocessing` gives";
  }
  if (signature.outputs !== outputNames(target).length) return "`signature.outputs` is not what `target` needs";
  return strangeWeights(declare(registry, record, signature.features), weights.layout);
}

/** How the weights that are there differ from those that the spec makes. */
function strangeWeights(declared: readonly Declaration[], layout: Weights["layout"]): string | null {
  const there = new Map(layout.map((entry) => [entry.path, entry]));
  for (const { path, type } of declared) {
    const entry = there.get(path);
    if (entry === undefined) return `the weights lack \`${path}\`, which the spec makes`;
    if (entry.dtype !== type.dtype || !sameShape(entry.shape, type.shape)) {
      const [has, wants] = [entry, type].map(({ dtype, shape }) => `${dtype} ${showShape(shape)}`);
      return `the weights have \`${path}\` as ${has}, the spec makes it ${wants}`;
    }
  }
  return layout.length === declared.length ? null : "the weights have more tensors than the spec makes";
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

/** The ONNX file that the model was made from. */
export async function readImported(
  folder: string,
  sha256: string,
  roots: readonly string[] | undefined,
): Promise<ImportedFile> {
  for (const name of [IMPORTED_FILE, IMPORTED_FILE + PENDING]) {
    const content = await readRegularFile(join(folder, name), { roots }).catch(() => null);
    if (content === null || createHash("sha256").update(content).digest("hex") !== sha256) continue;
    const bytes = new SharedArrayBuffer(content.length);
    new Uint8Array(bytes).set(content);
    return { bytes, sha256 };
  }
  throw corrupt(folder, IMPORTED_FILE, "it is missing, or not what was saved");
}

function corrupt(folder: string, name: string, problem: string, cause?: unknown): Fault {
  return new Fault("CHECKPOINT_CORRUPT", `\`${join(folder, name)}\`: ${problem}`, {
    violations: cause instanceof Fault ? cause.violations : [{ path: name, message: problem }],
    hint: "the folder was changed or copied only in part; take it from where it was saved",
    cause,
  });
}
