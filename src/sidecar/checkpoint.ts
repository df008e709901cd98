/** @file A training's state as one safetensors file: the tensors, and everything else as JSON in its metadata. */
import { existsSync, readFileSync } from "node:fs";
import { replaceFile } from "../pipelines/files/durable.ts";
import { decodeSafetensors, encodeSafetensors } from "../pipelines/files/safetensors.ts";
import type { TrainingState } from "../pipelines/index.ts";
import { Refusal } from "../protocol/errors.ts";

type Rest = Omit<TrainingState, "tensors">;

/** Nobody but the user reads what is kept. */
const PRIVATE = 0o600;

/** The previous checkpoint stays until the new one is whole and on the disk. */
export function writeCheckpoint(path: string, { tensors, ...rest }: TrainingState): void {
  replaceFile(path, encodeSafetensors(tensors, { training: JSON.stringify(rest, withoutLoss) }), PRIVATE);
}

/**
 * The state to go on from; undefined where none was saved.
 * @throws Fault, Refusal `CHECKPOINT_CORRUPT`
 */
export function readCheckpoint(path: string): TrainingState | undefined {
  if (!existsSync(path)) return undefined;
  const { tensors, metadata } = decodeSafetensors(readFileSync(path), path);
  return { ...restOf(metadata.training, path), tensors };
}

function restOf(text: string | undefined, path: string): Rest {
  if (text === undefined) throw corrupt(path, "`training` is missing in its metadata");
  let rest: unknown;
  try {
    rest = JSON.parse(text, withNumbers);
  } catch (cause) {
    throw corrupt(path, `\`training\` in its metadata is no JSON (${(cause as Error).message})`);
  }
  const { progress, record } = Object(rest) as { [M in keyof Rest]?: { [member: string]: unknown } };
  const counts = [progress?.epoch, progress?.batch, progress?.step, progress?.batches];
  const stands = typeof progress?.dataHash === "string" && counts.every(Number.isSafeInteger);
  const isModel = typeof record?.spec === "object" && record.spec !== null;
  if (!stands || !isModel) throw corrupt(path, "`training` in its metadata does not say where the training stands");
  return rest as Rest;
}

function corrupt(path: string, problem: string): Refusal {
  return new Refusal("CHECKPOINT_CORRUPT", `\`${path}\` is not a checkpoint: ${problem}`, {
    violations: [{ path, message: problem }],
    hint: "it cannot be resumed; start the training again with `train.start`",
  });
}

/** JSON has no NaN, no infinities and no -0; losses have. Under this key they are told from strings. */
const NUMBER = "$number";

function withoutLoss(_key: string, value: unknown): unknown {
  if (typeof value !== "number") return value;
  if (Object.is(value, -0)) return { [NUMBER]: "-0" };
  return Number.isFinite(value) ? value : { [NUMBER]: String(value) };
}

function withNumbers(_key: string, value: unknown): unknown {
  const named = typeof value === "object" && value !== null && NUMBER in value ? value[NUMBER] : undefined;
  return typeof named === "string" ? Number(named) : value;
}
