import { expect, test } from "vitest";
import { createMachine, createReference, type Tracer, trace } from "../../../src/engine/index.ts";

const traced = trace((t: Tracer) => ({
  outputs: { sum: t.state("weight", { dtype: "F32", shape: [5, 3] }).sum() },
}));

test.each([createMachine, createReference])("%o refuses a state of another shape than the program's", (create) => {
  const executor = create();
  const state = executor.createState({ weight: { dtype: "F32", shape: [4, 3] } });
  expect(() => executor.compile(traced, state)).toThrow(
    expect.objectContaining({ reason: "SHAPE_MISMATCH", message: expect.stringContaining("weight") }),
  );
  executor.close();
});

test.each([createMachine, createReference])("%o refuses a state that lacks what the program takes", (create) => {
  const executor = create();
  const state = executor.createState({ bias: { dtype: "F32", shape: [3] } });
  expect(() => executor.compile(traced, state)).toThrow(expect.objectContaining({ reason: "NOT_FOUND" }));
  executor.close();
});
