import { expect, it } from "vitest";
import { createReference } from "../../../src/engine/index.ts";
import { createModel, evaluate } from "../../../src/pipelines/index.ts";
import { learn, registry, signs } from "../training/rig.ts";

const spec = { pipeline: "classification", backbone: { type: "mlp", hidden: [5] } };

it("a spec that says what goes in and what comes out is counted at once", () => {
  const counted = { ...spec, input: { shape: [2, 2] }, head: { classes: ["a", "b", "c"] } };
  expect(createModel(registry, counted).parameters).toBe(4 * 5 + 5 + (5 * 3 + 3));
});

it.each([{ input: { shape: [4] } }, { head: { classes: ["a", "b"] } }])(
  "one that says only %j is counted later",
  (half) => {
    expect(createModel(registry, { ...spec, ...half }).parameters).toBeNull();
  },
);

it("a model is evaluated by the loss that it was trained with", async () => {
  const dataset = await signs(40);
  const executor = createReference();
  const { record, validation } = learn({
    dataset,
    executor,
    validation: dataset,
    train: { epochs: 2, loss: { type: "crossEntropy", labelSmoothing: 0.2, classWeights: "balanced" } },
  }).result;
  expect(evaluate({ registry, executor, record }, dataset).metrics.loss).toBeCloseTo(validation!.loss, 7);
});
