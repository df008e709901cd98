import { describe, expect, it } from "vitest";
import { steepest } from "../../../src/pipelines/training/findRate.ts";
import { bitsOf, learn, lossCurve, signs } from "./rig.ts";

const dataset = await signs(80);
const train = { epochs: 4, batchSize: 16, optimizer: { type: "sgd", learningRate: 1e-4 } };

describe("a trial of learning rates", () => {
  it("suggests where the loss falls fastest", () => {
    expect(steepest([1, 2, 4, 8, 16], [3, 2.9, 1.5, 1.45, 5])).toBe(2);
  });

  it("suggests nothing where the loss only rises", () => expect(steepest([1, 2, 4], [1, 2, 3])).toBeUndefined());

  it("finds a rate that learns faster than one far off", () => {
    const found = learn({ dataset, train: { ...train, findLearningRate: { highest: 10 } } });
    expect(found.result.learningRate!.suggested).toBeGreaterThan(1e-3);
    expect(lossCurve(found.events).at(-1)!).toBeLessThan(lossCurve(learn({ dataset, train }).events).at(-1)!);
  });

  it("leaves no trace but the rate", () => {
    const found = learn({ dataset, train: { ...train, findLearningRate: true } });
    const { suggested } = found.result.learningRate!;
    const known = learn({ dataset, train: { ...train, optimizer: { type: "sgd", learningRate: suggested } } });
    expect(bitsOf(found.result.record)).toBe(bitsOf(known.result.record));
  });

  it("can be all that is wanted", () => {
    const { result } = learn({ dataset, train: { ...train, findLearningRate: { only: true, steps: 20 } } });
    expect(result).toMatchObject({ outcome: "completed", stopped: "found", steps: 0, record: { state: "new" } });
    expect(result.learningRate!.rates[0]).toBe(1e-6);
  });

  it("stops where the loss rises out of bounds", () => {
    const { result } = learn({ dataset, train: { ...train, findLearningRate: { highest: 1e9, only: true } } });
    expect(result.learningRate!.rates.length).toBeLessThan(100);
    expect(result.learningRate!.losses.every(Number.isFinite)).toBe(true);
  });
});
