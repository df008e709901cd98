/** @file The variance of channels, which has a kernel of its own where a channel is long: it agrees with the reference. */
import { describe, expect, test } from "vitest";
import { sequence } from "../../../bench/engine.ts";
import { createMachine, createReference, type Executor, trace } from "../../../src/engine/index.ts";

/** Over batch and places, of an image far from zero. */
function variance(executor: Executor, shape: readonly number[], correction: number): number[] {
  const axes = shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const traced = trace((t) => ({
    outputs: { variance: t.input("x", { dtype: "F32", shape }).variance(axes, { correction }) },
  }));
  const state = executor.createState({});
  const program = executor.compile(traced, state);
  const next = sequence(3);
  (program.inputs.x as Float32Array).set(Float32Array.from({ length: program.inputs.x!.length }, () => 50 + next()));
  program.run();
  const values = Array.from(program.outputs.variance as Float32Array);
  program.release();
  state.release();
  return values;
}

describe("the variance of channels", () => {
  test.each([
    [[3, 4, 5, 7], 0],
    [[2, 3, 91], 1],
    [[2, 2, 70, 70], 0],
    [[6, 5], 1],
  ])("agrees with the reference: %j over n − %d", (shape, correction) => {
    const machine = createMachine();
    const got = variance(machine, shape, correction);
    machine.close();
    variance(createReference(), shape, correction).forEach((wanted, channel) => {
      expect(Math.abs(got[channel]! / wanted - 1)).toBeLessThan(1e-5);
    });
  });
});
