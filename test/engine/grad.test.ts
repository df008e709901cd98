/** @file The reverse pass over whole graphs: sharing, stopping, nesting, and the rules that a convention decides. */
import { describe, expect, it } from "vitest";
import { createReference, Fault, gradients, type Tensor, trace } from "../../src/engine/index.ts";
import { checkGradients, run } from "./support/samples.ts";

const reference = createReference();
const vector = (...values: number[]) => ({
  dtype: "F32" as const,
  shape: [values.length],
  data: Float64Array.from(values),
});

/** d loss / d x0 at the given values. */
function gradientAt(values: number[], loss: (x: Tensor) => Tensor): number[] {
  const results = run(reference, [vector(...values)], ([x]) => ({ dx: gradients(loss(x), [x])[0]! }));
  return results.dx!;
}

describe("gradients", () => {
  it("add up where a value is used more than once", () => {
    expect(gradientAt([3], (x) => x.mul(x).add(x).sum())).toEqual([7]);
  });

  it("are zeros for what the loss does not depend on", () => {
    const results = run(reference, [vector(1, 2), vector(3)], ([x, y]) => ({ dy: gradients(x.sum(), [y])[0]! }));
    expect(results.dy).toEqual([0]);
  });

  it("reach values in the middle of a graph and those behind them", () => {
    const results = run(reference, [vector(2)], ([x]) => {
      const square = x.square();
      const [dSquare, dx] = gradients(square.mul(5).sum(), [square, x]);
      return { dSquare: dSquare!, dx: dx! };
    });
    expect(results).toEqual({ dSquare: [5], dx: [20] });
  });

  it.each([
    ["in the order in which they stand", [0, 1, 2]],
    ["in any order", [2, 0, 1]],
  ])("of the parts of a split are put side by side, not added, though the parts are used %s", (_, order) => {
    const traced = trace((t) => {
      const x = t.input("x", { dtype: "F32", shape: [6] });
      const parts = x.split([1, 2, 3], 0);
      const loss = order.map((part) => parts[part]!.mul(part + 1).sum()).reduce((sum, term) => sum.add(term));
      return { outputs: { dx: gradients(loss, [x])[0]! } };
    });
    const program = reference.compile(traced, reference.createState({}));
    program.run();
    expect([...program.outputs.dx!]).toEqual([1, 2, 2, 3, 3, 3]);
    const { op, inputs } = traced.outputs.dx!;
    expect([op, inputs[0]!.op, inputs[0]!.inputs.length]).toEqual(["pad", "concat", 3]);
  });

  it("of parts that overlap are added", () => {
    expect(
      gradientAt([1, 2, 3], (x) =>
        x
          .slice([0], [2])
          .sum()
          .add(x.slice([1], [3]).sum()),
      ),
    ).toEqual([1, 2, 1]);
  });

  it("do not flow through stopGradient", () => {
    expect(gradientAt([3], (x) => x.mul(x.stopGradient()).sum())).toEqual([3]);
  });

  it("do not flow through integers", () => {
    expect(gradientAt([3.7], (x) => x.cast("I32").cast("F32").mul(x).sum())).toEqual([3]);
  });

  it("sum over broadcast axes", () => {
    const results = run(reference, [vector(1, 2, 3), vector(5)], ([x, y]) => ({
      dy: gradients(x.mul(y).sum(), [y])[0]!,
    }));
    expect(results.dy).toEqual([6]);
  });

  it("can be taken again: the third derivative of x⁴ is 24 x", () => {
    const results = run(reference, [vector(2)], ([x]) => {
      const derivative = (y: Tensor) => gradients(y.sum(), [x])[0]!;
      return { third: derivative(derivative(derivative(x.square().square()))) };
    });
    expect(results.third).toEqual([48]);
  });

  it("pass through a composite without a rule of its own by its decomposition, inputs that depend on each other included", () => {
    const wrong = checkGradients(reference, [vector(0.3, -1.2, 2)], ([x]) => {
      const scale = x.exp();
      return x.reshape([1, 3]).layerNorm(scale, scale.mul(x)).mul(x).sum();
    });
    expect(wrong).toEqual([]);
  });

  it("refuse a loss that is not a scalar, and say how to make one", () => {
    const attempt = () =>
      trace((tracer) => {
        const x = tracer.input("x", { dtype: "F32", shape: [3] });
        return { outputs: { dx: gradients(x, [x])[0]! } };
      });
    expect(attempt).toThrow(
      expect.objectContaining({ reason: "SHAPE_MISMATCH", hint: "reduce it first: .mean() or .sum()" }),
    );
    expect(attempt).toThrow(Fault);
  });
});

describe("where a derivative jumps", () => {
  it("relu has 0 at 0", () => {
    expect(gradientAt([-1, 0, 1], (x) => x.relu().sum())).toEqual([0, 0, 1]);
  });

  it("abs has 0 at 0", () => {
    expect(gradientAt([-2, 0, 2], (x) => x.abs().sum())).toEqual([-1, 0, 1]);
  });

  it("clamp passes at both ends and stops beyond", () => {
    expect(gradientAt([-2, -1, 0, 1, 2], (x) => x.clamp(-1, 1).sum())).toEqual([0, 1, 1, 1, 0]);
  });

  it("maximum gives half to each of two equals", () => {
    const results = run(reference, [vector(1, 2), vector(1, 1)], ([a, b]) => {
      const [da, db] = gradients(a.maximum(b).sum(), [a, b]);
      return { da: da!, db: db! };
    });
    expect(results).toEqual({ da: [0.5, 1], db: [0.5, 0] });
  });

  it("max over axes shares evenly among the largest", () => {
    expect(gradientAt([3, 1, 3, 3], (x) => x.max().mul(6))).toEqual([2, 0, 2, 2]);
  });
});

describe("at the edge of a domain", () => {
  it("pow has gradient 0 in base and exponent at 0⁰ and does not give NaN", () => {
    const results = run(reference, [vector(0, 0, 2), vector(0, 2, 0)], ([a, b]) => {
      const [da, db] = gradients(a.pow(b).sum(), [a, b]);
      return { da: da!, db: db! };
    });
    expect(results).toEqual({ da: [0, 0, 0], db: [0, 0, Math.log(2)] });
  });

  it("prod has the product of the others where one element is 0, and zeros where two are", () => {
    expect(gradientAt([2, 0, 3], (x) => x.prod())).toEqual([0, 6, 0]);
    expect(gradientAt([2, 0, 0], (x) => x.prod())).toEqual([0, 0, 0]);
  });
});
