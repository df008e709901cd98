import { describe, expect, it } from "vitest";
import { createMachine } from "../../../src/engine/index.ts";
import { splitFolds } from "../../../src/pipelines/data/split.ts";
import { CONTROL, type EpochData, type TrainingState } from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";
import { bitsOf, learn, newControl, signs } from "./rig.ts";

const dataset = await signs(50);
const executor = createMachine();
const train = { epochs: 3, batchSize: 8, folds: 4, seed: 2 };

describe("cross-validation", () => {
  it("holds out every row exactly once, every class in its share", () => {
    const parts = splitFolds(dataset, 4, 0, "target");
    expect(parts.flatMap(({ held }) => [...held]).sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
    const ones = parts.map(({ held }) => held.filter((row) => dataset.columns[1]!.values[row] === 1).length);
    expect(Math.max(...ones) - Math.min(...ones)).toBeLessThanOrEqual(1);
    for (const part of parts) expect(part.train.length + part.held.length).toBe(50);
  });

  it("answers each part's scores, their mean and spread, and a model of all rows", () => {
    const { result, events } = learn({ dataset, train });
    const accuracies = result.folds!.map(({ metrics }) => metrics.accuracy!);
    const mean = accuracies.reduce((sum, value) => sum + value, 0) / 4;
    expect(result.validation!.metrics.accuracy).toBeCloseTo(mean, 12);
    const squares = accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    expect(result.deviation!.metrics.accuracy).toBeCloseTo(Math.sqrt(squares / 3), 12);
    expect(result.record.provenance!.rows).toBe(50);
    expect(result.record.metrics!.validation!.accuracy).toBeCloseTo(mean, 12);
    const places = events.flatMap(({ type, data }) => (type === "train.epoch" ? [(data as EpochData).fold] : []));
    expect(places).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, undefined, undefined, undefined]);
  });

  it("leaves a model of the bits that a training on all rows has", () => {
    const { folds: _, ...once } = train;
    expect(bitsOf(learn({ dataset, train }).result.record)).toBe(bitsOf(learn({ dataset, train: once }).result.record));
  });

  it("trains at last for the median of the epochs that were best", () => {
    const { result } = learn({ dataset, train: { ...train, epochs: 30, earlyStopping: { patience: 2 } } });
    const best = result.folds!.map((fold) => (fold as { epochs?: number }).epochs!).sort((a, b) => a - b);
    expect(result.epochs).toBe(best[2]);
  });

  it.each([3, 11, 20, 26, 31])("stopped at its %ith checkpoint goes on to the same bits", (after) => {
    const wishes = { dataset, executor, train: { ...train, checkpoint: { everySteps: 2 } } };
    const control = newControl();
    let saved = 0;
    let state: TrainingState | undefined;
    const first = learn({
      ...wishes,
      control,
      checkpoint: (taken) => (state = structuredClone(taken)),
      emit: ({ type }) => {
        if (type === "checkpoint.saved" && ++saved === after) Atomics.store(control, 0, CONTROL.checkpointAndStop);
      },
    });
    expect(first.result.outcome).toBe("checkpointed");
    const resumed = learn({ ...wishes, resume: state! }).result;
    const whole = learn(wishes).result;
    expect(bitsOf(resumed.record)).toBe(bitsOf(whole.record));
    expect(resumed.folds).toEqual(whole.folds);
  });

  it("beside `validation` is refused", () => {
    expect(faultOf(() => learn({ dataset, validation: 0.2, train })).violations[0]!.path).toBe("validation");
  });

  it("in more parts than rows is refused", () => {
    expect(faultOf(() => learn({ dataset, train: { ...train, folds: 51 } })).violations[0]!.path).toBe("folds");
  });
});
