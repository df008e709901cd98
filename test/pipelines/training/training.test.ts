import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { createMachine, createReference, type NdArray } from "../../../src/engine/index.ts";
import {
  CONTROL,
  type EpochData,
  evaluate,
  type ModelRecord,
  predict,
  weightArrays,
} from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";
import { bitsOf, learn, load, lossCurve, matrix, newControl, registry, signs } from "./rig.ts";

const dataset = await signs(60);

describe("a training", () => {
  it("learns digits to 0.97 of the held-out part", async () => {
    const digits = await load({ builtin: "digits" });
    const executor = createMachine({ threads: 2 });
    const { result } = learn({
      dataset: digits,
      executor,
      validation: 0.2,
      spec: {
        backbone: { type: "mlp", hidden: [128, 64], dropout: 0.1 },
        preprocess: { default: { type: "standardise", over: "tensor" } },
        seed: 7,
      },
      train: { epochs: 20, batchSize: 64, optimizer: { type: "adamw", learningRate: 0.002 } },
    });
    executor.close();
    expect(result.validation!.metrics.accuracy).toBeGreaterThanOrEqual(0.97);
  });

  it("tells each epoch with loss, metrics, rate and time left", () => {
    const { events } = learn({ dataset, validation: 0.25, train: { epochs: 3, batchSize: 16 } });
    const epochs = events.filter((event) => event.type === "train.epoch").map(({ data }) => data as EpochData);
    expect(epochs.map(({ epoch, epochs: all, step }) => [epoch, all, step])).toEqual([
      [1, 3, 3],
      [2, 3, 6],
      [3, 3, 9],
    ]);
    expect(epochs[0]!.metrics.accuracy).toBeGreaterThanOrEqual(0);
    expect(epochs[0]!.validation!.metrics.accuracy).toBeLessThanOrEqual(1);
    expect(epochs[0]!.samplesPerSecond).toBeGreaterThan(0);
    expect(epochs[0]!.secondsLeft).toBeGreaterThan(0);
    expect(epochs[2]!.secondsLeft).toBe(0);
  });

  it("is the same for the same seed, and another for another", () => {
    const curve = (seed: number) =>
      lossCurve(learn({ dataset, spec: { seed }, train: { epochs: 2, batchSize: 8 } }).events);
    expect(curve(1)).toEqual(curve(1));
    expect(curve(1)).not.toEqual(curve(2));
  });

  it("has the same bits on 1, 2 and 4 threads", () => {
    const bits = [1, 2, 4].map((threads) => {
      const executor = createMachine({ threads });
      const { result } = learn({
        dataset,
        executor,
        spec: { backbone: { type: "mlp", hidden: [48, 33], dropout: 0.2, norm: "batch" } },
        train: { epochs: 4, batchSize: 16, clipNorm: 1 },
      });
      executor.close();
      return bitsOf(result.record);
    });
    expect(new Set(bits).size).toBe(1);
  });

  it("gives padded rows of the last batch no say", () => {
    const whole = learn({ dataset, train: { epochs: 1, batchSize: 60, optimizer: "sgd" } });
    const accumulated = learn({ dataset, train: { epochs: 1, batchSize: 16, accumulate: 4, optimizer: "sgd" } });
    expect(lossCurve(accumulated.events)[0]).toBeCloseTo(lossCurve(whole.events)[0]!, 6);
    const [a, b] = [whole, accumulated].map(({ result }) => weightArrays(result.record.weights!));
    for (const [path, { data }] of Object.entries(a!)) {
      for (let index = 0; index < data.length; index++)
        expect(Number(b![path]!.data[index])).toBeCloseTo(Number(data[index]), 6);
    }
  });

  it("visits the rows in another order each epoch", () => {
    const still = lossCurve(learn({ dataset, train: { epochs: 3, batchSize: 8, shuffle: false } }).events);
    const shuffled = lossCurve(learn({ dataset, train: { epochs: 3, batchSize: 8 } }).events);
    expect(shuffled).not.toEqual(still);
  });

  it("goes on from a trained model's weights", () => {
    const first = learn({ dataset, train: { epochs: 5, batchSize: 8 } });
    const second = learn({ dataset, record: first.result.record, train: { epochs: 1, batchSize: 8 } });
    expect(lossCurve(second.events)[0]).toBeLessThan(lossCurve(first.events)[0]!);
  });

  it("warns of a batch larger than the data, and trains", () => {
    const { result, events } = learn({ dataset, train: { epochs: 2, batchSize: 512 } });
    expect(result.steps).toBe(2);
    expect(events).toContainEqual({
      type: "warning",
      data: expect.objectContaining({ code: "BATCH_LARGER_THAN_DATA" }),
    });
  });

  it("warns of a number column taken for classes", async () => {
    const x = Array.from({ length: 60 }, (_, row) => [row]);
    const y: NdArray = { dtype: "I32", shape: [60], data: Int32Array.from(x, ([row]) => row! * 3) };
    const { events } = learn({ dataset: await load({ x: matrix(x), y }), train: { epochs: 1 } });
    expect(events).toContainEqual({
      type: "warning",
      data: {
        code: "MANY_CLASSES",
        message: "the target has 60 classes in 60 training rows",
        hint: expect.stringContaining("`regression`"),
      },
    });
  });

  it("regresses in the target's own units", async () => {
    const x = Array.from({ length: 40 }, (_, row) => [row / 40]);
    const line = await load({
      x: matrix(x),
      y: { dtype: "F32", shape: [40], data: Float32Array.from(x, ([v]) => 1000 + 500 * v!) },
    });
    const { result } = learn({
      dataset: line,
      spec: { pipeline: "regression", backbone: { type: "mlp", hidden: [] } },
      train: { epochs: 60, batchSize: 8, optimizer: { type: "adam", learningRate: 0.05 } },
    });
    const { values } = predict({ registry, executor: createReference(), record: result.record }, [[0.5]]);
    expect((values as { data: Float32Array }).data[0]).toBeCloseTo(1250, -1);
    expect(result.metrics.mae).toBeLessThan(20);
  });

  it("gives several labels a row", async () => {
    const x = Array.from({ length: 40 }, (_, row) => [Math.sin(row), Math.cos(row * 1.7)]);
    const y = x.map(([a, b]) => [a! > 0 ? 1 : 0, b! > 0 ? 1 : 0]);
    const { result } = learn({
      dataset: await load({ x: matrix(x), y: matrix(y) }),
      spec: { pipeline: "multilabel" },
      train: { epochs: 60, batchSize: 8, optimizer: { type: "adam", learningRate: 0.05 } },
    });
    const { labels } = predict({ registry, executor: createReference(), record: result.record }, [
      [0.9, 0.9],
      [-0.9, -0.9],
    ]);
    expect(labels).toEqual([["0", "1"], []]);
  });
});

