import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createMachine, createReference } from "../../../src/engine/index.ts";
import { createModel, createRegistry, parseTrainOptions, type TrainingState } from "../../../src/pipelines/index.ts";
import { type BatchViews, orderOf } from "../../../src/pipelines/model/batches.ts";
import { defineAugmentation } from "../../../src/pipelines/registry/define.ts";
import { createBatchMaker, startAhead } from "../../../src/pipelines/training/ahead.ts";
import { augmentedBatch, createAugmenter, planAugmentation } from "../../../src/pipelines/training/augment.ts";
import { openBatches } from "../../../src/pipelines/training/batchSource.ts";
import { prepare } from "../../../src/pipelines/training/prepare.ts";
import { CONTROL } from "../../../src/pipelines/training/training.ts";
import { faultOf } from "../../support/fault.ts";
import { bitsOf, learn, load, lossCurve, newControl, registry } from "./rig.ts";

const ROWS = 50;
const WIDTH = 2 * 4 * 4;
/** Byte images [2, 4, 4] of two classes, told apart by their brightness. */
const images = await load({
  x: {
    dtype: "U8",
    shape: [ROWS, 2, 4, 4],
    data: Uint8Array.from({ length: ROWS * WIDTH }, (_, index) => {
      const row = Math.floor(index / WIDTH);
      return (row % 2) * 120 + ((index * 37 + row * 11) % 90);
    }),
  },
  y: { dtype: "I32", shape: [ROWS], data: Int32Array.from({ length: ROWS }, (_, row) => row % 2) },
});
const sequences = await load({
  x: { dtype: "F32", shape: [20, 6, 3], data: Float32Array.from({ length: 360 }, (_, index) => Math.sin(index)) },
  y: { dtype: "I32", shape: [20], data: Int32Array.from({ length: 20 }, (_, row) => row % 2) },
});
const AUGMENT = [{ type: "randomCrop", padding: 1 }, "randomHorizontalFlip", "gaussianNoise", "mixUp", "cutMix"];
const executor = createMachine();
afterAll(() => executor.close());

function prepared(augment: readonly unknown[], dataset = images, own = registry) {
  const record = createModel(own, { pipeline: "classification", backbone: { type: "mlp", hidden: [4] } });
  const options = parseTrainOptions(own, record, { augment, seed: 5, batchSize: 8 });
  const context = { registry: own, executor, record, dataset, options, control: newControl(), emit() {}, publish() {} };
  return prepare(context);
}

const BATCH = 8;
const plan = (augment: readonly unknown[]) => {
  const { record, training, options } = prepared(augment);
  return { ...planAugmentation(registry.augmentations, record, training, options), batch: BATCH, shuffle: true };
};

describe("an augmented row", () => {
  it("is the same in whichever batch and in whatever order it comes", () => {
    const augment = createAugmenter(plan(AUGMENT), registry.augmentations);
    const [together, alone] = [augmentedBatch(3, WIDTH), augmentedBatch(1, WIDTH)];
    augment(Int32Array.of(40, 7, 13), 2, together);
    augment(Int32Array.of(13), 2, alone);
    expect(alone.features).toEqual(together.features.slice(2 * WIDTH));
    expect(alone.shares[0]).toBe(together.shares[2]);
    expect(alone.partners[0]).toBe(together.partners[2]);
  });

  it("is another one in another epoch, and with another seed", () => {
    const one = plan(AUGMENT);
    const of = (seed: number, epoch: number): string => {
      const batch = augmentedBatch(1, WIDTH);
      createAugmenter({ ...one, seed }, registry.augmentations)(Int32Array.of(3), epoch, batch);
      return String(batch.features);
    };
    expect(new Set([of(5, 0), of(5, 1), of(6, 0), of(5 + 2 ** 40, 0)])).toHaveLength(4);
  });

  it("knows the range of bytes, and that of other numbers", () => {
    expect(plan(["mixUp"]).facts).toMatchObject({ shape: [2, 4, 4], low: 0, high: 255 });
    const { record, training, options } = prepared(["mixUp"], sequences);
    const { facts } = planAugmentation(registry.augmentations, record, training, options);
    expect(facts.low).toBeCloseTo(-1, 2);
    expect(facts.deviations).toHaveLength(3);
    for (const deviation of facts.deviations) expect(deviation).toBeCloseTo(Math.SQRT1_2, 1);
  });
});

