/** @file Passes leave the results alone, to the bit, and leave less to compute. */
import { describe, expect, it } from "vitest";
import { createReference, gradients, type Tensor, type Traced, type Tracer, trace } from "../../src/engine/index.ts";
import { OPS } from "../../src/engine/ops/index.ts";
import type { Op } from "../../src/engine/ops/op.ts";
import { decompose } from "../../src/engine/passes/decompose.ts";
import { fold } from "../../src/engine/passes/fold.ts";
import { optimise } from "../../src/engine/passes/index.ts";
import { removeDeadCode } from "../../src/engine/passes/removeDeadCode.ts";
import { simplify } from "../../src/engine/passes/simplify.ts";
import { createGenerator, OP_NAMES } from "./support/samples.ts";

const reference = createReference();

function traceOne(build: (x: Tensor, tracer: Tracer) => Tensor): Traced {
  return trace((tracer) => ({ outputs: { y: build(tracer.input("x", { dtype: "F32", shape: [2, 3] }), tracer) } }));
}

/** What is computed, in order, leaves left out. */
function opsOf(traced: Traced): string[] {
  return traced.graph.nodes.map(({ op }) => op).filter((op) => op in OPS);
}

function valuesOf(traced: Traced, x: readonly number[]): number[] {
  const program = reference.compile(traced, reference.createState({}));
  (program.inputs.x as Float64Array).set(x);
  program.run();
  return Array.from(program.outputs.y as Float64Array);
}

const keepNone = () => false;
const keepAll = () => true;

describe("simplifying", () => {
  it.each([
    ["x · 1", (x: Tensor) => x.mul(1)],
    ["1 · x", (x: Tensor) => x.constant(1).mul(x)],
    ["x / 1", (x: Tensor) => x.div(1)],
    ["x − 0", (x: Tensor) => x.sub(0)],
    ["x to the 1", (x: Tensor) => x.pow(1)],
    ["two transposes", (x: Tensor) => x.transpose().transpose()],
    ["a reshape and back", (x: Tensor) => x.reshape([6]).reshape([2, 3])],
    ["a slice of everything", (x: Tensor) => x.slice([0, 0])],
    ["a sum over no axes", (x: Tensor) => x.sum([])],
  ])("makes %s nothing", (_, build) => {
    expect(opsOf(removeDeadCode(simplify(traceOne(build))))).toEqual([]);
  });

  it("leaves x + 0 alone, since −0 + 0 is +0", () => {
    expect(opsOf(simplify(traceOne((x) => x.add(0))))).toContain("add");
  });

  it("makes a square of a second power", () => {
    expect(opsOf(removeDeadCode(simplify(traceOne((x) => x.pow(2)))))).toEqual(["square"]);
  });
});

describe("folding", () => {
  it("computes what depends on constants alone", () => {
    const folded = removeDeadCode(fold(traceOne((x) => x.mul(x.constant(3).exp().log()))));
    expect(opsOf(folded)).toEqual(["broadcast", "mul"]);
  });

  it("makes the gradient of a mean one number", () => {
    const traced = traceOne((x) => gradients(x.mean(), [x])[0]!);
    expect(opsOf(optimise(traced, keepAll))).toEqual(["broadcast"]);
    expect(valuesOf(optimise(traced, keepAll), [])).toEqual(new Array(6).fill(1 / 6));
  });

  it("does not turn a small constant into a large one", () => {
    const folded = fold(traceOne((x, tracer) => tracer.constant(2).broadcastTo([100, 3]).sum(0).add(x)));
    expect(opsOf(folded)).toContain("broadcast");
  });
});

describe("dead code", () => {
  it("goes, and inputs that nothing reads stay declared", () => {
    const traced = trace((tracer) => {
      const [x, unused] = ["x", "unused"].map((name) => tracer.input(name, { dtype: "F32", shape: [2] }));
      unused!.exp();
      return { outputs: { y: x!.neg() } };
    });
    const cleaned = removeDeadCode(traced);
    expect(opsOf(cleaned)).toEqual(["neg"]);
    expect(Object.keys(cleaned.inputs)).toEqual(["x", "unused"]);
  });
});

describe("decomposing", () => {
  it("leaves only ops that stand for themselves, however deep composites lie in composites", () => {
    const traced = traceOne((x) => x.variance([1]).softmax(0).mean());
    const left = opsOf(removeDeadCode(decompose(traced, keepNone))).filter(
      (name) => (OPS as Record<string, Op>)[name]!.decompose,
    );
    expect(left).toEqual([]);
  });

  it("keeps whole what the executor knows whole", () => {
    expect(
      opsOf(
        decompose(
          traceOne((x) => x.softmax(1)),
          (name) => name === "softmax",
        ),
      ),
    ).toEqual(["softmax"]);
  });

  it("ends for every composite of the table", () => {
    const composites = OP_NAMES.filter((name) => (OPS[name] as Op).decompose !== undefined);
    expect(composites).toContain("layerNorm");
  });
});

describe("all passes together", () => {
  it("leave a training step's results as they were, to the bit", () => {
    const types = { w: { dtype: "F32" as const, shape: [3, 4] } };
    const step = trace((tracer) => {
      const x = tracer.input("x", { dtype: "F32", shape: [2, 3] });
      const w = tracer.state("w", types.w);
      const labels = tracer.constant({ dtype: "I32", shape: [2], data: Int32Array.of(1, 3) });
      const loss = x.matmul(w).relu().mul(1).crossEntropy(labels).mean().add(w.square().sum().mul(0.01));
      const [dw] = gradients(loss, [w]);
      return { outputs: { y: loss }, updates: { w: w.sub(dw!.mul(0.1)) } };
    });
    const random = createGenerator(3);
    const [x, w] = [6, 12].map((length) => Float32Array.from({ length }, () => random() - 0.5));
    const losses = [step, optimise(step, keepAll)].map((traced) => {
      const state = reference.createState(types);
      state.write("w", { ...types.w, data: w! });
      const program = reference.compile(traced, state);
      (program.inputs.x as Float64Array).set(x!);
      return Array.from({ length: 5 }, () => {
        program.run();
        return program.outputs.y![0];
      });
    });
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[0]![4]).toBeLessThan(losses[0]![0] as number);
  });
});
