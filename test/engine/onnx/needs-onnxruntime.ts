/** @file Skips a test, with the reason, where onnxruntime is not installed: `beforeEach(needsOnnxruntime)`. */
import type { TestContext } from "vitest";
import { findOnnxruntime } from "../../../src/engine/executors/onnxruntime/find.ts";

const presence = findOnnxruntime();

export function needsOnnxruntime({ skip }: TestContext): void {
  if ("missing" in presence) skip(presence.missing);
}
