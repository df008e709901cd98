/** @file What heads refuse: the error names the place, what was expected and what came. */
import { beforeAll, describe, expect, it } from "vitest";
import { createMachine, type Fault } from "../../../src/engine/index.ts";
import { createEnsemble, createModel, evaluate, type ModelRecord, predict } from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";
import { learn, load, registry } from "../training/rig.ts";
import { HEAD_CASES } from "./cases.ts";

const executor = createMachine();
const spec = (name: keyof typeof HEAD_CASES & string) => HEAD_CASES[name]!.spec;
const once = { epochs: 1 };

async function trained(name: string): Promise<ModelRecord> {
  const dataset = await load(HEAD_CASES[name]!.data as never);
  return learn({ dataset, executor, spec: spec(name), train: once }).result.record;
}

/** What a training on some data ends with. */
async function refusal(model: object, data: unknown, train: object = once): Promise<Fault> {
  const dataset = await load(data as never);
  return faultOf(() => learn({ dataset, executor, spec: model as never, train: train as never }));
}
const creation = (model: object): Fault => faultOf(() => createModel(registry, model));

describe("a model is refused at its creation", () => {
  it.each(["tagging", "seq2seq", "language"])("for %s with a backbone that answers no sequences", (pipeline) => {
    const { reason, violations } = creation({ pipeline, backbone: { type: "mlp" } });
    expect(reason).toBe("INVALID_PARAMS");
    expect(violations[0]).toMatchObject({
      path: "backbone.type",
      expected: expect.stringContaining("lstm"),
      got: "mlp",
    });
  });

  it.each([
    [{ type: "transformer", kind: "encoder" }, "backbone.kind"],
    [{ type: "lstm", bidirectional: true }, "backbone.bidirectional"],
    [{ type: "gru", summary: "mean" }, "backbone.summary"],
  ])("for a language model that would see the future, or no places: %o", (backbone, path) => {
    expect(creation({ pipeline: "language", backbone }).violations[0]!.path).toBe(path);
  });

  it("for a task that is no pipeline, or one of sequences", () => {
    const tasks = (task: string) =>
      creation({ pipeline: "multitask", input: { shape: [2] }, head: { tasks: { a: task } } });
    expect(tasks("clasification").violations[0]).toMatchObject({ path: "head.tasks.a.pipeline", got: "clasification" });
    expect(tasks("tagging").violations[0]).toMatchObject({ path: "head.tasks.a", got: "sequence" });
  });
});

describe("a training is refused", () => {
  const rows = [
    { x: 1, kind: "a", size: 2 },
    { x: 2, kind: "b", size: 3 },
  ];

  it("with a loss that cannot judge what the head answers", async () => {
    const { violations } = await refusal(spec("several quantiles"), { rows, target: "size" }, { loss: "mse" });
    expect(violations[0]).toMatchObject({ path: "loss.type", expected: "quantile", got: "mse" });
  });

  it("with as many classes as there are elements, and another number of elements", async () => {
    const x = [[[1], [2], [3]]].concat([[[3], [2], [1]]]);
    const { reason, violations } = await refusal(
      { pipeline: "tagging", backbone: { type: "gru" } },
      {
        x,
        y: [
          [0, 1],
          [1, 0],
        ],
      },
    );
    expect(reason).toBe("SHAPE_MISMATCH");
    expect(violations[0]).toMatchObject({
      path: "head",
      expected: expect.stringContaining("3 elements"),
      got: "2 elements",
    });
  });

  it("with a task whose target the data do not name", async () => {
    const model = {
      pipeline: "multitask",
      backbone: { type: "mlp" },
      head: { type: "multitask", tasks: { kind: "classification" } },
    };
    const { violations, hint } = await refusal(model, { rows, target: "size" });
    expect(violations[0]).toMatchObject({ path: "data.target", expected: "kind", got: "size" });
    expect(hint).toContain('["size","kind"]');
  });

  it("with a loss for a task that is not there", async () => {
    const { data } = HEAD_CASES["several tasks"]!;
    const loss = { type: "weightedSum", weights: { clowd: 2 } };
    expect((await refusal(spec("several tasks"), data, { loss })).violations[0]).toMatchObject({
      path: "loss.weights",
      got: "clowd",
    });
  });

  it("of pairs on rows that are none", async () => {
    const { violations } = await refusal(spec("embeddings of pairs"), {
      x: [
        [1, 2, 3],
        [4, 5, 6],
      ],
    });
    expect(violations[0]).toMatchObject({ path: "head", expected: "[2, ...]", got: "[3]" });
  });

  it("with lengths that are in no column", async () => {
    const backbone = { type: "lstm", lengths: "count" };
    const data = {
      x: [
        [[1], [2]],
        [[3], [4]],
      ],
      y: ["a", "b"],
      lengths: [1, 2],
    };
    const { reason, violations, message } = await refusal({ pipeline: "classification", backbone }, data);
    expect(reason).toBe("INVALID_PARAMS");
    expect(`${message} ${JSON.stringify(violations)}`).toContain("count");
  });

  it("of a language model on several columns", async () => {
    const data = { rows: [{ a: "some text", b: "another" }], target: undefined };
    expect((await refusal(spec("what comes next in a text"), data)).violations[0]).toMatchObject({ got: "a, b" });
  });

  it("of a network whose sequences are longer than its context", async () => {
    const backbone = { type: "transformer", positions: "sinusoidal", context: 8, width: 8, heads: 2 };
    const model = { pipeline: "language", backbone, head: { type: "language", context: 12 } };
    const { reason, violations } = await refusal(model, { text: { value: "abcdefgh".repeat(4) } });
    expect(reason).toBe("SHAPE_MISMATCH");
    expect(violations[0]).toMatchObject({
      path: "backbone.positions",
      expected: "at most 8 elements",
      got: "12 elements",
    });
  });
});

