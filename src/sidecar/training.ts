/** @file A training from the call that starts it to its last event: what the worker tells, as the job's states and events. */
import { availableParallelism } from "node:os";
import { Refusal, toWireError } from "../protocol/errors.ts";
import type { Meta } from "../protocol/schemas/primitives.ts";
import type { Calls, Notice } from "./calls.ts";
import { requestData } from "./data.ts";
import { hasEnded, type Job } from "./jobs.ts";
import { keepModel } from "./keep.ts";
import type { Model } from "./models.ts";
import type { Call } from "./requests.ts";
import type { Session } from "./session.ts";
import type { Task } from "./workers.ts";

type Training = Calls["train"];
type Params = Readonly<Record<string, unknown>>;
type Reference = Readonly<Record<string, unknown>>;

/** The tasks of jobs under way, for commands. */
const tasks = new WeakMap<Job, Task<unknown>>();
/** Those whose worker has read the data and is at its first steps, or past them. */
const begun = new WeakSet<Job>();
/** Those that were told to checkpoint and stop. */
const stopping = new WeakSet<Job>();

const NOWHERE_TO_KEEP = {
  code: "CHECKPOINT_NOT_SAVED",
  message: "there is nowhere to keep checkpoints",
  hint: "start the sidecar with `--data-dir`",
};

/** Makes a job's task known, for commands. */
export function track(job: Job, task: Task<unknown>): void {
  tasks.set(job, task);
}

/** From now on the job is told to end, rather than given up. */
export const markBegun = (job: Job): void => void begun.add(job);

export const isStopping = (job: Job): boolean => stopping.has(job);

/** What directs a job that has not ended: pause, run, cancel, checkpointAndStop. */
export function commandOf(job: Job): Task<unknown>["command"] {
  return (command) => tasks.get(job)?.command(command);
}

/**
 * Starts a training. Everything that can be known to be wrong without reading the data is refused here; what the data
 * shows to be wrong ends the job.
 * @param id of the job, from `jobs.nextId`.
 */
export async function startTraining(
  id: string,
  model: Model,
  { _meta, ...params }: Params & { readonly _meta?: Meta | undefined },
  session: Session,
  call: Call,
): Promise<Job> {
  refuseBusy(model);
  const options = optionsOf(params);
  session.learning.pipelines.parseTrainOptions(session.learning.registry, model.record, options);
  const request = await requestOf(model, params, session);
  if (call.abandoned) throw new Refusal("CANCELLED", "cancelled before it began");
  const job = session.jobs.open({ id, kind: "train", model: model.id, params, traceparent: _meta?.traceparent });
  follow(job, model, session, { ...request, checkpointPath: checkpointPath(job, session), resume: false });
  call.afterResponse(() => session.jobs.release(job));
  return job;
}

/** Goes on with a job of an earlier session, or of one that was stopped: from its checkpoint, or from the start where there is none. */
export function resumeInterrupted(job: Job, session: Session): void {
  const model = session.models.get(job.model);
  refuseBusy(model);
  job.state = "queued";
  job.endedAt = null;
  model.trainedBy = job.id;
  requestOf(model, job.params, session).then(
    (request) =>
      follow(job, model, session, { ...request, checkpointPath: checkpointPath(job, session), resume: true }),
    (thrown: unknown) => fail(job, model, session, thrown),
  );
}

/** Cancels a job: at its next step, or at once when it has not begun. */
export function cancelJob(job: Job): void {
  if (begun.has(job)) commandOf(job)("cancel");
  else tasks.get(job)?.abandon();
}

/** Stops all trainings so that the process can end: with a checkpoint where there is a data directory to put it. */
export async function stopTrainings(session: Session, command: "checkpointAndStop" | "cancel"): Promise<void> {
  const open = session.jobs.list().filter((job) => !hasEnded(job));
  await Promise.all(
    open.map((job) => {
      if (command === "cancel" || session.store === null) cancelJob(job);
      else if (!begun.has(job)) session.jobs.interrupt(job);
      else {
        stopping.add(job);
        commandOf(job)(command);
      }
      return new Promise<void>((resolve) => session.jobs.whenEnded(job, resolve));
    }),
  );
}

