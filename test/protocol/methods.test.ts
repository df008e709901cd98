/** @file The table of methods: what each takes, and how it refuses the rest. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { EVENTS, findMethod, METHODS, type MethodName, parseParams, Refusal } from "../../src/protocol/index.ts";
import type { Method } from "../../src/protocol/methods/define.ts";

function refusalOf(act: () => unknown): Refusal {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown;
    throw thrown;
  }
  throw new Error("it was taken");
}

const refusal = (method: MethodName, params: unknown) => refusalOf(() => parseParams(method, params));
const all = Object.entries<Method>(METHODS);

describe("every method", () => {
  it.each(all)("%s refuses an unknown param by its name", (name) => {
    expect(refusal(name as MethodName, { surprise: 1 }).violations).toContainEqual(
      expect.objectContaining({ path: "surprise" }),
    );
  });

  it.each(all)("%s describes each of its params", (_name, { params }) => {
    const bare = Object.entries(params.shape as Record<string, z.ZodType>).filter(
      ([, schema]) => !JSON.stringify(z.toJSONSchema(schema, { io: "input" })).includes('"description"'),
    );
    expect(bare.map(([member]) => member)).toEqual([]);
  });

  it.each(all.filter(([, { example }]) => example !== undefined))(
    "%s takes its own example, and answers it",
    (name, { example, result }) => {
      expect(() => parseParams(name as MethodName, example?.params)).not.toThrow();
      expect(result?.safeParse(example?.result).error).toBeUndefined();
    },
  );
});

it("every event's example of the design fits its schema", () => {
  const data = {
    epoch: 1,
    epochs: 20,
    step: 23,
    loss: "NaN",
    metrics: { accuracy: 0.64 },
    validation: { loss: 0.82, metrics: { accuracy: 0.81 } },
    learningRate: 0.002,
    samplesPerSecond: 91250,
    secondsLeft: 0.4,
  };
  expect(EVENTS["train.epoch"].data.safeParse(data).error).toBeUndefined();
});

describe("an unknown method", () => {
  it.each([
    ["trian.start", "train.start"],
    ["Train.Start", "train.start"],
    ["model.create", "models.create"],
    ["jobs.waits", "jobs.wait"],
  ])("31: %s is refused, and %s is proposed", (name, meant) => {
    expect(refusalOf(() => findMethod(name))).toMatchObject({
      reason: "METHOD_NOT_FOUND",
      hint: `did you mean \`${meant}\`?`,
    });
  });

  it.each(["constructor", "__proto__", "toString", "", "x".repeat(100_000)])(
    "22: is what objects inherit, and what is absurd",
    (name) => {
      expect(refusalOf(() => findMethod(name)).reason).toBe("METHOD_NOT_FOUND");
    },
  );
});

describe("a violation", () => {
  const start = { model: "m_1", data: { builtin: "digits" } };

  it("names the place, what was expected, and what came", () => {
    expect(refusal("train.start", { ...start, epochs: 0.5 })).toMatchObject({
      reason: "INVALID_PARAMS",
      message: "train.start: `epochs` must be an integer, not 0.5",
      violations: [{ path: "epochs", expected: "an integer", got: "0.5" }],
    });
  });

  it("says that something is missing", () => {
    expect(refusal("train.start", { data: start.data }).violations).toEqual([
      { path: "model", message: "is missing", expected: "a string", got: "nothing" },
    ]);
  });

  it("proposes the nearest param for an unknown one", () => {
    expect(refusal("train.start", { ...start, learningrates: 1, epocs: 3 }).hint).toBe("did you mean `epochs`?");
  });

  it("proposes the nearest value", () => {
    expect(refusal("models.export", { model: "m_1", format: "onxx" }).hint).toBe("did you mean `onnx`?");
  });

  it("lies as deep as the trouble", () => {
    expect(refusal("train.start", { ...start, optimizer: { learningRate: 1 } }).violations[0]?.path).toBe(
      "optimizer.type",
    );
    expect(
      refusal("predict", { model: "m_1", inputs: { dtype: "F32", shape: [2, -1], values: [] } }).violations[0]?.path,
    ).toBe("inputs.shape[1]");
    expect(refusal("train.start", { ...start, validation: { csv: { target: "y" } } }).violations[0]?.path).toBe(
      "validation.csv.path",
    );
  });

  it.each(["mlp", { type: "mlp" }, { hidden: [8] }, undefined])("takes the choice %j", (backbone) => {
    expect(parseParams("models.create", { pipeline: "classification", backbone })).toMatchObject({
      pipeline: "classification",
    });
  });

  it.each([{}, { builtin: "digits", rows: [] }])("says that data has exactly one form, not %j", (data) => {
    expect(refusal("train.start", { model: "m_1", data }).violations[0]).toMatchObject({
      path: "data",
      message: expect.stringContaining("exactly one"),
    });
  });

  it("stays short, whatever came", () => {
    const { message, violations } = refusal("models.export", {
      model: "m_1",
      format: "x".repeat(100_000),
      path: new Array(100_000).fill(0),
    });
    expect(JSON.stringify({ message, violations }).length).toBeLessThan(3000);
  });

  it("is one of twenty at most", () => {
    expect(
      refusal("ping", Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`p${index}`, 1]))).violations
        .length,
    ).toBe(20);
  });
});

describe("_meta", () => {
  it("rides in any call", () => {
    const _meta = { timeoutMs: 100, idempotencyKey: "k", tensors: "b64" };
    expect(parseParams("ping", { _meta })).toEqual({ _meta });
  });

  it.each([{ timeoutMs: -1 }, { timeoutMs: "100" }, { tensors: "hex" }, { deadline: 1 }])(
    "does not take %j",
    (_meta) => {
      expect(refusal("ping", { _meta }).violations[0]?.path).toMatch(/^_meta\./);
    },
  );
});
