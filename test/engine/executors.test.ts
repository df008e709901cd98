/** @file The executor for a machine: the fast one as a rule, plain loops where vectors are switched off, with the same views. */
import { describe, expect, it } from "vitest";
import { createExecutor } from "../../src/engine/index.ts";
import { NETWORKS } from "../../src/pipelines/networks.ts";
import { trainNetwork } from "../../src/pipelines/runNetwork.ts";

function losses(options: Parameters<typeof createExecutor>[0]): number[] {
  const training = trainNetwork(NETWORKS["mlp-small"], createExecutor(options));
  const seen = Array.from({ length: 5 }, () => {
    training.step();
    return training.loss();
  });
  training.close();
  return seen;
}

describe("an executor without SIMD", () => {
  it("is not the machine, and trains the same", () => {
    expect([{}, { simd: false }].map((options) => createExecutor(options).name)).toEqual(["machine", "reference"]);
    const plain = losses({ simd: false });
    for (const [step, loss] of losses({}).entries()) expect(loss).toBeCloseTo(plain[step]!, 5);
  });

  it("has single precision's views, and hears an interrupt before a run", () => {
    const interrupt = new Int32Array(new SharedArrayBuffer(4));
    const { program, step, loss } = trainNetwork(NETWORKS["mlp-small"], createExecutor({ simd: false, interrupt }));
    expect(program.inputs.x).toBeInstanceOf(Float32Array);
    expect(program.outputs.loss).toBeInstanceOf(Float32Array);
    step();
    const before = loss();
    interrupt[0] = 1;
    expect(program.run()).toBe(false);
    expect(loss()).toBe(before);
  });
});
