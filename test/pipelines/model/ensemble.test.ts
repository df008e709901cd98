import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createMachine, type NdArray } from "../../../src/engine/index.ts";
import {
  createEnsemble,
  evaluate,
  exportOnnx,
  loadModel,
  type ModelRecord,
  predict,
  saveModel,
  weightArrays,
} from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";
import { learn, load, matrix, registry } from "../training/rig.ts";

const folder = mkdtempSync(join(tmpdir(), "ml-sidecar-ensemble-"));
afterAll(() => rmSync(folder, { recursive: true }));

const executor = createMachine();
const colours = ["red", "green", "blue"];
const rows = Array.from({ length: 60 }, (_, row) => ({
  size: Math.sin(row * 12.9898) * 5 + 10,
  weight: row % 7 === 0 ? null : Math.cos(row * 78.233),
  colour: colours[row % 3],
  kind: ["a", "b", "c"][(row * row + (row % 5)) % 3],
  price: 100 + 30 * Math.sin(row),
  fresh: row % 2,
  large: Number(row % 3 === 0),
}));
const table = async (target: string | string[], drop: readonly string[]) =>
  load({
    rows: rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !drop.includes(name)))),
    target,
  });
const DATA = {
  classification: await table("kind", ["price", "fresh", "large"]),
  regression: await table("price", ["kind", "fresh", "large"]),
  multilabel: await table(["fresh", "large"], ["kind", "price"]),
};
type Pipeline = keyof typeof DATA;

/** Three models of different seeds, widths and training rows. */
function members(pipeline: Pipeline): ModelRecord[] {
  return [4, 6, 8].map((units, index) => {
    const spec = {
      pipeline,
      seed: index,
      backbone: { type: "mlp", hidden: [units], norm: index === 1 ? "batch" : "none" },
    };
    const train = { epochs: 8, batchSize: 16, optimizer: { type: "adam", learningRate: 0.03 } };
    return learn({ dataset: DATA[pipeline], executor, validation: 0.2, spec, train }).result.record;
  });
}
const MEMBERS = {
  classification: members("classification"),
  regression: members("regression"),
  multilabel: members("multilabel"),
};

const answers = (record: ModelRecord, name: string): number[] =>
  Array.from((predict({ registry, executor, record }, rows)[name] as NdArray).data, Number);
const RESULT = { classification: "probabilities", regression: "values", multilabel: "probabilities" } as const;
const pipelines = Object.keys(DATA) as Pipeline[];

describe("an ensemble", () => {
  it.each(pipelines)("of %s averages what its members answer", (pipeline) => {
    const each = MEMBERS[pipeline].map((record) => answers(record, RESULT[pipeline]));
    const all = answers(createEnsemble(registry, MEMBERS[pipeline]), RESULT[pipeline]);
    for (const [index, value] of all.entries()) {
      const mean = each.reduce((sum, own) => sum + own[index]!, 0) / 3;
      expect(Math.abs(value / mean - 1)).toBeLessThan(1e-4);
    }
  });

  it("gives the class that most members vote for", () => {
    const votes = MEMBERS.classification.map(
      (record) => predict({ registry, executor, record }, rows).labels as string[],
    );
    const record = createEnsemble(registry, MEMBERS.classification, "vote");
    const labels = predict({ registry, executor, record }, rows).labels as string[];
    for (const [row, label] of labels.entries()) {
      const own = votes.map((member) => member[row]!);
      const majority = own.find((vote, index) => own.indexOf(vote) !== index);
      if (majority !== undefined) expect(label).toBe(majority);
    }
  });

  it.each(pipelines)(
    "of %s that is stacked begins near the average, and learns without touching its members",
    (pipeline) => {
      const record = createEnsemble(registry, MEMBERS[pipeline], "stack");
      const dataset = DATA[pipeline];
      const before = evaluate({ registry, executor, record }, dataset).metrics.loss!;
      const train = { epochs: 20, batchSize: 20, optimizer: { type: "adam", learningRate: 0.02 } };
      const stacked = learn({ dataset, executor, record, train }).result.record;
      expect(evaluate({ registry, executor, record: stacked }, dataset).metrics.loss).toBeLessThan(before);
      const [a, b] = [record, stacked].map(({ weights }) => weightArrays(weights!));
      for (const path of Object.keys(a!).filter((path) => path.startsWith("members")))
        expect(b![path]!.data, path).toEqual(a![path]!.data);
    },
  );

  it.each(
    pipelines.flatMap((pipeline) =>
      (["average", "vote", "stack"] as const).map((combine) => [pipeline, combine] as const),
    ),
  )("of %s by %s is exported as one file that answers the same", async (pipeline, combine) => {
    if (pipeline === "regression" && combine === "vote") return;
    const record = createEnsemble(registry, MEMBERS[pipeline], combine);
    const path = join(folder, `${pipeline}-${combine}.onnx`);
    const { verification } = await exportOnnx({ registry, executor, record }, path);
    expect(verification!.maxAbsDiff).toBeLessThan(pipeline === "regression" ? 1e-3 : 1e-5);
  });

  it("is saved and loaded as one", async () => {
    const record = createEnsemble(registry, MEMBERS.classification, "stack");
    await saveModel(record, join(folder, "saved"));
    const loaded = await loadModel(registry, join(folder, "saved"));
    expect(weightArrays(loaded.weights!)).toEqual(weightArrays(record.weights!));
    expect(loaded.spec).toEqual(record.spec);
    expect(answers(loaded, "probabilities")).toEqual(answers(record, "probabilities"));
  });

  it("can go on learning as a whole", () => {
    const record = createEnsemble(registry, MEMBERS.classification);
    const before = evaluate({ registry, executor, record }, DATA.classification).metrics.loss!;
    const train = { epochs: 10, batchSize: 16, optimizer: { type: "adam", learningRate: 0.01 } };
    const { result } = learn({ dataset: DATA.classification, executor, record, train });
    expect(result.loss).toBeLessThan(before);
  });

  it("counts all its members' parameters", () => {
    const sum = MEMBERS.classification.reduce((all, { parameters }) => all + parameters!, 0);
    expect(createEnsemble(registry, MEMBERS.classification).parameters).toBe(sum);
    expect(createEnsemble(registry, MEMBERS.classification, "stack").parameters).toBe(sum + 9 * 3 + 3);
  });

  it("refuses a model of other columns or another pipeline, by its place", async () => {
    const other = await load({ x: matrix([[1], [2], [3], [4]]), y: ["a", "b", "c", "a"] });
    const stranger = learn({ dataset: other, executor, train: { epochs: 1 } }).result.record;
    const [first] = MEMBERS.classification as [ModelRecord];
    expect(faultOf(() => createEnsemble(registry, [first, stranger])).violations[0]).toMatchObject({
      path: "models[1]",
    });
    const mixed = [first, MEMBERS.regression[0]!];
    expect(faultOf(() => createEnsemble(registry, mixed)).violations[0]!.message).toContain("pipeline");
  });

  it("refuses one model alone, and votes on numbers", () => {
    expect(faultOf(() => createEnsemble(registry, MEMBERS.regression.slice(1, 2))).violations[0]!.path).toBe("models");
    expect(faultOf(() => createEnsemble(registry, MEMBERS.regression, "vote")).violations[0]!.path).toBe("combine");
  });
});
