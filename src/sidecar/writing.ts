/** @file A language model that writes as a job: from the call that starts it to its last event. */
import type { GenerateOptions } from "../pipelines/index.ts";
import { Refusal, toWireError } from "../protocol/errors.ts";
import type { ParsedParams } from "../protocol/methods.ts";
import type { Calls } from "./calls.ts";
import type { Job } from "./jobs.ts";
import type { Model } from "./models.ts";
import type { Call } from "./requests.ts";
import type { Session } from "./session.ts";
import { isStopping, markBegun, track } from "./training.ts";

type Wishes = Omit<ParsedParams<"generate">, "model" | "_meta">;
type Writing = Calls["write"];

/** What is asked of the worker, with every default filled in. */
export function generationOf({ prompt, ...wishes }: Wishes): Omit<Writing["request"], "model"> {
  const { maxNewTokens = 100, temperature = 1, topK, topP, seed = 0, stop = [] } = wishes;
  return { prompt, options: { maxNewTokens, temperature, topK, topP, seed, stop: [stop].flat() } };
}

/** @param id of the job, from `jobs.nextId` */
export function startWriting(
  id: string,
  model: Model,
  { _meta, model: _model, ...params }: ParsedParams<"generate.start">,
  session: Session,
  call: Call,
): Job {
  if (call.abandoned) throw new Refusal("CANCELLED", "cancelled before it began");
  const { traceparent } = _meta ?? {};
  const job = session.jobs.open({ id, kind: "generate", model: model.id, params, traceparent });
  follow(job, model, session);
  call.afterResponse(() => session.jobs.release(job));
  return job;
}

/** Begins anew, which comes to the same text: the seed decides it. */
export function resumeWriting(job: Job, session: Session): void {
  const model = session.models.get(job.model);
  job.endedAt = null;
  follow(job, model, session);
}

function follow(job: Job, { id, record }: Model, session: Session): void {
  const asked = generationOf(job.params as unknown as Wishes);
  const task = session.workers.call("write", { model: { id, record }, ...asked }, (notice) => {
    if (notice.kind === "started") {
      begin(job);
      session.jobs.emit(job, "job.started", { model: id, ...notice.data });
    } else if (notice.kind === "event") {
      job.progress = progressOf(notice.data, asked.options);
      session.jobs.emit(job, notice.type, notice.data);
    }
  });
  track(job, task);
  job.state = task.waiting ? "queued" : "running";
  task.reply.then(
    (result) => conclude(job, session, result),
    (thrown: unknown) => fail(job, session, thrown),
  );
}

function begin(job: Job): void {
  if (job.state === "queued") job.state = "running";
  job.startedAt ??= new Date().toISOString();
  markBegun(job);
}

function progressOf({ tokens, rate }: Readonly<Record<string, unknown>>, { maxNewTokens: total }: GenerateOptions) {
  return { done: tokens, total, unit: "tokens", rate };
}

function conclude(job: Job, session: Session, result: Writing["reply"]): void {
  if (result.finishReason !== "interrupted") session.jobs.finish(job, "completed", { result: { ...result } });
  else end(job, session, { result: { ...result } });
}

/** Ended by a command: to go on later, or for good. */
function end(job: Job, session: Session, outcome: { readonly result?: Readonly<Record<string, unknown>> }): void {
  if (isStopping(job)) session.jobs.interrupt(job);
  else session.jobs.finish(job, "cancelled", outcome);
}

function fail(job: Job, session: Session, thrown: unknown): void {
  const error = toWireError(thrown);
  if (error.data.reason === "CANCELLED") end(job, session, {});
  else session.jobs.finish(job, "failed", { error });
}
