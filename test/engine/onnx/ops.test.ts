/** @file Every op's ONNX form, run in onnxruntime on the op's samples, against the op's own reference. */
import { beforeEach, describe, expect, it } from "vitest";
import { openOnnx } from "../../../src/engine/executors/onnxruntime/session.ts";
import { createReference } from "../../../src/engine/executors/reference/reference.ts";
import type { Attributes, Node, Traced } from "../../../src/engine/graph.ts";
import { encodeOnnx } from "../../../src/engine/onnx/codec.ts";
import { exportGraph, IR_VERSIONS } from "../../../src/engine/onnx/export.ts";
import { OPS } from "../../../src/engine/ops/index.ts";
import type { Few, Op, Sample } from "../../../src/engine/ops/op.ts";
import type { NdArray } from "../../../src/engine/shape.ts";
import { Tensor } from "../../../src/engine/tensor.ts";
import { trace } from "../../../src/engine/trace.ts";
import { drawSample } from "./draw-sample.ts";
import { needsOnnxruntime } from "./needs-onnxruntime.ts";

/** Ops that give several results, or that only make sense inside others. */
const exported = Object.entries(OPS as Readonly<Record<string, Op>>).filter(
  ([, op]) => typeof op.onnx !== "object" || op.onnx.form === "decomposition",
);
const SIZES = [1, 4];

describe("ONNX forms agree with the reference", () => {
  beforeEach(needsOnnxruntime);
  for (const opset of Object.keys(IR_VERSIONS).map(Number)) {
    describe(`opset ${opset}`, () => {
      it.each(exported)("%s", async (name, op) => {
        const samples = SIZES.flatMap((size) => op.samples(size));
        expect(samples.length).toBeGreaterThan(0);
        for (const [index, sample] of samples.entries()) await expectAgreement(name, op, sample, index, opset);
      });
    });
  }
});

async function expectAgreement(name: string, op: Op, sample: Sample<Attributes>, index: number, opset: number) {
  const inputs = drawSample(sample.inputs, index);
  const traced = trace((t) => {
    const { graph } = t.constant(0);
    const nodes = inputs.map((input, position) => t.input(`x${position}`, input).node);
    const type = op.type(nodes as readonly Node[] as Few<Node>, sample.attributes);
    const result = new Tensor(graph, graph.add(name, nodes, sample.attributes, type));
    return { outputs: { y: type.parts === undefined ? result : result.part(0) } };
  });
  const feeds = Object.fromEntries(inputs.map((input, position) => [`x${position}`, input]));
  const expected = runReference(traced, feeds);
  const session = await openOnnx(
    encodeOnnx(
      exportGraph({ name, opset, trace: () => traced, weights: () => expect.unreachable("ops have no weights") }),
    ),
  );
  const { y } = await session.run(feeds);
  await session.close();

  expect([y!.dtype, y!.shape]).toEqual([traced.outputs.y!.dtype, traced.outputs.y!.shape]);
  const worst = Array.from(y!.data as ArrayLike<number>, Number).reduce((most, got, position) => {
    const wanted = expected[position]!;
    return Object.is(got, wanted) ? most : Math.max(most, Math.abs(got - wanted) / (1 + Math.abs(wanted)));
  }, 0);
  expect(worst, `sample ${index}: ${JSON.stringify(sample)}`).toBeLessThan(2e-5);
}

function runReference(traced: Traced, feeds: Readonly<Record<string, NdArray>>): number[] {
  const reference = createReference();
  const program = reference.compile(traced, reference.createState({}));
  for (const [name, { data }] of Object.entries(feeds)) program.inputs[name]!.set(data as never);
  program.run();
  return Array.from(program.outputs.y as Float64Array);
}