export function refuseBusy(model: Model): void {
  if (model.trainedBy === null) return;
  throw new Refusal("INVALID_STATE", `model ${model.id} is in training already, by job ${model.trainedBy}`, {
    hint: `wait for it with \`jobs.wait\`, or cancel it: jobs.cancel {"jobId":"${model.trainedBy}"}`,
  });
}

function checkpointPath({ id }: Job, { store }: Session): string | null {
  return store?.path("jobs", id, "checkpoint.safetensors") ?? null;
}

const USUAL_CHECKPOINT = { everySeconds: 10 };
/** `true` asks for an option with its defaults, `false` for none. */
const unlessBoolean = (value: unknown, usual: object): unknown =>
  value === true ? usual : value === false ? undefined : value;

function optionsOf({ model: _model, data: _data, validation: _validation, ...options }: Params): Params {
  const checkpoint = unlessBoolean(options.checkpoint ?? true, USUAL_CHECKPOINT);
  const earlyStopping = unlessBoolean(options.earlyStopping, {});
  const given = Object.entries({ ...options, checkpoint, earlyStopping }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

async function requestOf(model: Model, params: Params, session: Session) {
  const { validation = null } = params;
  return {
    model: { id: model.id, record: model.record },
    data: await requestData(params.data as Reference, session),
    validation:
      typeof validation === "number" || validation === null
        ? validation
        : await requestData(validation as Reference, session),
    options: optionsOf(params),
    threads: session.settings.threads ?? fairShare(session),
  };
}

/** Threads of a training, so that all of them together do not wait for cores. The result is the same for any number. */
function fairShare({ workers }: Session): number {
  return Math.max(1, Math.floor(availableParallelism() / (workers.trainings + 1)));
}

function follow(job: Job, model: Model, session: Session, request: Training["request"]): void {
  model.trainedBy = job.id;
  const task = session.workers.call("train", request, (notice) =>
    NOTICES[notice.kind](notice as never, job, model, session),
  );
  tasks.set(job, task);
  job.state = task.waiting ? "queued" : "running";
  job.startedAt ??= task.waiting ? null : new Date().toISOString();
  task.reply.then(
    (reply) => conclude(job, model, session, reply),
    (thrown: unknown) => fail(job, model, session, thrown),
  );
}

const NOTICES: {
  readonly [K in Notice["kind"]]: (
    notice: Extract<Notice, { kind: K }>,
    job: Job,
    model: Model,
    session: Session,
  ) => void;
} = {
  started({ data }, job, model, session) {
    if (job.state === "queued") job.state = "running";
    job.startedAt ??= new Date().toISOString();
    begun.add(job);
    session.jobs.emit(job, "job.started", { model: model.id, ...data });
    if (job.params.checkpoint && session.store === null) session.jobs.emit(job, "warning", NOWHERE_TO_KEEP);
  },
  event({ type, data }, job, _model, session) {
    session.jobs.emit(job, type, data);
  },
  published({ record }, _job, model) {
    model.record = record;
  },
};

async function conclude(job: Job, model: Model, session: Session, reply: Training["reply"]): Promise<void> {
  const { outcome, record, ...result } = reply;
  if (outcome === "checkpointed") {
    model.trainedBy = null;
    session.jobs.interrupt(job);
    return;
  }
  model.record = record;
  await keepModel(model, session).catch((thrown: unknown) => {
    session.jobs.emit(job, "warning", {
      code: "NOT_KEPT",
      message: `the trained model could not be kept: ${String(thrown)}`,
    });
  });
  model.trainedBy = null;
  session.jobs.finish(job, outcome, { result });
}

function fail(job: Job, model: Model, session: Session, thrown: unknown): void {
  model.trainedBy = null;
  const error = toWireError(thrown);
  const isCancelled = error.data.reason === "CANCELLED";
  if (isCancelled && stopping.has(job)) session.jobs.interrupt(job);
  else if (isCancelled) session.jobs.finish(job, "cancelled", {});
  else session.jobs.finish(job, "failed", { error });
}
