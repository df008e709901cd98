import { describe, expect, it } from "vitest";
import { createMachine, Fault } from "../../../src/engine/index.ts";
import { CONTROL, type TrainingState } from "../../../src/pipelines/index.ts";
import { bitsOf, learn, lossCurve, newControl, signs, type Wishes } from "./rig.ts";

const dataset = await signs(50);
const executor = createMachine();
const wishes = {
  dataset,
  executor,
  validation: 0.2,
  spec: { backbone: { type: "mlp", hidden: [6], dropout: 0.3, norm: "batch" } },
  train: {
    epochs: 6,
    batchSize: 8,
    seed: 3,
    optimizer: { type: "nadam", learningRate: 0.05 },
    schedule: { type: "cosine", warmupSteps: 3 },
    earlyStopping: { patience: 4 },
  },
} satisfies Wishes;

/** What a store would give back: JSON for what is JSON, the arrays as they are. */
function stored({ tensors, ...json }: TrainingState): TrainingState {
  return { ...(JSON.parse(JSON.stringify(json)) as Omit<TrainingState, "tensors">), tensors };
}

/** Stops with a checkpoint as soon as so many batches are done, then goes on from there in a new process's place. */
function interrupted(after: number, options: Wishes) {
  const control = newControl();
  let steps = 0;
  let state: TrainingState | undefined;
  const before = learn({
    ...options,
    control,
    checkpoint: (saved) => {
      state = saved;
    },
    train: { ...options.train, checkpoint: { everySteps: 1 } },
    emit(event) {
      if (event.type === "checkpoint.saved" && ++steps === after) Atomics.store(control, 0, CONTROL.checkpointAndStop);
    },
  });
  expect(before.result.outcome).toBe("checkpointed");
  const afterwards = learn({ ...options, resume: stored(state!) });
  return { result: afterwards.result, curve: [...lossCurve(before.events), ...lossCurve(afterwards.events)] };
}

describe("a resumed training", () => {
  const whole = learn(wishes);

  it.each([1, 4, 5, 7, 18])("has the bits of an uninterrupted one when stopped after step %i", (after) => {
    const { result, curve } = interrupted(after, wishes);
    expect(curve).toEqual(lossCurve(whole.events));
    expect(bitsOf(result.record)).toBe(bitsOf(whole.result.record));
    expect(result.validation).toEqual(whole.result.validation);
    expect(result.bestEpoch).toBe(whole.result.bestEpoch);
  });

  it.each([
    { averaging: "ema" },
    { averaging: { type: "swa", start: 0.3 } },
    { keepBest: true, earlyStopping: false },
    { schedule: { type: "plateau", factor: 0.3, patience: 0 } },
    { freeze: "backbone.layers.0.norm", groups: [{ match: "head", learningRate: 0.2 }], clipValue: 0.1 },
    { findLearningRate: { steps: 10 } },
  ])("has them with %j", (habit) => {
    const options = { ...wishes, train: { ...wishes.train, ...habit } };
    const uninterrupted = learn(options);
    for (const after of [2, 11]) {
      const { result, curve } = interrupted(after, options);
      expect(curve).toEqual(lossCurve(uninterrupted.events));
      expect(bitsOf(result.record)).toBe(bitsOf(uninterrupted.result.record));
    }
  });

  it("has them with gradients half accumulated", () => {
    const options = { ...wishes, train: { ...wishes.train, accumulate: 2 } };
    const { result, curve } = interrupted(3, options);
    const uninterrupted = learn(options);
    expect(curve).toEqual(lossCurve(uninterrupted.events));
    expect(bitsOf(result.record)).toBe(bitsOf(uninterrupted.result.record));
  });

  it("refuses other data than it began with", async () => {
    let state: TrainingState | undefined;
    learn({
      ...wishes,
      train: { ...wishes.train, epochs: 1, checkpoint: true },
      checkpoint: (saved) => (state = saved),
    });
    const other = await signs(49);
    expect(() => learn({ ...wishes, dataset: other, resume: state! })).toThrow(Fault);
  });
});
