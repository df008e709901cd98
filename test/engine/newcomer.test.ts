/** @file The worked example of src/engine/README.md, taken from its text: what it tells a newcomer to write is a whole op. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMachine, createReference, gradients, type Tensor, type Tracer } from "../../src/engine/index.ts";
import { OPS, type OpName } from "../../src/engine/ops/index.ts";
import type { CheckedOp, Few, Op } from "../../src/engine/ops/op.ts";
import { unary } from "../../src/engine/ops/pointwise.ts";
import { checkGradients, largestDifference, materializeAll, project, run } from "./support/samples.ts";

const readme = readFileSync(new URL("../../src/engine/README.md", import.meta.url), "utf8");
const [, entry] = /```ts\n(celu: [^`]*)```/.exec(readme) ?? [];
const { celu } = new Function("unary", `return { ${entry} };`)(unary) as { celu: CheckedOp };
const name = "celu" as OpName;
const reference = createReference();
const inputs = materializeAll((celu as Op).samples(65)[0]!);

describe("the README's worked example", () => {
  const table = OPS as Record<string, Op>;
  beforeAll(() => {
    table.celu = celu;
  });
  afterAll(() => {
    delete table.celu;
  });

  it("is what its formula says", () => {
    expect(readme).toContain("celu(x) = max(x, 0) + exp(min(x, 0)) − 1");
    const { y } = run(reference, inputs, ([x]) => ({ y: x.op(name) }));
    const wanted = Array.from(inputs[0]!.data as Float64Array, (x) => Math.max(x, 0) + Math.exp(Math.min(x, 0)) - 1);
    expect(largestDifference(y!, wanted)).toBeLessThan(1e-12);
  });

  it("has a gradient and a second gradient that differences agree with", () => {
    const loss = ([x]: Few<Tensor>, tracer: Tracer) => project([x.op(name)], tracer, 7);
    const slope = ([x]: Few<Tensor>, tracer: Tracer) =>
      project(gradients(project([x.op(name)], tracer, 7), [x]), tracer, 8);
    for (const function_ of [loss, slope]) expect(checkGradients(reference, inputs, function_)).toEqual([]);
  });

  it("runs on the machine by its decomposition", () => {
    const [wanted, got] = [reference, createMachine()].map((executor) =>
      run(executor, inputs, ([x]) => ({ y: x.op(name) })),
    );
    expect(largestDifference(got!.y!, wanted!.y!)).toBeLessThan(1e-6);
  });
});
