import { describe, expect, it } from "vitest";
import { createModel, createPolicyRecord, parseRun, showSummary, summarise } from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";
import { registry } from "../training/rig.ts";

/** A classifier's summary before any training. */
function summaryOf(backbone: object, shape: readonly number[], outputs = 10) {
  const record = createModel(registry, { pipeline: "classification", backbone });
  return summarise(registry, record, { features: shape, outputs });
}
const rowOf = (summary: ReturnType<typeof summaryOf>, path: string) =>
  summary.layers.find((layer) => layer.path === path)!;

describe("a summary", () => {
  it("counts a dense layer as 2 · inputs · units, and its bias", () => {
    const summary = summaryOf({ type: "mlp", hidden: [32] }, [64]);
    expect(rowOf(summary, "backbone.layers.0")).toEqual({
      path: "backbone.layers.0",
      kind: "dense",
      depth: 1,
      output: ["batch", 32],
      parameters: 64 * 32 + 32,
      frozen: 0,
      buffers: 0,
      bytes: 4 * (64 * 32 + 32),
      flops: 2 * 64 * 32 + 32,
    });
    expect(rowOf(summary, "backbone.layers.0.relu").flops).toBe(32);
  });

  it("counts a convolution as 2 · window · channels in · channels out · places", () => {
    const block = { channels: 8, window: 3, pool: "none" };
    const summary = summaryOf({ type: "cnn", blocks: [block], norm: "none" }, [3, 10, 12]);
    const conv = rowOf(summary, "backbone.blocks.0.0.conv");
    expect(conv.output).toEqual(["batch", 8, 10, 12]);
    expect(conv.flops).toBe(2 * 9 * 3 * 8 * 120 + 8 * 120);
    expect(conv.parameters).toBe(9 * 3 * 8 + 8);
  });

  it("counts attention as its four projections and two products of time² · width", () => {
    const [time, width] = [12, 16];
    const summary = summaryOf({ type: "transformer", layers: 1, heads: 4, width, positions: "none" }, [time, width]);
    const attention = rowOf(summary, "backbone.blocks.0.selfAttention");
    const projections = 4 * (2 * time * width * width + time * width);
    expect(attention.flops).toBe(projections + 2 * (2 * time * time * width));
    expect(attention.parameters).toBe(4 * (width * width + width));
    expect(attention.output).toEqual(["batch", time, width]);
  });

  it("counts a recurrent layer's steps as often as they are taken", () => {
    const flops = (time: number) => summaryOf({ type: "lstm", hidden: 8 }, [time, 4]).totals.flops;
    expect(flops(12) - flops(6)).toBe(flops(18) - flops(12));
    expect((flops(12) - flops(6)) / 6).toBeGreaterThan(2 * (4 + 8) * 32);
  });

  it("has totals that are those of the backbone and the head together", () => {
    const summary = summaryOf({ type: "resnet", depth: 18 }, [3, 64, 64], 1000);
    expect(summary.totals.parameters).toBe(11_689_512);
    const outermost = summary.layers.filter(({ depth }) => depth === 0);
    expect(outermost.map(({ path }) => path)).toEqual(["backbone", "head"]);
    for (const amount of ["parameters", "buffers", "flops", "bytes"] as const) {
      expect(outermost.reduce((sum, layer) => sum + layer[amount], 0)).toBe(summary.totals[amount]);
    }
  });

  it("tells frozen parameters from those that learn, and running statistics from both", () => {
    const record = createModel(registry, {
      pipeline: "classification",
      backbone: { type: "mlp", hidden: [5], norm: "batch" },
    });
    const { totals } = summarise(registry, record, { features: [3], outputs: 2, freeze: ["backbone"] });
    expect(totals).toMatchObject({ parameters: 15 + 5 + 10 + 12, frozen: 30, trainable: 12, buffers: 10 });
  });

  it("is known before training from the spec's input and classes", () => {
    const record = createModel(registry, {
      pipeline: "classification",
      input: { shape: [4] },
      backbone: { type: "mlp", hidden: [3] },
      head: { type: "classification", classes: ["a", "b"] },
    });
    expect(summarise(registry, record).totals.parameters).toBe(record.parameters);
  });

  it("says what to do where the shapes are not known yet", () => {
    const record = createModel(registry, { pipeline: "classification", backbone: { type: "mlp" } });
    const fault = faultOf(() => summarise(registry, record, {}));
    expect(fault.reason).toBe("INVALID_STATE");
    expect(fault.violations.map(({ path }) => path)).toEqual(["input", "outputs"]);
    expect(fault.hint).toContain("outputs");
  });

  it("asks whether another pattern was meant where none is frozen by it", () => {
    const record = createModel(registry, { pipeline: "classification", backbone: { type: "mlp" } });
    const freeze = ["backbone.layer.0"];
    const fault = faultOf(() => summarise(registry, record, { features: [4], outputs: 3, freeze }));
    expect(fault.hint).toBe("did you mean `backbone.layers.0`?");
  });

  it("is refused of a policy, with what does work", () => {
    const run = parseRun(registry, { environment: { type: "CartPole-v1" } });
    const fault = faultOf(() => summarise(registry, createPolicyRecord(registry, run)));
    expect(fault.reason).toBe("INVALID_STATE");
    expect(fault.hint).toContain("policy.act");
  });

  it("prints a line for each layer, with what lies inside it indented", () => {
    const text = showSummary(summaryOf({ type: "mlp", hidden: [32] }, [64]));
    expect(text).toContain("\n  layers.0  ");
    expect(text).toContain("[batch, 32]");
    expect(text).toContain("parameters: 2,410, of which 2,410 learn");
  });
});
