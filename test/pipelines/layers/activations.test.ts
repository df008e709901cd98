import { describe, expect, it } from "vitest";
import { gradients } from "../../../src/engine/index.ts";
import { ACTIVATION_NAMES, ACTIVATIONS } from "../../../src/pipelines/layers/activations.ts";
import { compute, expectClose, f32, VECTORS } from "../vectors.ts";

describe("activations", () => {
  it("all have a vector", () => {
    expect(Object.keys(VECTORS.activations).sort()).toEqual([...ACTIVATION_NAMES].sort());
  });

  describe.each(ACTIVATION_NAMES)("%s", (name) => {
    const { y, dx } = compute((t) => {
      const x = f32(t, VECTORS.points);
      const output = ACTIVATIONS[name].apply(x);
      const [gradient] = gradients(output.sum(), [x]);
      return { y: output, dx: gradient! };
    });
    it("has PyTorch's values", () => expectClose(y!, VECTORS.activations[name]!.y));
    it("has PyTorch's derivative", () => expectClose(dx!, VECTORS.activations[name]!.dx));
  });
});
