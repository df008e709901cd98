/** @file A training's state as one safetensors file: the tensors, and everything else as JSON in its metadata. */
import { existsSync, readFileSync } from "node:fs";
import { decodeSafetensors, encodeSafetensors } from "../pipelines/files/safetensors.ts";
import type { TrainingState } from "../pipelines/index.ts";
import { writeAtomically } from "./atomic.ts";

/** The previous checkpoint stays until the new one is whole and on the disk. */
export function writeCheckpoint(path: string, { tensors, ...rest }: TrainingState): void {
  writeAtomically(path, encodeSafetensors(tensors, { training: JSON.stringify(rest) }));
}

/**
 * The state to go on from; undefined where none was saved.
 * @throws Fault `CHECKPOINT_CORRUPT`
 */
export function readCheckpoint(path: string): TrainingState | undefined {
  if (!existsSync(path)) return undefined;
  const { tensors, metadata } = decodeSafetensors(readFileSync(path), path);
  return { ...(JSON.parse(metadata.training ?? "{}") as Omit<TrainingState, "tensors">), tensors };
}
