/** @file A saved folder back to a policy: every part checked, and that the parts are of one policy. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { Fault, sameShape } from "../../engine/index.ts";
import { readRegularFile } from "../files/regular.ts";
import { decodeSafetensors } from "../files/safetensors.ts";
import { CELL_NAMES } from "../layers/cells.ts";
import { MODEL_FILE, PENDING, WEIGHTS_FILE } from "../model/file.ts";
import type { Weights } from "../model/record.ts";
import { packWeights } from "../model/weights.ts";
import { parseBy, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { DISTRIBUTION_NAMES } from "./distributions.ts";
import { type PolicyModel, policyLeaves } from "./policyRecord.ts";
import { parseSpace } from "./spaceSpec.ts";

const count = z.int().min(0);
const chosen = z.looseObject({ type: z.string() });
const anyNumber = z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"]).transform(Number)]);

const PolicyFile = z.looseObject({
  seed: count,
  state: z.enum(["new", "trained"]),
  spec: z.looseObject({}),
  parameters: count.nullable(),
  metrics: z.object({ training: z.record(z.string(), anyNumber), validation: z.null() }).nullable(),
  provenance: z.looseObject({}).nullable(),
  weights: z.object({ file: z.literal(WEIGHTS_FILE), sha256: z.string().length(64), bytes: count }).nullable(),
  policy: z.object({
    spec: z.object({
      observation: z.unknown(),
      action: z.unknown(),
      backbone: chosen.nullable(),
      memory: z.object({ cell: z.enum(CELL_NAMES), hidden: count, layers: count }).nullable(),
      sharedBackbone: z.boolean(),
      orthogonalInit: z.boolean(),
      distribution: z.enum(DISTRIBUTION_NAMES),
      logStdInit: z.number(),
      masked: z.boolean(),
      normaliser: z.object({ clip: z.number() }).nullable(),
    }),
    algorithm: chosen,
    environment: chosen,
    moments: z.object({ mean: z.array(z.number()), variance: z.array(z.number()), count: z.number() }).nullable(),
    steps: count,
    updates: count,
    meanReturn: anyNumber.nullable(),
  }),
});

/** @param content of the folder's `model.json`. Faults: those of `loadModel`. */
export async function loadPolicy(
  registry: Registry,
  folder: string,
  content: object,
  roots: readonly string[] | undefined,
): Promise<PolicyModel> {
  let file: z.output<typeof PolicyFile>;
  try {
    file = parseBy(PolicyFile, content, "");
  } catch (cause) {
    throw corrupt(folder, MODEL_FILE, (cause as Error).message, cause);
  }
  const { weights: described, policy, ...rest } = file;
  const { backbone, observation, action } = policy.spec;
  const record = {
    ...rest,
    policy: {
      ...policy,
      spec: {
        ...policy.spec,
        observation: parseSpace(observation, "policy.spec.observation"),
        action: parseSpace(action, "policy.spec.action"),
        backbone:
          backbone === null
            ? null
            : parseConfigured(registry.backbones, backbone, "policy.spec.backbone", backbone.type),
      },
    },
    weights: described === null ? null : packWeights(await readTensors(folder, described, roots)),
  } as unknown as PolicyModel;
  refuseStrangers(registry, folder, record);
  return record;
}

async function readTensors(
  folder: string,
  { sha256, bytes }: { readonly sha256: string; readonly bytes: number },
  roots: readonly string[] | undefined,
) {
  for (const name of [WEIGHTS_FILE, WEIGHTS_FILE + PENDING]) {
    const content = await readRegularFile(join(folder, name), { roots }).catch(() => null);
    if (content === null || content.length !== bytes) continue;
    if (createHash("sha256").update(content).digest("hex") !== sha256) continue;
    return decodeSafetensors(content, WEIGHTS_FILE).tensors;
  }
  throw corrupt(folder, WEIGHTS_FILE, "it is missing, or not what was saved");
}

/** Each part may be sound, and yet be another policy's. */
function refuseStrangers(registry: Registry, folder: string, { policy, weights }: PolicyModel): void {
  if (weights === null) return;
  const declared = policyLeaves(registry, policy.spec);
  const there = new Map<string, Weights["layout"][number]>(weights.layout.map((entry) => [entry.path, entry]));
  for (const { path, type } of declared) {
    const entry = there.get(path);
    if (entry?.dtype === type.dtype && sameShape(entry.shape, type.shape)) continue;
    throw corrupt(folder, WEIGHTS_FILE, `the weights lack \`${path}\` as the policy makes it`);
  }
  if (declared.length !== weights.layout.length) {
    throw corrupt(folder, WEIGHTS_FILE, "the weights have more tensors than the policy makes");
  }
}

function corrupt(folder: string, name: string, problem: string, cause?: unknown): Fault {
  return new Fault("CHECKPOINT_CORRUPT", `\`${join(folder, name)}\`: ${problem}`, {
    violations: cause instanceof Fault ? cause.violations : [{ path: name, message: problem }],
    hint: "the folder was changed or copied only in part; take it from where it was saved",
    cause,
  });
}
