/** @file One sample of an op as a program, its inputs, and what the float64 reference says: what every judge of a file needs. */
import { createReference } from "../../../src/engine/executors/reference/reference.ts";
import type { Attributes, Traced } from "../../../src/engine/graph.ts";
import type { OpName } from "../../../src/engine/ops/index.ts";
import type { Few, Sample } from "../../../src/engine/ops/op.ts";
import type { NdArray } from "../../../src/engine/shape.ts";
import type { Tensor } from "../../../src/engine/tensor.ts";
import { trace } from "../../../src/engine/trace.ts";
import { applyByName, resultsOf } from "../support/samples.ts";
import { drawSample } from "./draw-sample.ts";

export interface OpCase {
  /** Inputs x0, x1 …; outputs y0, y1 …, one for most ops. */
  readonly traced: Traced;
  readonly feeds: Readonly<Record<string, NdArray>>;
  readonly expected: Readonly<Record<string, readonly number[]>>;
}

export function opCase(name: OpName, sample: Sample<Attributes>, seed: number): OpCase {
  const feeds = Object.fromEntries(drawSample(sample.inputs, seed).map((input, position) => [`x${position}`, input]));
  const traced = trace((t) => {
    const tensors = Object.entries(feeds).map(([input, type]) => t.input(input, type));
    return { outputs: resultsOf(applyByName(name, tensors as readonly Tensor[] as Few<Tensor>, sample.attributes)) };
  });
  const reference = createReference();
  const program = reference.compile(traced, reference.createState({}));
  for (const [input, { data }] of Object.entries(feeds)) program.inputs[input]!.set(data as never);
  program.run();
  const expected = Object.entries(program.outputs).map(([output, data]) => [output, Array.from(data as Float64Array)]);
  return { traced, feeds, expected: Object.fromEntries(expected) };
}
