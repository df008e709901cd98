/** @file A job in the host's hands: its events as they come, its end as a promise, and what steers it. */
import type { Event, ResultOf } from "../../src/protocol/index.ts";
import type { CallOptions, Connection } from "./connection.ts";
import { SidecarError } from "./errors.ts";

export type JobView = ResultOf<"jobs.get">["job"];
export type TrainingResult = NonNullable<JobView["result"]>;

export interface Job extends AsyncIterable<Event> {
  readonly id: string;
  /** The job as the call that started it saw it. */
  readonly started: JobView;
  /** Every event from the first to the last, for as many readers as like; stopping to read stops nothing. */
  events(options?: { signal?: AbortSignal }): AsyncGenerator<Event, void, undefined>;
  /**
   * What the job has achieved, when it has ended.
   * @throws SidecarError with the reason it failed for; CANCELLED where it was cancelled.
   */
  result(options?: CallOptions): Promise<TrainingResult>;
  get(): Promise<JobView>;
  cancel(): Promise<JobView>;
  pause(): Promise<JobView>;
  resume(): Promise<JobView>;
}

export function toJob(started: JobView, { call, events }: Connection): Job {
  const { id } = started;
  const about = { jobId: id };
  const follow = ({ signal }: { signal?: AbortSignal } = {}) => events.follow(id, signal);
  const view = async (method: "jobs.get" | "jobs.cancel" | "jobs.pause" | "jobs.resume") =>
    (await call(method, about)).job;
  return {
    id,
    started,
    events: follow,
    [Symbol.asyncIterator]: () => follow(),
    async result(options) {
      const { job } = await call("jobs.wait", about, options);
      if (job.state === "completed") return job.result ?? { epochs: 0 };
      const error = job.error ?? {
        code: -32800,
        message: `job ${id} is ${job.state}`,
        data: { reason: "CANCELLED", retryable: true },
      };
      throw new SidecarError(`job ${id}`, error as never);
    },
    get: () => view("jobs.get"),
    cancel: () => view("jobs.cancel"),
    pause: () => view("jobs.pause"),
    resume: () => view("jobs.resume"),
  };
}

/** The pieces of what a job writes. @throws as `Job.result` does, after the last of them */
export async function* textOf(job: Job): AsyncGenerator<string, void, undefined> {
  let hasEnded = false;
  try {
    for await (const event of job) if (event.type === "generate.text") yield event.data.text;
    hasEnded = true;
    await job.result();
  } finally {
    if (!hasEnded) await job.cancel();
  }
}
