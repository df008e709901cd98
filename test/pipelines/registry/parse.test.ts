import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Fault } from "../../../src/engine/index.ts";
import { createModel, createRegistry, parseModelSpec, parseTrainOptions } from "../../../src/pipelines/index.ts";
import { nearest } from "../../../src/pipelines/registry/nearest.ts";
import { parseBy, show } from "../../../src/pipelines/registry/parse.ts";
import { faultOf } from "../../support/fault.ts";

const registry = createRegistry();

const refused = (spec: object): Fault =>
  faultOf(() => parseModelSpec(registry, { pipeline: "classification", ...spec }));

describe("a model spec", () => {
  it("gets every default filled in", () => {
    expect(parseModelSpec(registry, { pipeline: "regression" })).toMatchObject({
      pipeline: "regression",
      input: null,
      backbone: { type: "mlp", hidden: [64, 64], activation: "relu", dropout: 0, norm: "none", residual: false },
      head: { type: "regression" },
      seed: 0,
    });
  });

  it.each([
    [{ backbone: { type: "mlp", hidden: [0] } }, "backbone.hidden[0]"],
    [{ backbone: { type: "mlp", dropout: 1 } }, "backbone.dropout"],
    [{ backbone: { type: "mlp", activation: "rleu" } }, "backbone.activation"],
    [{ backbone: { type: "mpl" } }, "backbone.type"],
    [{ backbone: 7 }, "backbone"],
    [{ backbone: { type: 7 } }, "backbone.type"],
    [{ head: { type: "classification", classes: ["one"] } }, "head.classes"],
    [{ pipeline: "clasification" }, "pipeline"],
    [{ input: { shape: [-1] } }, "input.shape[0]"],
    [{ seed: 1.5 }, "seed"],
    [{ bakcbone: {} }, "bakcbone"],
  ])("is refused at the field that is wrong: %j", (spec, path) => {
    const fault = refused(spec);
    expect(fault.reason).toBe("INVALID_PARAMS");
    expect(fault.violations.map((violation) => violation.path)).toContain(path);
    expect(fault.hint).toBeTruthy();
  });

  it.each([
    [{ backbone: { type: "mpl" } }, "mlp"],
    [{ backbone: { type: "mlp", activation: "rleu" } }, "relu"],
    [{ backbone: { type: "mlp", hiden: [4] } }, "hidden"],
    [{ pipeline: "clasification" }, "classification"],
  ])("says what was probably meant: %j", (spec, meant) => {
    expect(refused(spec).hint).toBe(`did you mean \`${meant}\`?`);
  });

  it("names every wrong field at once", () => {
    expect(refused({ backbone: { type: "mlp", hidden: "64", dropout: -1 } }).violations).toHaveLength(2);
  });

  it("tells a stranger's keys from fields", () => {
    expect(refused(JSON.parse('{"__proto__": {"pipeline": "x"}, "constructor": 1}')).reason).toBe("INVALID_PARAMS");
  });
});

describe("training options", () => {
  const record = createModel(registry, { pipeline: "classification", seed: 9 });
  const parse = (raw: unknown) => parseTrainOptions(registry, record, raw);

  it("come from the pipeline, and the seed from the model", () => {
    expect(parse({})).toMatchObject({
      epochs: 20,
      batchSize: 32,
      seed: 9,
      optimizer: { type: "adam", learningRate: 1e-3 },
      loss: { type: "crossEntropy", labelSmoothing: 0 },
      schedule: { type: "constant" },
    });
  });

  it("take a bare name, or options without a type", () => {
    expect(parse({ optimizer: "lion" }).optimizer.type).toBe("lion");
    expect(parse({ optimizer: { learningRate: 0.5 } }).optimizer).toMatchObject({ type: "adam", learningRate: 0.5 });
  });

  it("take true for early stopping's defaults, and false for none", () => {
    expect(parse({ earlyStopping: true }).earlyStopping).toMatchObject({ monitor: "loss", patience: 5 });
    expect(parse({ earlyStopping: false }).earlyStopping).toBeUndefined();
  });

  it.each([
    [{ epochs: 0 }, "epochs"],
    [{ batchSize: "64" }, "batchSize"],
    [{ optimizer: { type: "adam", learningRate: -1 } }, "optimizer.learningRate"],
    [{ earlyStopping: { patince: 3 } }, "earlyStopping.patince"],
    [{ loss: "mse" }, "loss.type"],
    [{ budget: { hours: 1 } }, "budget.hours"],
    [{ augment: [{ type: "randomCorp" }] }, "augment[0].type"],
  ])("are refused at the field that is wrong: %j", (raw, path) => {
    expect(faultOf(() => parse(raw)).violations.map((violation) => violation.path)).toContain(path);
  });

  it("say which losses fit the pipeline", () => {
    expect(faultOf(() => parse({ loss: "mse" })).hint).toBe("use crossEntropy");
  });
});

describe("the nearest name", () => {
  it.each([
    ["adma", "adam"],
    ["ADAM", "adam"],
    ["rmsporp", "rmsprop"],
    ["zzz", undefined],
    ["", undefined],
  ])("to %j is %j", (written, meant) => {
    expect(nearest(written, ["sgd", "adam", "rmsprop"])).toBe(meant);
  });

  it("is found in no time for a huge name", () => {
    expect(nearest("x".repeat(1_000_000), ["adam"])).toBeUndefined();
  });
});

it("a value that is huge is shown cut short", () => {
  const fault = faultOf(() => parseBy(z.object({ a: z.number() }), { a: "y".repeat(10_000) }, "deep"));
  expect(fault.violations[0]!.got!.length).toBeLessThan(100);
});

describe("an unknown field", () => {
  it("of an object that may also be a name is told what fields there are", () => {
    const { violations, hint } = refused({ preprocess: { colums: {} } });
    expect(violations[0]).toMatchObject({ path: "preprocess.colums", expected: expect.stringContaining("columns") });
    expect(hint).toBe("did you mean `columns`?");
  });
});

describe("a value in an error message", () => {
  it("is JSON, cut short", () => {
    expect(show({ a: [1, "b"] })).toBe('{"a":[1,"b"]}');
    expect(show("x".repeat(1000))).toHaveLength(80);
  });

  it("may be nested deeper than can be written", () => {
    expect(show(JSON.parse(`${"[".repeat(200_000)}${"]".repeat(200_000)}`))).toBe("a deeply nested array");
  });
});

it("says what is missing where one of several forms is wanted", () => {
  const schema = z.object({ degrees: z.union([z.number(), z.array(z.number())]) });
  expect(faultOf(() => parseBy(schema, {}, "augment[0]"))).toMatchObject({
    violations: [{ path: "augment[0].degrees", message: "missing", expected: "number | array", got: "nothing" }],
    hint: "expected number | array, got nothing",
  });
});
