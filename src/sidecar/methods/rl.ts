/** @file Methods that learn by acting, and policies at work. */
import { Refusal } from "../../protocol/errors.ts";
import type { ResultOf } from "../../protocol/methods.ts";
import { forgetRun, keepModel } from "../keep.ts";
import type { Model } from "../models.ts";
import { checkpointOf, followHost, keepRun, startImitation, startRunTraining } from "../running.ts";
import type { Run } from "../runs.ts";
import type { Session } from "../session.ts";
import type { Handlers } from "./index.ts";
import { inLine, refuseUntrained, resident } from "./inference.ts";
import { viewOf as jobView } from "./jobs.ts";
import { viewOf as modelView } from "./models.ts";

function runView(run: Run, session: Session): ResultOf<"rl.get">["run"] {
  const { pipelines, registry } = session.learning;
  const { algorithm, environment, policy, count, groups, autoreset, seed } = pipelines.parseRun(registry, run.raw);
  return {
    id: run.id,
    model: run.model,
    algorithm,
    environment,
    observation: shownSpace(policy.observation),
    action: shownSpace(policy.action),
    count,
    groups,
    autoreset,
    seed,
    createdAt: run.createdAt,
    job: session.models.get(run.model).trainedBy,
  };
}

type Space = ReturnType<Session["learning"]["pipelines"]["parseRun"]>["policy"]["observation"];

/** As a host may write it: bounds that are the same for all numbers stand once. */
function shownSpace(space: Space): Record<string, unknown> {
  if (space.type !== "box") return { ...space };
  const once = (bounds: readonly number[]) =>
    bounds.every((bound) => bound === bounds[0]) ? (bounds[0] ?? 0) : bounds;
  return { ...space, low: once(space.low), high: once(space.high) };
}

const both = (run: Run, model: Model, session: Session) => ({
  run: runView(run, session),
  model: modelView(model, session.learning),
});

/** @throws Refusal `INVALID_STATE` for a model that learned from data */
function refuseOther({ id, record }: Model): void {
  if (record.policy !== undefined) return;
  throw new Refusal("INVALID_STATE", `model ${id} is no policy`, { hint: "call `predict` or `evaluate`" });
}

export const rlMethods: Handlers<`rl.${string}` | `policy.${string}`> = {
  "rl.create"({ name = null, _meta, ...raw }, session) {
    const { pipelines, registry } = session.learning;
    const record = pipelines.createPolicyRecord(registry, pipelines.parseRun(registry, raw));
    const id = session.runs.nextId();
    const model = session.models.add(name, record);
    const createdAt = new Date().toISOString();
    session.store?.writeJson("models", model.id, "entry.json", { name, createdAt: model.createdAt, raw });
    const run = session.runs.add({ id, raw, createdAt }, model, checkpointOf(id, session));
    keepRun(run, session);
    followHost(run, model, session);
    void run.warm();
    return both(run, model, session);
  },

  "rl.train"(params, session, call, id) {
    return { job: jobView(startRunTraining(id, session.runs.get(params.run), params, session, call), session) };
  },

  async "rl.imitate"(params, session, call, id) {
    const job = await startImitation(id, session.runs.get(params.run), params, session, call);
    return { job: jobView(job, session) };
  },

  async "rl.step"({ run: name, _meta, ...sent }, session) {
    const run = session.runs.get(name);
    const { trainedBy } = session.models.get(run.model);
    if (trainedBy !== null) throw inTraining(trainedBy);
    return (await run.ask("step", { ...sent, form: _meta?.tensors })) as ResultOf<"rl.step">;
  },

  async "rl.save"({ run: name }, session) {
    const run = session.runs.get(name);
    const model = session.models.get(run.model);
    if (model.trainedBy !== null) throw inTraining(model.trainedBy);
    if (session.store === null) throw nowhereToSave();
    const reply = await run.ask("save", {});
    await keepModel(model, session);
    return { run: run.id, ...reply };
  },

  "rl.get"({ run: name }, session) {
    const run = session.runs.get(name);
    return both(run, session.models.get(run.model), session);
  },

  "rl.list": (_params, session) => ({ runs: session.runs.list().map((run) => runView(run, session)) }),

  "rl.close"({ run: name }, session) {
    const run = session.runs.get(name);
    const model = session.models.get(run.model);
    if (model.trainedBy !== null) throw inTraining(model.trainedBy);
    const putBack = session.runs.withdraw(run);
    return session.lanes.run(model.id, async () => {
      try {
        if (run.isOpen) model.record = (await run.ask("settle", {})).record;
      } catch (thrown) {
        putBack();
        throw thrown;
      }
      run.close();
      await forgetRun(run, model, session);
      return { closed: run.id, model: modelView(model, session.learning) };
    });
  },

  "policy.act"(params, session, call) {
    const { model: name, run, episodes, observations, mask, state, deterministic = true, seed = 0, _meta } = params;
    if (run !== undefined) {
      if (name !== undefined || episodes === undefined) throw eitherOr(name !== undefined);
      return askHosted(session, run, "act", { episodes, observations, mask, form: _meta?.tensors }) as never;
    }
    if (name === undefined || episodes !== undefined) throw eitherOr(name !== undefined);
    const model = session.models.get(name);
    refuseOther(model);
    return inLine(model, session, call, async () => {
      refuseUntrained(model);
      const task = session.workers.call("act", {
        model: resident(model),
        observations,
        mask: mask ?? null,
        state: state ?? null,
        deterministic,
        seed,
        tensors: _meta?.tensors ?? null,
      });
      call.onAbandoned(task.abandon);
      return (await task.reply) as never;
    });
  },

  "policy.reward": ({ run, _meta, ...told }, session) => askHosted(session, run, "reward", told) as never,
  "policy.end": ({ run, _meta, ...told }, session) => askHosted(session, run, "end", told) as never,

  "policy.evaluate"({ model: name, environment, episodes = 100, deterministic = true, seed = 0 }, session, call) {
    const model = session.models.get(name);
    refuseOther(model);
    return inLine(model, session, call, async () => {
      refuseUntrained(model);
      const request = { model: resident(model), environment: environment ?? null, episodes, deterministic, seed };
      const task = session.workers.call("play", request);
      call.onAbandoned(task.abandon);
      return (await task.reply) as never;
    });
  },
};

/** Asks a run what only one of a host's environment can answer. */
function askHosted(session: Session, name: string, call: "act" | "reward" | "end", request: object): Promise<unknown> {
  return session.runs
    .get(name)
    .ask(call, Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)));
}

function eitherOr(hasModel: boolean): Refusal {
  return new Refusal("INVALID_PARAMS", "policy.act: a `model` alone, or a `run` with `episodes`", {
    violations: [
      {
        path: hasModel ? "episodes" : "model",
        message: hasModel ? "belongs to a run" : "is missing",
        expected: "`model`, or `run` and `episodes`",
        got: hasModel ? "`model`" : "neither",
      },
    ],
    hint: "name the model to act without learning; name the run, and an episode for each row, to learn",
  });
}

function nowhereToSave(): Refusal {
  return new Refusal("INVALID_STATE", "runs are saved in a data directory, and there is none", {
    hint: "start with --data-dir; `models.save` writes the policy alone anywhere",
  });
}

function inTraining(jobId: string): Refusal {
  return new Refusal("INVALID_STATE", `the run is in training by job ${jobId}`, {
    hint: `wait for it with \`jobs.wait\`, or cancel it: jobs.cancel {"jobId":"${jobId}"}`,
  });
}