describe("early stopping", () => {
  it("ends the training, and restores the best epoch's weights", () => {
    const { result, events } = learn({
      dataset,
      validation: 0.3,
      spec: { backbone: { type: "mlp", hidden: [32] } },
      train: {
        epochs: 200,
        batchSize: 4,
        optimizer: { type: "adam", learningRate: 0.1 },
        earlyStopping: { patience: 3 },
      },
    });
    const losses = events.flatMap((event) => (event.type === "train.epoch" ? [event.data.validation!.loss] : []));
    const best = losses.indexOf(Math.min(...losses)) + 1;
    expect(result.stopped).toBe("earlyStopping");
    expect(result.epochs).toBe(best + 3);
    expect(result.bestEpoch).toBe(best);
    expect(result.validation!.loss).toBeCloseTo(losses[best - 1]!, 7);
  });

  it("can watch a metric that only full evaluation has", () => {
    const { result } = learn({
      dataset,
      validation: 0.3,
      train: { epochs: 4, earlyStopping: { monitor: "rocAuc", patience: 1 } },
    });
    expect(result.bestEpoch).toBeGreaterThan(0);
  });

  it.each([
    [{ earlyStopping: { monitor: "acuracy" } }, undefined, "earlyStopping.monitor"],
    [{ keepBest: { monitor: "acuracy" } }, 0.3, "keepBest.monitor"],
    [{ schedule: { type: "plateau", monitor: "acuracy" } }, 0.3, "schedule.monitor"],
  ])("refuses to watch what is not measured, before it begins: %j", (asked, validation, path) => {
    const told: string[] = [];
    const emit = ({ type }: { type: string }) => told.push(type);
    const fault = faultOf(() => learn({ dataset, validation, emit, train: { epochs: 2, ...asked } }));
    expect(fault).toMatchObject({ reason: "INVALID_PARAMS", violations: [{ path, got: "acuracy" }] });
    expect(fault.hint).toContain("did you mean `accuracy`");
    expect(told).toEqual([]);
  });

  it("can keep the best epoch without stopping", () => {
    const { result, events } = learn({
      dataset,
      validation: 0.3,
      spec: { backbone: { type: "mlp", hidden: [32] } },
      train: { epochs: 30, batchSize: 4, optimizer: { type: "adam", learningRate: 0.1 }, keepBest: true },
    });
    const losses = events.flatMap((event) => (event.type === "train.epoch" ? [event.data.validation!.loss] : []));
    expect(result.epochs).toBe(30);
    expect(result.validation!.loss).toBeCloseTo(Math.min(...losses), 7);
  });
});

