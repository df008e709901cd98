/** @file Backbones that do not fit what goes in: the error names the layer by its path, and the shapes. */
import { describe, expect, it } from "vitest";
import { createModel, createRegistry } from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";

const registry = createRegistry();

/** What the spec of a model for rows of that shape is refused with. */
const refusal = (shape: number[], backbone: object) =>
  faultOf(() =>
    createModel(registry, { pipeline: "classification", head: { classes: [0, 1] }, input: { shape }, backbone }),
  );

const IMAGES = ["cnn", "resnet", "mobilenet", "efficientnet", "vit"];
const SEQUENCES = ["rnn", "lstm", "gru", "tcn", "transformer"];

describe("refused at the layer that does not fit", () => {
  it.each([...IMAGES, ...SEQUENCES])("%s on rows of numbers", (type) => {
    const { reason, violations, hint } = refusal([64], { type });
    expect(reason).toBe("SHAPE_MISMATCH");
    expect(violations[0]).toMatchObject({ path: "backbone", expected: expect.any(String), got: "[1, 64]" });
    expect(hint).toBeTruthy();
  });

  it.each(SEQUENCES)("%s of tokens on rows of vectors", (type) => {
    const { violations } = refusal([8, 8], { type, vocabulary: 10 });
    expect(violations[0]).toMatchObject({ path: "backbone", expected: "[batch, time] of tokens", got: "[1, 8, 8]" });
  });

  it("an image that pooling shrinks to nothing", () => {
    const blocks = [8, 8, 8, 8].map((channels) => ({ channels, pool: "max" }));
    const { reason, message, violations } = refusal([1, 8, 8], { type: "cnn", blocks });
    expect(reason).toBe("SHAPE_MISMATCH");
    expect(violations[0]).toMatchObject({ path: "backbone.blocks.3.pool", got: "[1, 8, 1, 1]" });
    expect(message).toContain("[1, 8, 0, 0]");
  });

  it("a window that is larger than the image", () => {
    const blocks = [{ channels: 4, window: 9, padding: "valid" }];
    expect(refusal([1, 8, 8], { type: "cnn", blocks }).violations[0]).toMatchObject({
      path: "backbone.blocks.0.0",
      got: "[1, 1, 8, 8]",
    });
  });

  it("a patch that is larger than the image", () => {
    expect(refusal([1, 8, 8], { type: "vit" }).violations[0]!.path).toBe("backbone.patches");
  });

  it("a sequence that is longer than the context", () => {
    const backbone = { type: "transformer", positions: "learned", context: 16 };
    expect(refusal([20, 3], backbone).violations[0]).toMatchObject({
      path: "backbone.positions",
      expected: "at most 16 elements",
      got: "20 elements",
    });
  });

  it("heads too narrow to be turned by pairs", () => {
    const { violations } = refusal([20, 3], { type: "transformer", width: 6, heads: 2, positions: "rotary" });
    expect(violations[0]).toMatchObject({
      path: "backbone.blocks.0.selfAttention",
      expected: "heads of even width",
      got: "[1, 20, 6]",
    });
  });

  it("heads that do not divide the width", () => {
    const { violations } = refusal([20, 3], { type: "transformer", width: 30, heads: 4 });
    expect(violations[0]!.path).toBe("backbone.blocks.0.selfAttention");
  });

  it("groups that do not divide the channels", () => {
    const { violations } = refusal([3, 8, 8], { type: "cnn", blocks: [{ channels: 8, groups: 2 }] });
    expect(violations[0]!.path).toBe("backbone.blocks.0.0");
  });
});
