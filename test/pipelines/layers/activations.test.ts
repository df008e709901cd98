import { describe, it } from "vitest";
import { gradients } from "../../../src/engine/index.ts";
import { ACTIVATION_NAMES, ACTIVATIONS, type ActivationName } from "../../../src/pipelines/layers/activations.ts";
import { compute, expectClose, f32, VECTORS } from "../vectors.ts";

const NUDGE = 1e-6;

describe.each(ACTIVATION_NAMES)("the activation %s", (name) => {
  const valuesAt = (points: readonly number[]) =>
    compute((t) => {
      const x = f32(t, points);
      const y = ACTIVATIONS[name].apply(x);
      return { y, dx: gradients(y.sum(), [x])[0]! };
    });

  it("has the derivative that its values have, wherever it is smooth", () => {
    const points = [-4.3, -2.5, -0.7, 0.2, 1.1, 2.6, 4.9];
    const [below, above] = [-NUDGE, NUDGE].map((nudge) => valuesAt(points.map((x) => x + nudge)).y!);
    const slopes = points.map((_, index) => (above![index]! - below![index]!) / (2 * NUDGE));
    expectClose(valuesAt(points).dx!, slopes, 1e-7);
  });
});

describe.each(Object.entries(VECTORS.activations))("in PyTorch, the activation %s", (name, { y, dx }) => {
  const ours = compute((t) => {
    const x = f32(t, VECTORS.points);
    const output = ACTIVATIONS[name as ActivationName].apply(x);
    return { y: output, dx: gradients(output.sum(), [x])[0]! };
  });
  it("has the same values", () => expectClose(ours.y!, y));
  it("has the same derivative, at zero too", () => expectClose(ours.dx!, dx));
});
