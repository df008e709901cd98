/** @file Convolutions of the sizes that have kernels of their own: they agree with the reference, and on any number of threads. */
import { describe, expect, test } from "vitest";
import { sequence } from "../../../bench/engine.ts";
import {
  createMachine,
  createReference,
  type Executor,
  gradients,
  type Shape,
  trace,
} from "../../../src/engine/index.ts";

interface Case {
  readonly image: Shape;
  readonly weights: Shape;
  readonly groups?: number;
  readonly strides?: number;
  readonly padding: number | "same" | readonly (readonly [number, number])[];
}

const MINIMAL: Readonly<Record<string, Case>> = {
  "whole tiles": { image: [2, 8, 8, 8], weights: [8, 8, 3, 3], padding: 1 },
  "tiles cut off, odd channels": { image: [3, 9, 13, 7], weights: [11, 9, 3, 3], padding: 1 },
  "no padding": { image: [2, 8, 14, 10], weights: [16, 8, 3, 3], padding: 0 },
  "wide padding": { image: [2, 10, 6, 6], weights: [8, 10, 3, 3], padding: 2 },
  "uneven padding": {
    image: [1, 8, 6, 11],
    weights: [8, 8, 3, 3],
    padding: [
      [0, 1],
      [2, 0],
    ],
  },
  "more tiles than are taken at once": { image: [5, 16, 33, 20], weights: [16, 16, 3, 3], padding: 1 },
  "many channels": { image: [2, 130, 8, 8], weights: [68, 130, 3, 3], padding: 1 },
};

const DEPTHWISE: Readonly<Record<string, Case>> = {
  "as many groups as channels": { image: [3, 6, 12, 11], weights: [6, 1, 3, 3], padding: 1, groups: 6 },
  "a wide window, strides": { image: [2, 5, 17, 14], weights: [5, 1, 5, 5], padding: 2, groups: 5, strides: 2 },
  "one channel left of five": { image: [2, 3, 9, 9], weights: [5, 3, 3, 3], padding: 1 },
};

/** The convolution and both its gradients. */
function outputsOf(executor: Executor, { image, weights, ...options }: Case): Record<string, Float32Array> {
  const traced = trace((t) => {
    const x = t.input("x", { dtype: "F32", shape: image });
    const w = t.input("w", { dtype: "F32", shape: weights });
    const y = x.conv(w, options);
    const loss = y.mul(t.input("direction", { dtype: "F32", shape: y.shape })).sum();
    const [image_, weights_] = gradients(loss, [x, w]);
    return { outputs: { y, image: image_!, weights: weights_! } };
  });
  const state = executor.createState({});
  const program = executor.compile(traced, state);
  const next = sequence(11);
  for (const view of Object.values(program.inputs))
    (view as Float32Array).set(Float32Array.from({ length: view.length }, () => 2 * next() - 1));
  program.run();
  const copies = Object.entries(program.outputs).map(([name, view]) => [name, Float32Array.from(view as Float32Array)]);
  program.release();
  state.release();
  return Object.fromEntries(copies);
}

function expectAgreement(shapes: Case): void {
  const wanted = outputsOf(createReference(), shapes);
  for (const relaxedSimd of [true, false]) {
    const machine = createMachine({ relaxedSimd });
    const got = outputsOf(machine, shapes);
    machine.close();
    for (const [name, values] of Object.entries(wanted)) {
      const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const error = values.reduce((most, value, i) => Math.max(most, Math.abs(value - got[name]![i]!)), 0);
      expect(error / scale, name).toBeLessThan(2.5e-6);
    }
  }
}

describe("a 3 × 3 convolution by minimal filtering", () => {
  test.each(Object.entries(MINIMAL))("agrees with the reference: %s", (_, shapes) => expectAgreement(shapes));

  test("gives the same bits on any number of threads", () => {
    const shapes = MINIMAL["more tiles than are taken at once"]!;
    const [one, three] = [1, 3].map((threads) => {
      const machine = createMachine({ threads });
      const outputs = outputsOf(machine, { ...shapes, image: [20, 16, 33, 20] });
      machine.close();
      return outputs;
    });
    expect(three).toEqual(one);
  });
});

describe("a convolution whose groups give one channel", () => {
  test.each(Object.entries(DEPTHWISE))("agrees with the reference: %s", (_, shapes) => expectAgreement(shapes));
});
