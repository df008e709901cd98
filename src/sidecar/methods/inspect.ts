/** @file Methods that see inside models, in a worker. A model in training shows its last published weights. */
import { requestData } from "../data.ts";
import type { Call } from "../requests.ts";
import type { Session } from "../session.ts";
import type { Task } from "../workers.ts";
import type { Handlers } from "./index.ts";
import { inLine, refuseUntrained, resident } from "./inference.ts";

type Reply = Readonly<Record<string, unknown>>;

/** Waits for a worker's answer, and takes the files that are named in it as known to the host. */
async function answer(task: Task<Reply>, session: Session, call: Call): Promise<never> {
  call.onAbandoned(task.abandon);
  const reply = await task.reply;
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const { file } = value as { file?: { path?: unknown } };
    if (typeof file?.path === "string") session.scratch.answered(file.path);
    else for (const member of Object.values(value)) visit(member);
  };
  visit(reply);
  return reply as never;
}

export const inspectMethods: Handlers<"models.summary" | "models.inspect" | "models.explain"> = {
  "models.summary"({ model: name, input, outputs, freeze }, session, call) {
    const model = session.models.get(name);
    const options = {
      ...(input && { features: input.shape }),
      ...(outputs !== undefined && { outputs }),
      ...(freeze && { freeze }),
    };
    return inLine(model, session, call, () =>
      answer(session.workers.call("summary", { model: resident(model), options }), session, call),
    );
  },

  "models.inspect"({ model: name, inputs, data, _meta, ...options }, session, call) {
    const model = session.models.get(name);
    return inLine(model, session, call, async () => {
      refuseUntrained(model);
      const task = session.workers.call("inspect", {
        model: resident(model),
        inputs,
        data: data === undefined ? null : await requestData(data, session),
        options,
        tensors: _meta?.tensors ?? null,
        spillPath: session.scratch.reserve(".bin"),
      });
      return answer(task, session, call);
    });
  },

  "models.explain"({ model: name, inputs, baseline, _meta, ...options }, session, call) {
    const model = session.models.get(name);
    return inLine(model, session, call, () => {
      refuseUntrained(model);
      const task = session.workers.call("explain", {
        model: resident(model),
        inputs,
        baseline,
        options,
        tensors: _meta?.tensors ?? null,
        spillPath: session.scratch.reserve(".bin"),
      });
      return answer(task, session, call);
    });
  },
};
