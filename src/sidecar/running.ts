/** @file A run's training from the call that starts it to its last event, and runs across restarts. */
import { statSync } from "node:fs";
import { Refusal, toWireError } from "../protocol/errors.ts";
import type { Meta } from "../protocol/schemas/primitives.ts";
import { readData } from "./data.ts";
import type { Job } from "./jobs.ts";
import { keepModel } from "./keep.ts";
import type { Model } from "./models.ts";
import type { Call } from "./requests.ts";
import type { RunCalls, RunNotice } from "./runCalls.ts";
import type { Run } from "./runs.ts";
import type { Session } from "./session.ts";
import { isStopping, markBegun, refuseBusy, track } from "./training.ts";

interface TrainParams {
  readonly run: string;
  readonly totalSteps: number;
  readonly stopReturn?: number | undefined;
  readonly budget?: { readonly seconds?: number | undefined } | undefined;
  readonly checkpoint?:
    | boolean
    | { readonly everySteps?: number | undefined; readonly everySeconds?: number | undefined }
    | undefined;
}

type Wishes = RunCalls["train"]["request"]["wishes"];

const CHECKPOINT = "checkpoint.safetensors";
const USUAL_SECONDS = 10;
/** What a cancelled run gets to hear of it: one piece of learning, or one step. */
const HEARING_MILLISECONDS = 2000;

function wishesOf({ totalSteps, stopReturn, budget, checkpoint = true }: TrainParams): Wishes {
  const { everySteps, everySeconds } = typeof checkpoint === "boolean" ? {} : checkpoint;
  const usual = checkpoint !== false && everySteps === undefined ? USUAL_SECONDS : null;
  return {
    totalSteps,
    stopReturn: stopReturn ?? null,
    seconds: budget?.seconds ?? null,
    checkpoint: { everySteps: everySteps ?? null, everySeconds: everySeconds ?? usual },
  };
}

/** Where a run's checkpoint lies; null without a data directory. */
export const checkpointOf = (id: string, { store }: Session): string | null =>
  store?.path("runs", id, CHECKPOINT) ?? null;

/** @param id of the job, from `jobs.nextId` */
export function startRunTraining(
  id: string,
  run: Run,
  { _meta, ...params }: TrainParams & { readonly _meta?: Meta | undefined },
  session: Session,
  call: Call,
): Job {
  const model = session.models.get(run.model);
  refuseBusy(model);
  if ((run.raw as { environment: { type: string } }).environment.type === "host") throw hostsOwn();
  const job = session.jobs.open({
    id,
    kind: "rl",
    model: model.id,
    params: { ...params },
    traceparent: _meta?.traceparent,
  });
  const wishes = wishesOf(params);
  follow(job, run, model, session, () => run.ask("train", { wishes, resume: false }));
  call.afterResponse(() => session.jobs.release(job));
  return job;
}

