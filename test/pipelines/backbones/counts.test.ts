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