describe("a budget", () => {
  it("of steps ends the training in the middle of an epoch, completed", () => {
    const { result } = learn({ dataset, train: { epochs: 10, batchSize: 10, budget: { steps: 8 } } });
    expect(result).toMatchObject({ outcome: "completed", stopped: "budget", steps: 8, epochs: 1 });
    expect(result.record.state).toBe("trained");
  });

  it("of seconds ends it too", () => {
    const { result } = learn({ dataset, train: { epochs: 1_000_000, budget: { seconds: 0.05 } } });
    expect(result).toMatchObject({ outcome: "completed", stopped: "budget" });
  });
});

describe("control", () => {
  it("cancels before the next step", () => {
    const control = newControl();
    const { result } = learn({
      dataset,
      control,
      train: { epochs: 1000, batchSize: 8 },
      emit: (event) => event.type === "train.epoch" && Atomics.store(control, 0, CONTROL.cancel),
    });
    expect(result).toMatchObject({ outcome: "cancelled", epochs: 1 });
  });

  it("gives up before the first step when it is stopped while weights are drawn", () => {
    const control = newControl();
    Atomics.store(control, 0, CONTROL.cancel);
    expect(faultOf(() => learn({ dataset, control }))).toMatchObject({ reason: "CANCELLED" });
  });

  it("cancels with the executor interrupted, and tells nothing after", () => {
    const interrupt = new Int32Array(new SharedArrayBuffer(4));
    const control = newControl();
    const executor = createMachine({ interrupt });
    const cancel = () => {
      Atomics.store(interrupt, 0, 1);
      Atomics.store(control, 0, CONTROL.cancel);
    };
    const { result, events } = learn({
      dataset,
      control,
      executor,
      validation: 0.2,
      train: { epochs: 1000, batchSize: 8 },
      emit: (event) => event.type === "train.progress" && event.data.done > 0 && cancel(),
    });
    expect(result.outcome).toBe("cancelled");
    expect(events.at(-1)!.type).toBe("train.progress");
  });

  it("pauses until it is told to go on, off the clock", async () => {
    const control = newControl();
    const waker = new Worker(
      `const { workerData: control } = require("node:worker_threads");
       Atomics.wait(control, 0, 0);
       setTimeout(() => { Atomics.store(control, 0, 0); Atomics.notify(control, 0); }, 300);`,
      { eval: true, workerData: control },
    );
    await new Promise((resolve) => waker.once("online", resolve));
    const pause = (epoch: number) => {
      if (epoch !== 1) return;
      Atomics.store(control, 0, CONTROL.pause);
      Atomics.notify(control, 0);
    };
    const before = performance.now();
    const { result } = learn({
      dataset,
      control,
      train: { epochs: 2 },
      emit: (event) => event.type === "train.epoch" && pause(event.data.epoch),
    });
    const waited = (performance.now() - before) / 1000 - result.seconds;
    expect(result.outcome).toBe("completed");
    expect(waited).toBeGreaterThan(0.25);
    await waker.terminate();
  });
});

