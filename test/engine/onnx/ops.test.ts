/** @file Every op's ONNX form, run in onnxruntime on the op's samples, against the op's own reference. */
import { beforeEach, describe, expect, it } from "vitest";
import { openOnnx } from "../../../src/engine/executors/onnxruntime/session.ts";
import { encodeOnnx } from "../../../src/engine/onnx/codec.ts";
import { exportGraph, OPSETS } from "../../../src/engine/onnx/export.ts";
import { OPS, type OpName } from "../../../src/engine/ops/index.ts";
import type { Op } from "../../../src/engine/ops/op.ts";
import { largestDifference } from "../support/samples.ts";
import { needsOnnxruntime } from "./needs-onnxruntime.ts";
import { type OpCase, opCase } from "./op-case.ts";

/** `checkpoint` means something only around a segment of a program; it has no samples of its own. */
const WITHOUT_SAMPLES: readonly OpName[] = ["checkpoint"];
const exported = (Object.entries(OPS) as [OpName, Op][]).filter(
  ([name, { onnx }]) => !WITHOUT_SAMPLES.includes(name) && (typeof onnx !== "object" || onnx.form !== "none"),
);
const SIZES = [1, 4];

describe("ONNX forms agree with the reference", () => {
  beforeEach(needsOnnxruntime);
  for (const opset of OPSETS) {
    it.each(exported.filter(([, { onnxSince = 0 }]) => onnxSince <= opset))(`opset ${opset}: %s`, async (name, op) => {
      const cases = SIZES.flatMap((size) => op.samples(size)).map((sample, index) => opCase(name, sample, index));
      expect(cases.length).toBeGreaterThan(0);
      for (const each of cases) await expectAgreement(each, opset);
    });
  }
});

async function expectAgreement({ traced, feeds, expected }: OpCase, opset: number): Promise<void> {
  const weights = () => expect.unreachable("ops have no weights");
  const session = await openOnnx(encodeOnnx(exportGraph({ name: "op", opset, trace: () => traced, weights })));
  const results = await session.run(feeds);
  await session.close();
  for (const [output, node] of Object.entries(traced.outputs)) {
    const got = results[output]!;
    expect([got.dtype, got.shape]).toEqual([node.dtype, node.shape]);
    expect(largestDifference(Array.from(got.data as ArrayLike<number>, Number), expected[output]!)).toBeLessThan(2e-5);
  }
}