describe("batches made ahead", () => {
  /** Waits until the thread is up: before, whoever needs a batch makes it. */
  async function awake(ahead: NonNullable<ReturnType<typeof startAhead>>): Promise<void> {
    const into = augmentedBatch(BATCH, WIDTH);
    for (let tries = 0; tries < 500 && !ahead.take(0, into); tries++) await new Promise((done) => setTimeout(done, 20));
  }

  it("have the bits of those that are made when they are needed, over several epochs and out of order", async () => {
    const wanted = plan(AUGMENT);
    const make = createBatchMaker(wanted, registry.augmentations);
    const ahead = startAhead(wanted)!;
    await awake(ahead);
    const [here, there] = [augmentedBatch(BATCH, WIDTH), augmentedBatch(BATCH, WIDTH)];
    for (const number of [0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 2, 3, 100, 0, 0, 1]) {
      expect(ahead.take(number, there)).toBe(true);
      make(number, here);
      const rows = number % 7 === 6 ? ROWS % BATCH : BATCH;
      expect(there.features.slice(0, rows * WIDTH)).toEqual(here.features.slice(0, rows * WIDTH));
      expect(there.partners.slice(0, rows)).toEqual(here.partners.slice(0, rows));
    }
    ahead.release();
  });

  it("make no difference to a source of batches", () => {
    const parts = prepared(AUGMENT);
    const views = (): BatchViews => ({
      features: new Float32Array(BATCH * WIDTH),
      target: new Int32Array(BATCH),
      weight: new Float32Array(BATCH),
      partner: new Int32Array(BATCH),
      share: new Float32Array(BATCH),
    });
    const sources = [true, false].map((prefetch) => openBatches(registry, parts, BATCH, prefetch));
    for (let number = 0; number < 20; number++) {
      const order = orderOf(ROWS, 5, Math.floor(number / 7), true);
      const [ahead, here] = sources.map((source) => {
        const into = views();
        source.fill(into, order, (number % 7) * BATCH, number);
        const rows = number % 7 === 6 ? 2 : BATCH;
        return { ...into, features: into.features.slice(0, rows * WIDTH) };
      });
      expect(ahead).toEqual(here);
    }
    for (const source of sources) source.release();
  });
});

describe("a training with augmentation", () => {
  const wishes = {
    dataset: images,
    validation: 0.2,
    executor,
    train: { epochs: 4, batchSize: 8, seed: 3, augment: AUGMENT, checkpoint: { everySteps: 1 } },
  };
  const whole = learn(wishes);

  it("replays to the bit", () => {
    expect(bitsOf(learn(wishes).result.record)).toBe(bitsOf(whole.result.record));
  });

  it("differs from one without", () => {
    const plain = learn({ ...wishes, train: { ...wishes.train, augment: [] } });
    expect(lossCurve(plain.events)).not.toEqual(lossCurve(whole.events));
  });

  it.each([3, 7])("goes on after checkpoint %i to the same bits", (after) => {
    const control = newControl();
    let saved = 0;
    let state: TrainingState | undefined;
    learn({
      ...wishes,
      control,
      checkpoint(now) {
        state = now;
        if (++saved === after) Atomics.store(control, 0, CONTROL.checkpointAndStop);
      },
    });
    const { result } = learn({ ...wishes, resume: state });
    expect(bitsOf(result.record)).toBe(bitsOf(whole.result.record));
  });

  it("whose augmentations change nothing has the bits of one without", () => {
    const train = (augment: unknown[]) => learn({ ...wishes, train: { ...wishes.train, augment } }).result.record;
    expect(bitsOf(train([{ type: "randomCrop", padding: 0 }]))).toBe(bitsOf(train([])));
  });

  it("learns in spite of mixing", () => {
    const train = { epochs: 60, batchSize: 10, augment: ["mixUp"], optimizer: { type: "adam", learningRate: 0.02 } };
    expect(learn({ ...wishes, train }).result.validation!.metrics.accuracy).toBe(1);
  });

  it("says what the reference executor says", () => {
    const train = { epochs: 2, batchSize: 8, augment: AUGMENT };
    const [machine, reference] = [executor, createReference()].map((each) =>
      lossCurve(learn({ ...wishes, executor: each, train }).events),
    );
    for (const [epoch, loss] of machine!.entries()) expect(loss).toBeCloseTo(reference![epoch]!, 4);
  });
});

