/** @file Methods that use a model. They see the weights that were published last, in training or not. */
import type { DecodingOptions, ExecutorName } from "../../pipelines/index.ts";
import { Refusal } from "../../protocol/errors.ts";
import { requestData } from "../data.ts";
import type { Model } from "../models.ts";
import type { Call } from "../requests.ts";
import type { Session } from "../session.ts";
import { generationOf, startWriting } from "../writing.ts";
import type { Handlers } from "./index.ts";
import { viewOf } from "./jobs.ts";

/**
 * Runs `task` after all that the model was asked before, steps of a host's run that learns it among them, unless nobody wants the answer
 * any more.
 * @throws Refusal `NOT_FOUND` when the model was deleted meanwhile.
 */
export function inLine<T>(model: Model, session: Session, call: Call, task: () => T | Promise<T>): T | Promise<T> {
  const stepped = afterSteps(model, session);
  const begin = (): T | Promise<T> => {
    if (call.abandoned) return undefined as T;
    session.models.get(model.id);
    return task();
  };
  return session.lanes.run(model.id, () => (stepped === null ? begin() : stepped.then(begin)));
}

/** Resolves when a host's run has made the steps asked so far, and the model shows what they taught; null where no run is at work on it. */
function afterSteps(model: Model, { runs }: Session): Promise<void> | null {
  if (model.record.policy === undefined || model.trainedBy !== null) return null;
  const run = runs.learning(model.id);
  if (run === null || !run.isOpen) return null;
  const done = () => {};
  return run.ask("show", {}).then(done, done); // a run that cannot show what it knows leaves the model as it was
}

/** @throws Refusal `INVALID_STATE` */
export function refuseUntrained({ id, record, trainedBy }: Model): void {
  if (record.weights !== null) return;
  if (trainedBy === null) {
    const hint = `call ${record.policy === undefined ? "`train.start`" : "`rl.step` or `rl.train`"} first`;
    throw new Refusal("INVALID_STATE", `model ${id} has not been trained yet`, { hint });
  }
  throw new Refusal("INVALID_STATE", `model ${id} is in its first training, and no weights are published yet`, {
    retryable: true,
    hint: `wait for the first \`train.epoch\` of job ${trainedBy}, or for its end: jobs.wait {"jobId":"${trainedBy}"}`,
  });
}

export const resident = ({ id, record }: Model) => ({ id, record });

/** Only a file that was imported can be run by anything but the engine. */
function foreignExecutor(asked: ExecutorName | undefined, { id, record }: Model): ExecutorName | null {
  if (asked === undefined || record.spec.pipeline === "onnx" || asked === "engine") return asked ?? null;
  throw new Refusal("INVALID_PARAMS", `model ${id} is no imported file: the engine runs it`, {
    violations: [{ path: "executor", message: "of no use here", expected: "engine", got: asked }],
    hint: "export it and import the file to run it by onnxruntime",
  });
}

export const inferenceMethods: Handlers<"predict" | "generate" | "generate.start" | "evaluate"> = {
  predict({ model: name, inputs, decoding, executor, _meta }, session, call) {
    const model = session.models.get(name);
    return inLine(model, session, call, async () => {
      refuseUntrained(model);
      const task = session.workers.call("predict", {
        model: resident(model),
        inputs,
        decoding: (decoding as DecodingOptions | undefined) ?? null,
        executor: foreignExecutor(executor, model),
        tensors: _meta?.tensors ?? null,
        spillPath: session.scratch.reserve(".bin"),
      });
      call.onAbandoned(task.abandon);
      const { outputs, executor: ran } = await task.reply;
      for (const output of Object.values(outputs)) {
        const { file } = output as { file?: { path: string } };
        if (file !== undefined) session.scratch.answered(file.path);
      }
      return { outputs: outputs as never, ...(ran !== undefined && { executor: ran }) };
    });
  },

  generate({ model: name, _meta, ...wishes }, session, call) {
    const model = session.models.get(name);
    return inLine(model, session, call, async () => {
      refuseUntrained(model);
      const task = session.workers.call("generate", { model: resident(model), ...generationOf(wishes) });
      call.onAbandoned(task.abandon);
      return (await task.reply) as never;
    });
  },

  "generate.start"(params, session, call, id) {
    const model = session.models.get(params.model);
    return inLine(model, session, call, () => {
      refuseUntrained(model);
      return { job: viewOf(startWriting(id, model, params, session, call), session) };
    });
  },

  evaluate({ model: name, data }, session, call) {
    const model = session.models.get(name);
    return inLine(model, session, call, async () => {
      refuseUntrained(model);
      const task = session.workers.call("evaluate", { model: resident(model), data: await requestData(data, session) });
      call.onAbandoned(task.abandon);
      return (await task.reply) as never;
    });
  },
};
