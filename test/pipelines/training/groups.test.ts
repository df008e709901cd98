import { describe, expect, it } from "vitest";
import { weightArrays } from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";
import { learn, signs } from "./rig.ts";

const dataset = await signs(40);
const spec = { backbone: { type: "mlp", hidden: [6, 5], norm: "batch" } };
const before = learn({ dataset, spec, train: { epochs: 1 } }).result.record;

/** The paths that a training changes. */
function changed(train: Readonly<Record<string, unknown>>): string[] {
  const { record } = learn({ dataset, record: before, train: { epochs: 2, batchSize: 8, ...train } }).result;
  const [a, b] = [before, record].map(({ weights }) => weightArrays(weights!));
  return Object.keys(a!).filter((path) => a![path]!.data.some((value, index) => value !== b![path]!.data[index]));
}

describe("freezing", () => {
  it("keeps what a pattern matches, running statistics too", () => {
    const moved = changed({ freeze: "backbone.layers.0", optimizer: { type: "adamw", weightDecay: 0.1 } });
    expect(moved.some((path) => path.startsWith("backbone.layers.0"))).toBe(false);
    expect(moved.some((path) => path.startsWith("backbone.layers.1.norm.running"))).toBe(true);
    expect(moved).toContain("head.weight");
  });

  it.each([
    ["backbone", "head.", ["head.weight", "head.bias"]],
    ["backbone.*.*.weight", "backbone.layers.0.", ["backbone.layers.0.bias", "backbone.layers.0.norm.weight"]],
    ["**.weight", "head.", ["head.bias"]],
  ])("of %j leaves of %s", (freeze, beginning, left) => {
    expect(changed({ freeze })).toEqual(expect.arrayContaining(left));
    const kept = changed({ freeze }).filter((path) => path.startsWith(beginning) && !path.includes("running"));
    if (freeze !== "backbone.*.*.weight") expect(kept.sort()).toEqual([...left].sort());
    else expect(kept).not.toContain("backbone.layers.0.weight");
  });

  it("of an empty list leaves nothing as it is", () => {
    expect(changed({ freeze: [] })).toEqual(changed({}));
  });

  it("of everything is refused", () => {
    expect(faultOf(() => changed({ freeze: ["backbone", "head"] })).violations[0]!.path).toBe("freeze");
  });

  it("of nothing there is refused, with the nearest path", () => {
    const fault = faultOf(() => changed({ freeze: "head.wieght" }));
    expect(fault.hint).toContain("head.weight");
  });
});

describe("a group", () => {
  it("learns at its own rate", () => {
    const moved = changed({
      optimizer: { type: "sgd", learningRate: 1e-30 },
      groups: [{ match: "head", learningRate: 0.1 }],
    });
    expect(moved.filter((path) => !path.includes("running")).sort()).toEqual(["head.bias", "head.weight"]);
  });

  it("that matches nothing is refused by its place", () => {
    const fault = faultOf(() => changed({ groups: [{ match: "head" }, { match: "tail", learningRate: 1 }] }));
    expect(fault.violations[0]!.path).toBe("groups[1].match");
  });
});