describe("bytes", () => {
  it("are preprocessed in the graph to the bits of floats preprocessed before", async () => {
    const floats = Float32Array.from(images.columns[0]!.values);
    const y = { dtype: "I32", shape: [ROWS], data: Int32Array.from(images.columns[1]!.values) } as const;
    const dataset = await load({ x: { dtype: "F32", shape: [ROWS, 2, 4, 4], data: floats }, y });
    const [bytes, same] = [images, dataset].map((data) => learn({ dataset: data, executor, validation: 0.2 }));
    expect(bitsOf(bytes!.result.record)).toBe(bitsOf(same!.result.record));
    expect(bytes!.result.validation).toEqual(same!.result.validation);
  });
});

describe("an augmentation is refused", () => {
  const refused = (augment: unknown, dataset = images) =>
    faultOf(() => learn({ dataset, executor, train: { epochs: 1, augment } }));

  it("when there is none of its name, with the nearest one", () => {
    const fault = refused(["randomCrop", "randomFlipHorizontal"]);
    expect(fault).toMatchObject({ reason: "INVALID_PARAMS", violations: [{ path: "augment[1].type" }] });
    expect(refused(["mixup"]).hint).toBe("did you mean `mixUp`?");
  });

  it("when an option is wrong, by its path", () => {
    expect(refused([{ type: "randomCrop", padding: -1 }]).violations[0]!.path).toBe("augment[0].padding");
    expect(refused([{ padding: 1 }]).violations[0]!.path).toBe("augment[0].type");
  });

  it("when it changes images and rows are none", () => {
    expect(refused(["mixUp", "randomCrop"], sequences)).toMatchObject({
      reason: "INVALID_PARAMS",
      violations: [{ path: "augment[1].type", got: "[6, 3]" }],
    });
  });

  it("when the model takes columns", async () => {
    const table = await load({ builtin: "iris" });
    expect(refused(["gaussianNoise"], table)).toMatchObject({
      reason: "INVALID_PARAMS",
      violations: [{ path: "augment", got: expect.stringContaining("the columns") }],
    });
  });
});

it("a plugin's augmentation changes rows like our own", () => {
  const darken = defineAugmentation({
    type: "darken",
    description: "Halves every value",
    rows: "any",
    options: z.object({ by: z.number().default(2).describe("What values are divided by") }),
    prepare:
      (_facts, { by }) =>
      (values) => {
        for (let index = 0; index < values.length; index++) values[index]! /= by;
      },
  });
  const own = createRegistry([{ name: "dark", version: "1", augmentations: [darken] }]);
  const { record, training, options } = prepared(["darken"], images, own);
  const into = augmentedBatch(1, WIDTH);
  const made = { ...planAugmentation(own.augmentations, record, training, options), batch: 1, shuffle: false };
  createAugmenter(made, own.augmentations)(Int32Array.of(4), 0, into);
  expect(into.features).toEqual(Float32Array.from(images.columns[0]!.values.slice(4 * WIDTH, 5 * WIDTH), (v) => v / 2));
});
