/** @file Parameters of whole networks, head included, against the numbers of their papers and of torchvision. */
import { describe, expect, it } from "vitest";
import { createModel, createRegistry } from "../../../src/pipelines/index.ts";

const registry = createRegistry();
const classes = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("parameters for ImageNet's 1,000 classes", () => {
  it.each([
    [{ type: "resnet", depth: 18 }, 11_689_512],
    [{ type: "resnet", depth: 34 }, 21_797_672],
    [{ type: "resnet", depth: 50 }, 25_557_032],
    [{ type: "mobilenet" }, 3_504_872],
    [{ type: "mobilenet", width: 1.4 }, 6_108_776],
    [{ type: "efficientnet" }, 5_288_548],
    [{ type: "efficientnet", variant: "b1" }, 7_794_184],
    [{ type: "efficientnet", variant: "b2" }, 9_109_994],
    [{ type: "efficientnet", variant: "b3" }, 12_233_232],
    [{ type: "efficientnet", variant: "b4" }, 19_341_616],
    [{ type: "vit", variant: "base" }, 86_567_656],
    [{ type: "vit", variant: "large" }, 304_326_632],
  ])("%j has %i, as torchvision's", (backbone, parameters) => {
    const spec = { pipeline: "classification", backbone, input: { shape: [3, 224, 224] } };
    expect(createModel(registry, { ...spec, head: { classes: classes(1000) } }).parameters).toBe(parameters);
  });
});

/**
 * Table 6 says 0.27, 0.46, 0.66 and 0.85 million; in full they are, with n blocks a stage: the first convolution's 3 · 16 · 9,
 * the blocks' 2n · 9 · (16² + 32² + 64²) less what a stage's first convolution sees less of, 9 · (16 · 32 + 32 · 64), twice
 * each channel for batch norms, and the head's 64 · 10 + 10.
 */
describe("parameters for CIFAR's 10 classes, as the paper's", () => {
  it.each([
    [20, 0.27, 269_722],
    [32, 0.46, 464_154],
    [44, 0.66, 658_586],
    [56, 0.85, 853_018],
  ])("of %i layers: %d million", (depth, millions, exactly) => {
    const blocks = (depth - 2) / 6;
    const squares = 16 ** 2 + 32 ** 2 + 64 ** 2;
    const convolutions = 9 * (3 * 16 + 2 * blocks * squares - (16 * 32 + 32 * 64));
    const norms = 2 * (16 + 2 * blocks * (16 + 32 + 64));
    expect(convolutions + norms + 650).toBe(exactly);
    const backbone = { type: "resnet", depth };
    const spec = {
      pipeline: "classification",
      backbone,
      input: { shape: [3, 32, 32] },
      head: { classes: classes(10) },
    };
    const { parameters } = createModel(registry, spec);
    expect(parameters).toBe(exactly);
    expect((parameters! / 1e6).toFixed(2)).toBe(millions.toFixed(2));
  });
});
