/** @file Methods that make, keep, move and export models. */

import type { ImportedFile } from "../../pipelines/index.ts";
import { Refusal } from "../../protocol/errors.ts";
import type { ResultOf } from "../../protocol/methods.ts";
import { requestData } from "../data.ts";
import { giveBackSoon } from "../giveBack.ts";
import { forgetModel, keepModel } from "../keep.ts";
import type { Learning } from "../learning.ts";
import type { Model } from "../models.ts";
import { allowedPath } from "../paths.ts";
import type { Session } from "../session.ts";
import type { Handlers } from "./index.ts";
import { inLine, refuseUntrained, resident } from "./inference.ts";

type ModelView = ResultOf<"models.create">["model"];
type ModelCard = ResultOf<"models.get">["model"];
type Port = { name: string; dtype: string; shape: (number | string)[] };

/** What a host needs to call the model; null until it is known. */
function portsOf(
  { record }: Model,
  { pipelines, registry }: Learning,
): { inputs: Port[] | null; outputs: Port[] | null } {
  const { spec, signature, preprocessing, target } = record;
  if (pipelines.isImported(record)) {
    const { opened } = pipelines.openFile(record.imported);
    const named = (ports: typeof opened.inputs) =>
      ports.map(pipelines.portOf).map(({ shape, ...port }) => ({ ...port, shape: [...shape] }));
    return { inputs: named(opened.inputs), outputs: named(opened.outputs) };
  }
  if (pipelines.isPolicy(record)) {
    const { inputs, outputs } = pipelines.policyPorts(record.policy.spec);
    const copied = (ports: typeof inputs) => ports.map(({ shape, ...port }) => ({ ...port, shape: [...shape] }));
    return { inputs: copied(inputs), outputs: copied(outputs) };
  }
  if (signature === null || preprocessing === null || target === null) return { inputs: null, outputs: null };
  return {
    inputs: preprocessing.columns.map(({ name, kind, shape }) => ({
      name,
      dtype: kind === "category" || kind === "tokens" ? "STRING" : "F32",
      shape: kind === "tokens" ? ["batch"] : ["batch", ...shape],
    })),
    outputs: pipelines
      .outputPorts(registry, { spec, signature, target })
      .map(({ name, dtype, shape }) => ({ name, dtype, shape: ["batch", ...shape] })),
  };
}

export function viewOf(model: Model, learning: Learning): ModelView {
  const { id, name, record, trainedBy } = model;
  return {
    id,
    name,
    pipeline: record.spec.pipeline,
    state: trainedBy === null ? record.state : ("training" as const),
    parameters: record.parameters,
    bytes: record.weights?.buffer.byteLength ?? null,
    ...portsOf(model, learning),
  };
}

function cardOf(model: Model, learning: Learning): ModelCard {
  const { spec, seed, target, metrics, preprocessing, provenance } = model.record;
  return {
    ...viewOf(model, learning),
    spec,
    seed,
    createdAt: model.createdAt,
    classes: target?.kind === "classes" || target?.kind === "sequence" ? [...target.classes] : null,
    metrics: metrics?.validation ?? metrics?.training ?? null,
    preprocessing,
    provenance,
  } as unknown as ModelCard;
}

/** Of a backbone `onnx`: the file of the model that it names. */
function fileFor(backbone: unknown, { models }: Session): ImportedFile | undefined {
  const { type, model } = (backbone ?? {}) as { type?: unknown; model?: unknown };
  if (type !== "onnx" || typeof model !== "string") return undefined;
  const { imported } = models.get(model).record;
  if (imported !== undefined) return imported;
  throw new Refusal("INVALID_PARAMS", `model ${JSON.stringify(model)} was not imported`, {
    violations: [
      { path: "backbone.model", message: "has no file", expected: "a model of `models.import`", got: model },
    ],
    hint: "call `models.import` first, and give the id that it answers",
  });
}

const ENDINGS = { onnx: ".onnx", safetensors: ".safetensors", "onnx-training": ".onnx" } as const;
const STEPS_IN_LOOP = 50;

/** What only one format has. */
const OF_FORMAT: Readonly<Record<string, readonly (keyof typeof ENDINGS)[]>> = {
  training: ["onnx-training"],
  steps: ["onnx-training"],
  opset: ["onnx", "onnx-training"],
  weights: ["onnx"],
  externalData: ["onnx"],
  quantize: ["onnx"],
  data: ["onnx"],
  license: ["onnx"],
  author: ["onnx"],
  description: ["onnx"],
};

function refuseForeign(format: keyof typeof ENDINGS, given: Readonly<Record<string, unknown>>): void {
  const foreign = Object.keys(given).filter(
    (name) => given[name] !== undefined && !(OF_FORMAT[name] ?? [format]).includes(format),
  );
  const [first] = foreign;
  if (first === undefined) return;
  const own = OF_FORMAT[first]!.join(" or ");
  throw new Refusal("INVALID_PARAMS", `\`${first}\` belongs to the format ${own}`, {
    violations: foreign.map((path) => ({ path, message: "of no use here", expected: "left out", got: format })),
    hint: `leave it out, or ask for the format ${own}`,
  });
}