describe("data that a trained model cannot take", () => {
  let tagger: ModelRecord;
  let writer: ModelRecord;
  let tasks: ModelRecord;
  beforeAll(async () => {
    tagger = await trained("a class for each element");
    writer = await trained("a text backwards, by attention");
    tasks = await trained("several tasks");
  });
  const judged = async (record: ModelRecord, data: unknown): Promise<Fault> => {
    const dataset = await load(data as never);
    return faultOf(() => evaluate({ registry, executor, record }, dataset));
  };
  const asked = (record: ModelRecord, inputs: unknown): Fault =>
    faultOf(() => predict({ registry, executor, record }, inputs as never));
  const eight = (value: number) => Array.from({ length: 8 }, () => value);

  it("a class of an element that was never seen", async () => {
    const x = [eight(0).map((bit) => [bit])];
    const { reason, violations } = await judged(tagger, { x, y: [[0, 1, 2, 1, 0, 0, 0, 0]] });
    expect(reason).toBe("DATA_INVALID");
    expect(violations[0]).toMatchObject({ path: "data.target[0]", expected: "one of 0, 1", got: "2" });
  });

  it("sequences of another length", () => {
    const { reason, violations } = asked(tagger, [[[1], [0]]]);
    expect(reason).toBe("SHAPE_MISMATCH");
    expect(violations[0]).toMatchObject({ expected: "[batch, 8, 1]", got: "[1, 2, 1]" });
  });

  it("a text that is longer than any that the model read", () => {
    const { reason, violations } = asked(writer, [{ word: "abcdabcd" }]);
    expect(reason).toBe("SHAPE_MISMATCH");
    expect(violations[0]).toMatchObject({
      path: "inputs[0].word",
      expected: "at most 4 characters",
      got: "8 characters",
    });
  });

  it("a text that is longer than any that the model wrote, or of another alphabet", async () => {
    const longer = await judged(writer, { rows: [{ word: "abc", back: "cbacba" }], target: "back" });
    expect(longer.violations[0]).toMatchObject({ path: "data.back[0]", expected: "at most 5 elements" });
    const strange = await judged(writer, { rows: [{ word: "abc", back: "xyz" }], target: "back" });
    expect(strange.violations[0]).toMatchObject({ path: "data.back[0]", got: "x" });
  });

  it("a class of one task that was never seen", async () => {
    const row = { x0: 1, x1: 1, x2: 1, x3: 1, x4: 1, x5: 1, cloud: "d", sum: 6, isHigh: 0 };
    const { violations } = await judged(tasks, { rows: [row], target: ["cloud", "sum", "isHigh"] });
    expect(violations[0]).toMatchObject({ path: "data.cloud[0]", got: "d" });
  });

  it("an ensemble of what cannot be joined", () => {
    expect(faultOf(() => createEnsemble(registry, [tagger, tagger])).violations[0]).toMatchObject({ path: "models" });
  });
});