interface ImitateParams {
  readonly run: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** @param id of the job, from `jobs.nextId` */
export async function startImitation(
  id: string,
  run: Run,
  { _meta, ...params }: ImitateParams & { readonly _meta?: Meta | undefined },
  session: Session,
  call: Call,
): Promise<Job> {
  const model = session.models.get(run.model);
  refuseBusy(model);
  const { options, dataset } = await imitationOf(params, session, call);
  if (call.abandoned) throw new Refusal("CANCELLED", "cancelled before it began");
  refuseBusy(model);
  const job = session.jobs.open({
    id,
    kind: "rl",
    model: model.id,
    params: { ...params },
    traceparent: _meta?.traceparent,
  });
  follow(job, run, model, session, () => run.ask("imitate", { options, dataset }));
  call.afterResponse(() => session.jobs.release(job));
  return job;
}

async function imitationOf({ data, ...raw }: ImitateParams, session: Session, call?: Call) {
  const { pipelines, registry } = session.learning;
  const { run, ...wanted } = raw;
  const { policy } = pipelines.parseRun(registry, session.runs.get(run).raw);
  const options = pipelines.parseCloning(registry, policy, wanted);
  const { dataset } = await readData(data, session, call);
  return { options, dataset };
}

/**
 * Goes on with a job of an earlier session, or with one that was stopped, from the run's checkpoint. An imitation has none:
 * it begins anew, from what the policy was before.
 */
export function resumeRunTraining(job: Job, session: Session): void {
  const params = job.params as unknown as TrainParams | ImitateParams;
  const run = session.runs.get(params.run);
  const model = session.models.get(job.model);
  refuseBusy(model);
  job.endedAt = null;
  if ("data" in params) {
    model.trainedBy = job.id;
    follow(job, run, model, session, async () => run.ask("imitate", await imitationOf(params, session)));
  } else follow(job, run, model, session, () => run.ask("train", { wishes: wishesOf(params), resume: true }));
}

type Reply = RunCalls["train" | "imitate"]["reply"];

function follow(job: Job, run: Run, model: Model, session: Session, ask: () => Promise<Reply>): void {
  model.trainedBy = job.id;
  run.command("run");
  run.listener = (notice) => hear(notice, job, model, session);
  const reply = ask();
  const command: Run["command"] = (word) => {
    run.command(word);
    if (word !== "cancel") return;
    const end = () => {
      if (model.trainedBy === job.id) run.stop(new Refusal("CANCELLED", "cancelled"));
    };
    setTimeout(end, HEARING_MILLISECONDS).unref();
  };
  track(job, { waiting: false, reply, command, abandon: () => command("cancel") });
  job.state = "running";
  job.startedAt ??= new Date().toISOString();
  reply.then(
    (result) => conclude(job, run, model, session, result),
    (thrown: unknown) => fail(job, run, model, session, thrown),
  );
}

function hear(notice: RunNotice, job: Job, model: Model, session: Session): void {
  if (notice.kind === "started") {
    markBegun(job);
    session.jobs.emit(job, "job.started", { model: model.id, run: (job.params as unknown as TrainParams).run });
  } else if (notice.kind === "event") session.jobs.emit(job, notice.type, notice.data);
}

async function conclude(
  job: Job,
  run: Run,
  model: Model,
  session: Session,
  { outcome, record, ...result }: Reply,
): Promise<void> {
  model.record = record;
  await keepModel(model, session).catch((thrown: unknown) => {
    const message = `the policy could not be kept: ${String(thrown)}`;
    session.jobs.emit(job, "warning", { code: "NOT_KEPT", message });
  });
  model.trainedBy = null;
  followHost(run, model, session);
  if (outcome === "checkpointed") session.jobs.interrupt(job);
  else session.jobs.finish(job, outcome, { result: { ...result } });
}

function fail(job: Job, run: Run, model: Model, session: Session, thrown: unknown): void {
  model.trainedBy = null;
  followHost(run, model, session);
  const error = toWireError(thrown);
  const isCancelled = error.data.reason === "CANCELLED";
  if (isCancelled && isStopping(job)) session.jobs.interrupt(job);
  else if (isCancelled) session.jobs.finish(job, "cancelled", {});
  else session.jobs.finish(job, "failed", { error });
}

interface Entry {
  readonly raw: unknown;
  readonly model: string;
  readonly createdAt: string;
}

/** Writes what is needed to open the run again. Without a data directory, does nothing. */
export function keepRun({ id, raw, model, createdAt }: Run, { store }: Session): void {
  store?.writeJson("runs", id, "run.json", { raw, model, createdAt } satisfies Entry);
}

/** While no job trains a run, its checkpoints are a host's: the policy is kept beside each, so that it acts after a restart, too. */
export function followHost(run: Run, model: Model, session: Session): void {
  run.listener = (notice) => {
    if (notice.kind !== "event" || notice.type !== "checkpoint.saved") return;
    keepModel(model, session).catch((thrown: unknown) =>
      session.log("error", "a policy could not be kept", { run: run.id, reason: String(thrown) }),
    );
  };
}

/** The runs of earlier sessions whose models are there; their threads start when they are asked something, or to catch up. */
export async function restoreRuns(session: Session): Promise<void> {
  const { store, runs, models, log } = session;
  const behind: Promise<void>[] = [];
  for (const id of store?.ids("runs") ?? []) {
    runs.reserve(id);
    const complain = (thrown: unknown) => log("error", `run ${id} could not be restored: ${(thrown as Error).message}`);
    try {
      const entry = store!.readJson<Entry>("runs", id, "run.json");
      if (entry === null) continue;
      const { raw, createdAt } = entry;
      const model = models.get(entry.model);
      const run = runs.add({ id, raw, createdAt }, model, checkpointOf(id, session));
      followHost(run, model, session);
      if (isBehind(run, session)) behind.push(catchUp(run, model, session).catch(complain));
    } catch (thrown) {
      complain(thrown);
    }
  }
  await Promise.all(behind);
}

/** Whether the process died after a run was saved and before its policy was. */
function isBehind({ id, model }: Run, { store }: Session): boolean {
  const writtenAt = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return writtenAt(store!.path("runs", id, CHECKPOINT)) > writtenAt(store!.path("models", model, "saved/model.json"));
}

/** The policy becomes what the run goes on from. */
async function catchUp(run: Run, model: Model, session: Session): Promise<void> {
  await run.warm();
  keepModel(model, session).catch((thrown: unknown) =>
    session.log("error", "a policy could not be kept", { run: run.id, reason: String(thrown) }),
  );
}

/** Saves what hosts' runs have learned, before the process ends. */
export async function settleRuns(session: Session): Promise<void> {
  const { runs, models } = session;
  const open = runs.list().filter((run) => run.isOpen && models.get(run.model).trainedBy === null);
  await Promise.all(
    open.map(async (run) => {
      const model = models.get(run.model);
      const { record } = await run.ask("settle", {});
      model.record = record;
      await keepModel(model, session);
    }),
  );
}

function hostsOwn(): Refusal {
  return new Refusal("INVALID_STATE", "this run's environment is the host's", {
    hint: "step it with `rl.step`: learning happens on the way",
  });
}