describe("an executor that is interrupted", () => {
  it("answers no prediction rather than a half one", () => {
    const interrupt = new Int32Array(new SharedArrayBuffer(4));
    const executor = createMachine({ interrupt });
    const { record } = learn({ dataset, executor, train: { epochs: 1 } }).result;
    interrupt[0] = 1;
    expect(faultOf(() => predict({ registry, executor, record }, [[1, 2, 3]])).reason).toBe("CANCELLED");
  });
});

describe("published weights", () => {
  it("answer predictions while the training goes on", () => {
    const { published } = learn({ dataset, train: { epochs: 2 } });
    const early = published[0]!;
    const { labels } = predict({ registry, executor: createReference(), record: early }, [[1, 1, 1]]);
    expect(labels).toHaveLength(1);
    expect(early.weights!.lineage).toBe(published.at(-1)!.weights!.lineage);
    expect(published.at(-1)!.weights!.version).toBeGreaterThan(early.weights!.version);
  });
});

describe("a training that goes wrong", () => {
  const explode = { epochs: 50, batchSize: 8, optimizer: { type: "sgd", learningRate: 1e6 }, loss: "mse" };

  it("says at which step it diverged, and publishes no spoilt weights", async () => {
    const x = Array.from({ length: 40 }, (_, row) => [Math.sin(row), Math.cos(row)]);
    const line = await load({
      x: matrix(x),
      y: { dtype: "F32", shape: [40], data: Float32Array.from(x, ([v]) => v!) },
    });
    const published: ModelRecord[] = [];
    const fault = faultOf(() =>
      learn({
        dataset: line,
        spec: { pipeline: "regression" },
        train: explode,
        publish: (record) => published.push(record),
      }),
    );
    expect(fault.reason).toBe("DIVERGED");
    expect(fault.context).toMatchObject({ epoch: expect.any(Number), step: expect.any(Number) });
    expect(fault.hint).toContain("learning rate");
    // not even finite ones that are far worse than what it began with
    for (const record of published)
      expect(evaluate({ registry, executor: createReference(), record }, line).metrics.loss).toBeLessThan(10);
  });

  it("refuses data of one class, by name", async () => {
    const one = await load({
      x: matrix([[1], [2], [3]]),
      y: { dtype: "I32", shape: [3], data: Int32Array.from([4, 4, 4]) },
    });
    const fault = faultOf(() => learn({ dataset: one }));
    expect(fault.reason).toBe("DATA_INVALID");
    expect(fault.message).toContain("`4`");
  });

  it("refuses labels outside the model's classes", () => {
    const fault = faultOf(() => learn({ dataset, spec: { head: { type: "classification", classes: [0, "7"] } } }));
    expect(fault.reason).toBe("DATA_INVALID");
    expect(fault.violations[0]!.got).toBe("1");
  });

  it("trains on one row where one row is enough", async () => {
    const one = await load({ x: matrix([[1, 2]]), y: { dtype: "F32", shape: [1], data: Float32Array.from([5]) } });
    const { result } = learn({
      dataset: one,
      spec: { pipeline: "regression", backbone: { type: "mlp", norm: "batch" } },
      train: { epochs: 2 },
    });
    expect(Number.isFinite(result.loss)).toBe(true);
  });

  it("refuses to hold out a part of one row", async () => {
    const one = await load({ x: matrix([[1, 2]]), y: { dtype: "F32", shape: [1], data: Float32Array.from([5]) } });
    expect(faultOf(() => learn({ dataset: one, validation: 0.2, spec: { pipeline: "regression" } })).reason).toBe(
      "DATA_INVALID",
    );
  });

  it("refuses data of another shape than the spec's", () => {
    const fault = faultOf(() => learn({ dataset, spec: { input: { shape: [4] } } }));
    expect(fault.reason).toBe("SHAPE_MISMATCH");
    expect(fault.violations[0]).toMatchObject({ expected: "[4]", got: "[3]" });
  });

  it("learns with a constant feature and a missing value", async () => {
    const rows = Array.from({ length: 20 }, (_, row) => ({
      a: row === 3 ? null : row,
      b: 1,
      y: row > 9 ? "late" : "early",
    }));
    const { result } = learn({ dataset: await load({ rows, target: "y" }), train: { epochs: 2 } });
    expect(Number.isFinite(result.loss)).toBe(true);
  });
});