/** What says nothing without `quantize`, or something else than it. */
function refuseIdle({ quantize, data, weights }: { quantize?: unknown; data?: unknown; weights?: unknown }): void {
  const isIdle = quantize === undefined && data !== undefined;
  const isDouble = quantize !== undefined && weights !== undefined;
  if (!isIdle && !isDouble) return;
  const [path, message] = isIdle
    ? ["data", "of no use without `quantize`"]
    : ["weights", "`quantize` stores them as bytes"];
  throw new Refusal("INVALID_PARAMS", `\`${path}\`: ${message}`, {
    violations: [{ path, message, expected: "left out", got: String(isIdle ? "a data reference" : weights) }],
    hint: isIdle ? 'leave it out, or ask for `quantize: "int8-static"`' : "leave one of the two out",
  });
}

/** Of what a model keeps in shared memory. */
const bytesOf = ({ weights, imported }: Model["record"]): number =>
  (weights?.buffer.byteLength ?? 0) + (imported?.bytes.byteLength ?? 0);

type Seeing = "models.summary" | "models.inspect" | "models.explain";

export const modelMethods: Omit<Handlers<`models.${string}`>, Seeing> = {
  "models.create"({ name = null, _meta, ...raw }, session) {
    const { pipelines, registry } = session.learning;
    const model = session.models.add(name, pipelines.createModel(registry, raw, fileFor(raw.backbone, session)));
    session.workers.warm();
    session.store?.writeJson("models", model.id, "entry.json", { name, createdAt: model.createdAt, raw });
    return { model: viewOf(model, session.learning) };
  },

  async "models.ensemble"({ models, combine, name = null }, session, _call, id) {
    const { pipelines, registry } = session.learning;
    const records = models.map((member) => session.models.get(member).record);
    const model = session.models.add(name, pipelines.createEnsemble(registry, records, combine), id);
    await keepModel(model, session);
    return { model: viewOf(model, session.learning) };
  },

  "models.get"({ model: name }, session, call) {
    const model = session.models.get(name);
    return inLine(model, session, call, () => ({ model: cardOf(model, session.learning) }));
  },

  "models.list": (_params, { models, learning }) => ({ models: models.list().map((model) => viewOf(model, learning)) }),

  "models.delete"({ model: name }, session, call) {
    const model = session.models.get(name);
    return inLine(model, session, call, async () => {
      if (model.trainedBy !== null) {
        throw new Refusal("INVALID_STATE", `model ${model.id} is in training by job ${model.trainedBy}`, {
          hint: `cancel it first: jobs.cancel {"jobId":"${model.trainedBy}"}`,
        });
      }
      const run = session.runs.list().find((each) => each.model === model.id);
      if (run !== undefined) {
        throw new Refusal("INVALID_STATE", `model ${model.id} is what run ${run.id} learns`, {
          hint: `close that first: rl.close {"run":"${run.id}"}`,
        });
      }
      session.models.delete(model);
      const bytes = bytesOf(model.record);
      session.workers.forget({ id: model.id, bytes });
      giveBackSoon(bytes);
      await forgetModel(model, session);
      return { deleted: model.id };
    });
  },

  "models.save"({ model: name, path }, session, call) {
    const model = session.models.get(name);
    const folder = allowedPath(path, session.settings.roots);
    return inLine(model, session, call, async () => {
      refuseUntrained(model);
      const task = session.workers.call("saveModel", { model: resident(model), path: folder });
      call.onAbandoned(task.abandon);
      return { path: folder, ...(await task.reply) };
    });
  },

  async "models.import"({ path, b64, name = null }, session, call, id) {
    if ((path === undefined) === (b64 === undefined)) {
      throw new Refusal("INVALID_PARAMS", "give `path` or `b64`, one of the two", {
        violations: [
          {
            path: "path",
            message: "one of `path` and `b64`",
            expected: "one",
            got: path === undefined ? "neither" : "both",
          },
        ],
        hint: "`path` for a file, `b64` for its bytes",
      });
    }
    const file = path === undefined ? null : allowedPath(path, session.settings.roots);
    const task = session.workers.call("importModel", { path: file, b64: b64 ?? null });
    call.onAbandoned(task.abandon);
    const { record, report } = await task.reply;
    const model = session.models.add(name, record, id);
    await keepModel(model, session);
    return { model: viewOf(model, session.learning), report: report as never };
  },

  async "models.load"({ path, name = null }, session, call, id) {
    const task = session.workers.call("loadModel", { path: allowedPath(path, session.settings.roots) });
    call.onAbandoned(task.abandon);
    const model = session.models.add(name, await task.reply, id);
    await keepModel(model, session);
    return { model: viewOf(model, session.learning) };
  },

  "models.export"({ model: name, format, path, opset, verify = true, _meta, ...given }, session, call) {
    const { training, steps, weights, externalData, license, author, description, quantize, data } = given;
    const model = session.models.get(name);
    const file = path === undefined ? session.scratch.path(ENDINGS[format]) : allowedPath(path, session.settings.roots);
    return inLine(model, session, call, async () => {
      refuseUntrained(model);
      refuseForeign(format, { opset, ...given });
      refuseIdle(given);
      const own = {
        training: training ?? {},
        steps: steps ?? STEPS_IN_LOOP,
        file: { weights, externalData, about: { license, author, description } },
        quantize: quantize ?? null,
        data: data === undefined ? null : await requestData(data, session),
      };
      const request = { model: resident(model), format, path: file, opset: opset ?? null, verify, ...own };
      const task = session.workers.call("exportModel", request);
      call.onAbandoned(task.abandon);
      return (await task.reply) as never;
    });
  },
};
