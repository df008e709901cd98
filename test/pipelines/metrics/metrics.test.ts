/** @file Every metric agrees with scikit-learn on committed vectors, and behaves where scikit-learn's are undefined. */
import { describe, expect, it } from "vitest";
import { classificationMetrics } from "../../../src/pipelines/metrics/classification.ts";
import { multilabelMetrics } from "../../../src/pipelines/metrics/multilabel.ts";
import { regressionMetrics } from "../../../src/pipelines/metrics/regression.ts";
import vectors from "../../vectors/metrics.json" with { type: "json" };

const weightsOf = (weights: number[] | null) => ({ weights: weights ?? undefined });
const weighted = (weights: number[] | null): string => (weights === null ? "unweighted" : "weighted");

function expectAgreement(metrics: Record<string, number>, expected: Record<string, number | undefined>): void {
  expect(Object.keys(metrics).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) expect(metrics[name], name).toBeCloseTo(value!, 12);
}

describe("metrics agree with scikit-learn", () => {
  for (const { expected, confusion, weights, ...input } of vectors.classification) {
    it(`for ${input.classes} classes, ${weighted(weights)}`, () => {
      const result = classificationMetrics({ ...input, ...weightsOf(weights) });
      expectAgreement(result.metrics, expected);
      expect(result.confusion.flat().length).toBe(input.classes ** 2);
      result.confusion.flat().forEach((sum, cell) => {
        expect(sum).toBeCloseTo(confusion.flat()[cell]!, 12);
      });
    });
  }
  for (const { expected, weights, ...input } of vectors.multilabel) {
    it(`for ${input.labels} labels, ${weighted(weights)}`, () => {
      expectAgreement(multilabelMetrics({ ...input, ...weightsOf(weights) }).metrics, expected);
    });
  }
  for (const { expected, weights, ...input } of vectors.regression) {
    it(`for ${input.outputs} outputs, quantile ${input.quantile}, ${weighted(weights)}`, () => {
      expectAgreement(regressionMetrics({ ...input, ...weightsOf(weights) }).metrics, expected);
    });
  }
});

describe("metrics at the edges", () => {
  it("leave out what one class alone cannot define", () => {
    const { metrics } = classificationMetrics({ labels: [1, 1], probabilities: [0.2, 0.8, 0.6, 0.4], classes: 2 });
    expect(metrics).not.toHaveProperty("rocAuc");
    expect(metrics.accuracy).toBe(0.5);
  });

  it("ignore samples of weight zero altogether", () => {
    const some = { labels: [0, 1, 2], probabilities: [0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.5, 0.3, 0.2], classes: 3 };
    const padded = {
      labels: [...some.labels, 0],
      probabilities: [...some.probabilities, 0, 0, 1],
      classes: 3,
      weights: [1, 1, 1, 0],
    };
    expect(classificationMetrics(padded)).toEqual(classificationMetrics(some));
  });

  it("count tied scores as half in ROC AUC", () => {
    const { metrics } = classificationMetrics({ labels: [0, 1], probabilities: [0.5, 0.5, 0.5, 0.5], classes: 2 });
    expect(metrics.rocAuc).toBe(0.5);
  });

  it("give an empty record for no samples", () => {
    expect(regressionMetrics({ targets: [], predictions: [], outputs: 1 }).metrics).toEqual({});
  });

  it("call r2 of a constant target 1 only where it is predicted exactly", () => {
    const r2 = (predictions: number[]) => regressionMetrics({ targets: [2, 2], predictions, outputs: 1 }).metrics.r2;
    expect([r2([2, 2]), r2([2, 3])]).toEqual([1, 0]);
  });
});
