/** @file A training's state on the disk. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { encodeSafetensors } from "../../src/pipelines/files/safetensors.ts";
import type { TrainingState } from "../../src/pipelines/index.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/sidecar/checkpoint.ts";
import { temporaryDirectory } from "../support/sidecar.ts";

const file = () => join(temporaryDirectory(), "checkpoint.safetensors");
const WEIGHT = { dtype: "F32", shape: [2], data: Float32Array.of(1, -2) } as const;
const PROGRESS = { dataHash: "d", epoch: 1, batch: 2, step: 3, batches: 4 };

it("comes back as it was, with numbers that JSON does not have and strings that look like them", () => {
  const path = file();
  const state = {
    progress: {
      ...PROGRESS,
      watch: { best: Number.POSITIVE_INFINITY, losses: [Number.NaN, -0, -1 / 0] },
      scores: null,
    },
    record: { spec: { pipeline: "classification" }, target: { kind: "classes", classes: ["NaN", "-0", "Infinity"] } },
    tensors: { "state.w": WEIGHT },
  } as unknown as TrainingState;
  writeCheckpoint(path, state);
  expect(readCheckpoint(path)).toEqual(state);
});

it("is none where no file is", () => {
  expect(readCheckpoint(file())).toBe(undefined);
});

it.each([
  ["missing", {}],
  ["cut off", { training: '{"progress":{' }],
  ["empty", { training: "{}" }],
  ["null", { training: "null" }],
  [
    "without a place to go on from",
    { training: JSON.stringify({ progress: { dataHash: "d" }, record: { spec: {} } }) },
  ],
  ["without a model", { training: JSON.stringify({ progress: PROGRESS, record: null }) }],
])("is CHECKPOINT_CORRUPT when its metadata is %s", (_how, metadata) => {
  const path = file();
  writeFileSync(path, encodeSafetensors({ "state.w": WEIGHT }, metadata as Record<string, string>));
  expect(() => readCheckpoint(path)).toThrow(expect.objectContaining({ reason: "CHECKPOINT_CORRUPT" }));
});
