/** @file What a compute worker does for each call: a missing one does not compile. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "../pipelines/files/durable.ts";
import { encodeSafetensors } from "../pipelines/files/safetensors.ts";
import { writing } from "../pipelines/files/writing.ts";
import {
  describe,
  evaluate,
  executeImported,
  exportOnnx,
  exportPolicy,
  exportTraining,
  generate,
  isImported,
  isPolicy,
  loadAnyModel,
  parseTrainOptions,
  playEpisodes,
  policyOf,
  predict,
  saveModel,
  type TrainingEvent,
  type TrainingState,
  train,
  weightArrays,
} from "../pipelines/index.ts";
import { Refusal } from "../protocol/errors.ts";
import type { TensorValue } from "../protocol/tensor.ts";
import { act } from "./acting.ts";
import { type CallName, type Calls, CONTROL } from "./calls.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { decodeFeeds, readImport, usualExecutor, writeImported } from "./imports.ts";
import { inspections } from "./inspections.ts";
import { onlookerOf } from "./onlooker.ts";
import { quantizerFor } from "./quantizing.ts";
import { decodeInputs, load, machineOf, recordOf, tensorEncoder, type Workshop } from "./workshop.ts";

export type Computations = {
  readonly [C in CallName]: (
    request: Calls[C]["request"],
    workshop: Workshop,
  ) => Calls[C]["reply"] | Promise<Calls[C]["reply"]>;
};

const PROGRESS_MILLISECONDS = 50;

export const COMPUTATIONS: Computations = {
  async train(request, workshop) {
    const { registry, control, notify } = workshop;
    const record = recordOf(request.model, workshop);
    const dataset = await load(request.data, workshop);
    const { validation: held, checkpointPath } = request;
    const validation = held === null || typeof held === "number" ? (held ?? undefined) : await load(held, workshop);
    const resume = request.resume && checkpointPath !== null ? readCheckpoint(checkpointPath) : undefined;
    const executor = workshop.createMachine(request.threads);
    notify({ kind: "started", data: { rows: dataset.rows, data: dataset.name, hash: dataset.hash } });
    let progressAt = Number.NEGATIVE_INFINITY;
    let checkpoints: "saved" | "failing" = "saved";
    /** A training goes on without checkpoints when they cannot be written, and says so once. */
    const checkpoint = (path: string, state: TrainingState) => {
      try {
        writeCheckpoint(path, state);
        checkpoints = "saved";
      } catch (thrown) {
        const message = `the checkpoint could not be written: ${(thrown as Error).message}`;
        const data = { code: "CHECKPOINT_NOT_SAVED", message, hint: "the previous one, if any, is still there" };
        if (checkpoints === "saved") notify({ kind: "event", type: "warning", data });
        checkpoints = "failing";
      }
    };
    const emit = ({ type, data }: TrainingEvent) => {
      // A step may take less time than telling of it.
      const now = performance.now();
      if (type === "train.progress" && now - progressAt < PROGRESS_MILLISECONDS) return;
      if (type === "train.progress") progressAt = now;
      if (type === "checkpoint.saved" && checkpoints === "failing") return;
      notify({ kind: "event", type, data: data as never });
    };
    try {
      return train({
        registry,
        executor,
        record,
        dataset,
        validation,
        options: parseTrainOptions(registry, record, request.options),
        control,
        emit,
        publish: (published) => notify({ kind: "published", record: published }),
        checkpoint: checkpointPath === null ? undefined : (state) => checkpoint(checkpointPath, state),
        resume,
      });
    } finally {
      executor.close();
    }
  },

  async predict({ model, inputs, decoding, executor: asked, tensors, spillPath }, workshop) {
    const record = recordOf(model, workshop);
    const executor = machineOf(workshop);
    const encode = tensorEncoder(tensors, spillPath);
    const encoded = (outputs: Readonly<Record<string, unknown>>) =>
      Object.fromEntries(
        Object.entries(outputs).map(([name, value]) => [
          name,
          Array.isArray(value) ? value : encode(value as TensorValue),
        ]),
      );
    if (isImported(record)) {
      const ran = await executeImported(
        { executor, record },
        decodeFeeds(inputs, workshop),
        asked ?? usualExecutor(record),
      );
      return { outputs: encoded(ran.outputs), executor: ran.executor };
    }
    const rows = decodeInputs(inputs, record, workshop) as never;
    return {
      outputs: encoded(predict({ registry: workshop.registry, executor, record }, rows, decoding ?? undefined)),
    };
  },

  generate({ model, prompt, options }, workshop) {
    const record = recordOf(model, workshop);
    return generate({ registry: workshop.registry, executor: machineOf(workshop), record }, prompt, options);
  },

  write({ model, prompt, options }, workshop) {
    const record = recordOf(model, workshop);
    const context = { registry: workshop.registry, executor: machineOf(workshop), record };
    const began = performance.now();
    workshop.notify({ kind: "started", data: { maxNewTokens: options.maxNewTokens } });
    const { onlooker, tellRest } = onlookerOf(workshop);
    const { tokens, ...written } = generate(context, prompt, options, onlooker);
    tellRest(written.text, tokens.length);
    return { ...written, tokens: tokens.length, seconds: (performance.now() - began) / 1000 };
  },

  async evaluate({ model, data }, workshop) {
    const record = recordOf(model, workshop);
    const dataset = await load(data, workshop);
    const { confusion, classes, ...rest } = evaluate(
      { registry: workshop.registry, executor: machineOf(workshop), record },
      dataset,
    );
    return { ...rest, ...(confusion === undefined ? {} : { confusion: { classes, counts: confusion } }) };
  },

  act: (request, workshop) => act(request, recordOf(request.model, workshop), workshop),

  play(request, workshop) {
    const { registry, control } = workshop;
    const look = (): void => {
      if (Atomics.load(control, CONTROL.interrupt) !== 0) throw new Refusal("CANCELLED", "cancelled");
    };
    const context = { registry, executor: machineOf(workshop), record: policyOf(recordOf(request.model, workshop)) };
    return { ...playEpisodes(context, { ...request, look }) };
  },

  async loadData({ data }, workshop) {
    const dataset = await load(data, workshop);
    return { dataset, description: describe(dataset) as never };
  },

  describeData: async ({ data }, workshop) => describe(await load(data, workshop)) as never,

  async saveModel({ model, path }, workshop) {
    await saveModel(recordOf(model, workshop), path);
    const sizes = ["model.json", "weights.safetensors"].map(async (file) => (await stat(join(path, file))).size);
    return { bytes: (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) };
  },

  loadModel: ({ path }, { registry }) => loadAnyModel(registry, path),

  importModel: (request, workshop) => readImport(request, workshop),

  async exportModel({ model, format, path, opset: asked, verify, training, steps, ...request }, workshop) {
    const record = recordOf(model, workshop);
    const opset = asked ?? undefined;
    const file = { ...request.file, quantize: await quantizerFor(request, record, workshop) };
    if (format === "onnx-training") {
      const context = { registry: workshop.registry, record };
      return (await exportTraining(context, path, { training, steps, opset })) as never;
    }
    if (format === "onnx" && isPolicy(record)) {
      const context = { registry: workshop.registry, executor: machineOf(workshop), record };
      return (await exportPolicy(context, path, { opset, verify, ...file })) as never;
    }
    if (format === "onnx" && isImported(record))
      return (await writeImported(record, path, { ...file, verify, opset })) as never;
    if (format === "onnx") {
      const context = { registry: workshop.registry, executor: machineOf(workshop), record };
      return (await exportOnnx(context, path, { opset, verify, ...file })) as never;
    }
    await writing(path, async () => replaceFile(path, encodeSafetensors(weightArrays(record.weights!))));
    const bytes = await readFile(path);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { path, sha256, bytes: bytes.byteLength, opset: null };
  },

  ...inspections,
};
