import { expect, it } from "vitest";
import { createMachine, createReference, type Executor } from "../../../src/engine/index.ts";
import { learn, lossCurve, signs } from "./rig.ts";

it("the first 50 losses of mlp-small on the machine are those of float64 within 1e-4", async () => {
  const dataset = await signs(64, 4);
  const losses = (executor: Executor) =>
    lossCurve(
      learn({
        dataset,
        executor,
        spec: { backbone: { type: "mlp", hidden: [64, 64] }, seed: 5 },
        train: { epochs: 50, batchSize: 64, optimizer: "adam" },
      }).events,
    );
  const [machine, reference] = [losses(createMachine()), losses(createReference())];
  expect(machine).toHaveLength(50);
  for (const [step, loss] of reference.entries())
    expect(Math.abs(machine[step]! / loss - 1), `step ${step}`).toBeLessThan(1e-4);
});
