/** @file The reference as an executor: state, updates, views, refusals. */
import { describe, expect, it } from "vitest";
import { createReference, trace } from "../../src/engine/index.ts";

const TYPE = { dtype: "F32" as const, shape: [2] };

function counter() {
  return trace((tracer) => {
    const count = tracer.state("count", TYPE);
    return { outputs: { before: count }, updates: { count: count.add(tracer.input("by", TYPE)) } };
  });
}

describe("a program of the reference", () => {
  it("writes updates after everything has been computed, so that outputs show the state as it was", () => {
    const reference = createReference();
    const state = reference.createState({ count: TYPE });
    const program = reference.compile(counter(), state);
    (program.inputs.by as Float64Array).set([1, 10]);
    program.run();
    program.run();
    expect(Array.from(program.outputs.before as Float64Array)).toEqual([1, 10]);
    expect(state.read("count").data).toEqual(Float32Array.of(2, 20));
  });

  it("swaps two states without losing either", () => {
    const reference = createReference();
    const state = reference.createState({ a: TYPE, b: TYPE });
    state.write("a", { ...TYPE, data: Float32Array.of(1, 2) });
    state.write("b", { ...TYPE, data: Float32Array.of(3, 4) });
    const swap = trace((tracer) => {
      const [a, b] = [tracer.state("a", TYPE), tracer.state("b", TYPE)];
      return { outputs: {}, updates: { a: b, b: a } };
    });
    reference.compile(swap, state).run();
    expect([state.read("a").data, state.read("b").data]).toEqual([Float32Array.of(3, 4), Float32Array.of(1, 2)]);
  });

  it("shares one state between programs", () => {
    const reference = createReference();
    const state = reference.createState({ count: TYPE });
    const [first, second] = [counter(), counter()].map((traced) => reference.compile(traced, state));
    (first!.inputs.by as Float64Array).fill(1);
    first!.run();
    second!.run();
    expect(Array.from(second!.outputs.before as Float64Array)).toEqual([1, 1]);
  });

  it("lists its nodes, one a line, when asked to explain itself", () => {
    const reference = createReference();
    const program = reference.compile(counter(), reference.createState({ count: TYPE }));
    expect(program.explain()).toMatch(/= add\(%0,%1\) F32\[2\]$/m);
  });

  it("refuses states that are not there, or of another shape, by path", () => {
    const reference = createReference();
    const state = reference.createState({ count: { dtype: "F32", shape: [3] } });
    expect(() => reference.compile(counter(), state)).toThrow(expect.objectContaining({ reason: "SHAPE_MISMATCH" }));
    expect(() => state.read("weight")).toThrow(expect.objectContaining({ reason: "NOT_FOUND" }));
  });

  it("refuses the state of another executor", () => {
    const state = createReference().createState({ count: TYPE });
    expect(() => createReference().compile(counter(), state)).toThrow(
      expect.objectContaining({ reason: "INVALID_STATE" }),
    );
  });
});
