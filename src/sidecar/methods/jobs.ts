/** @file Methods that follow jobs and direct them. All are answered by the main thread, whatever the workers do. */
import { Refusal } from "../../protocol/errors.ts";
import type { ResultOf } from "../../protocol/methods.ts";
import { hasEnded, type Job } from "../jobs.ts";
import type { JobEvent } from "../journal.ts";
import { resumeRunTraining } from "../running.ts";
import type { Session } from "../session.ts";
import { cancelJob, commandOf, resumeInterrupted } from "../training.ts";
import { resumeWriting } from "../writing.ts";
import type { Handlers } from "./index.ts";

const MOST_EVENTS = 1000;
const ENVELOPE_BYTES = 2048;

const RESUMERS = { train: resumeInterrupted, rl: resumeRunTraining, generate: resumeWriting } as const;

type JobView = ResultOf<"jobs.get">["job"];

/** A job as hosts see it; what is not known yet is left out. */
export function viewOf(job: Job, { jobs }: Session): JobView {
  const { params: _, progress, result, error, ...facts } = job;
  return {
    ...facts,
    lastSeq: jobs.lastSeq(job),
    ...(job.state === "interrupted" ? { resumable: true } : {}),
    ...(progress !== null && !hasEnded(job) ? { progress } : {}),
    ...(result === null ? {} : { result }),
    ...(error === null ? {} : { error }),
  } as JobView;
}

function notPossible(job: Job, verb: string, hint: string): Refusal {
  return new Refusal("INVALID_STATE", `job ${job.id} is ${job.state}, and cannot be ${verb}`, { hint });
}

export const jobMethods: Handlers<`jobs.${string}`> = {
  "jobs.get": ({ jobId }, session) => ({ job: viewOf(session.jobs.get(jobId), session) }),

  "jobs.list": ({ state }, session) => ({
    jobs: session.jobs
      .list()
      .filter((job) => state === undefined || job.state === state)
      .map((job) => viewOf(job, session)),
  }),

  "jobs.wait"({ jobId, timeoutMs }, session, call) {
    const job = session.jobs.get(jobId);
    if (hasEnded(job) || timeoutMs === 0) return { job: viewOf(job, session) };
    return new Promise((resolve) => {
      const stop = () => {
        clearTimeout(timer);
        stopWaiting();
        resolve({ job: viewOf(job, session) });
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(stop, Math.min(timeoutMs, 2 ** 31 - 1));
      const stopWaiting = session.jobs.whenEnded(job, stop);
      call.onAbandoned(stop);
    });
  },

  "jobs.cancel"({ jobId }, session) {
    const job = session.jobs.get(jobId);
    if (job.state === "interrupted") session.jobs.finish(job, "cancelled", {});
    else if (!hasEnded(job)) cancelJob(job);
    return { job: viewOf(job, session) };
  },

  "jobs.pause"({ jobId }, session) {
    const job = session.jobs.get(jobId);
    if (job.state === "paused") return { job: viewOf(job, session) };
    if (job.state !== "running") throw notPossible(job, "paused", "only a running job can be paused");
    commandOf(job)("pause");
    job.state = "paused";
    return { job: viewOf(job, session) };
  },

  "jobs.resume"({ jobId }, session) {
    const job = session.jobs.get(jobId);
    if (job.state === "running" || job.state === "queued") return { job: viewOf(job, session) };
    if (job.state === "interrupted") RESUMERS[job.kind](job, session);
    else if (job.state !== "paused") throw notPossible(job, "resumed", "start a new one with `train.start`");
    else {
      commandOf(job)("run");
      job.state = "running";
    }
    return { job: viewOf(job, session) };
  },

  "jobs.events"({ jobId, afterSeq = 0, limit = MOST_EVENTS }, session) {
    const job = session.jobs.get(jobId);
    const events = session.jobs.events(job, afterSeq, Math.min(limit, MOST_EVENTS));
    return {
      events: [...upToBytes(events, session.connection.maxLineBytes - ENVELOPE_BYTES)] as never,
      lastSeq: session.jobs.lastSeq(job),
    };
  },
};

/** As many as fit in a line, but at least one: the host asks again for what comes after them. */
function* upToBytes(events: readonly JobEvent[], bytes: number): Generator<JobEvent> {
  let left = bytes;
  for (const event of events) {
    left -= Buffer.byteLength(JSON.stringify(event)) + 1;
    if (left < 0 && event !== events[0]) return;
    yield event;
  }
}
