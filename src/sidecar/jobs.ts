/**
 * @file The jobs: their states, their numbered events, and who waits for them. A job's events begin once the response that
 * announces it is on its way; progress that the host has no time to read is replaced by newer progress.
 */
import type { WireError } from "../protocol/errors.ts";
import { Refusal } from "../protocol/errors.ts";
import { type JobEvent, type Journal, openJournal } from "./journal.ts";
import type { Log } from "./log.ts";
import { numberOf, type Store } from "./store.ts";

export type JobState = "queued" | "running" | "paused" | "completed" | "failed" | "cancelled" | "interrupted";
type FinalState = "completed" | "failed" | "cancelled";
type Data = Readonly<Record<string, unknown>>;

/** What was asked: enough to ask it again after a restart. */
export interface JobRequest {
  readonly id: string;
  readonly kind: "train" | "rl" | "generate";
  readonly model: string;
  readonly createdAt: string;
  readonly params: Data;
  /** W3C trace context of the call, repeated in the events. */
  readonly traceparent?: string | undefined;
}

export interface Job extends JobRequest {
  state: JobState;
  startedAt: string | null;
  endedAt: string | null;
  progress: Data | null;
  result: Data | null;
  error: WireError | null;
}

export interface Jobs {
  /** An id for a job to come. */
  nextId(): string;
  /** A new job, queued and silent until `release`. */
  open(request: Omit<JobRequest, "createdAt">): Job;
  /** Lets the job's events out; called once its response is on its way. */
  release(job: Job): void;
  emit(job: Job, type: string, data: Data): void;
  /** The last event, and the answer to all who wait. */
  finish(job: Job, state: FinalState, outcome: { readonly result?: Data; readonly error?: WireError }): void;
  /** Stops without a last event: a later session may resume it. */
  interrupt(job: Job): void;
  /** @throws Refusal `NOT_FOUND` */
  get(id: string): Job;
  list(): readonly Job[];
  lastSeq(job: Job): number;
  events(job: Job, afterSeq: number, limit: number): readonly JobEvent[];
  /** Calls back when the job has ended. Returns what stops the waiting. */
  whenEnded(job: Job, callback: () => void): () => void;
  /** Writes the progress that was held back, because the host reads again. */
  flushProgress(): void;
  close(): void;
}

/** Jobs that have ended and are still told of; the oldest are forgotten first. Those that can be resumed are not among them. */
const MOST_ENDED = 256;

const FINAL_EVENTS = { completed: "job.completed", failed: "job.failed", cancelled: "job.cancelled" } as const;
const LAST_EVENTS: ReadonlySet<string> = new Set(Object.values(FINAL_EVENTS));
const ENDED: ReadonlySet<JobState> = new Set(["completed", "failed", "cancelled", "interrupted"]);

export const isLastEvent = (type: string): boolean => LAST_EVENTS.has(type);

export const hasEnded = ({ state }: Job): boolean => ENDED.has(state);

/** At most ten progress events a second, and none while the host does not read: a newer one then takes the older one's place. */
const PROGRESS = "train.progress";
const PROGRESS_MILLISECONDS = 100;

/** The newest progress, waiting for its turn. */
interface Held {
  readonly data: Data;
  /** Progress left out before it because the host did not read. */
  readonly dropped: number;
}

/** What a job needs that nobody outside sees. */
interface Desk {
  readonly journal: Journal;
  seq: number;
  /** Events that wait for the response to go first. Null once it has. */
  gate: { type: string; data: Data }[] | null;
  held: Held | null;
  /** Progress left out since the last that was sent. */
  dropped: number;
  progressAt: number;
  readonly waiters: Set<() => void>;
}

/** @param send puts an event on the wire; @param backlog says how many bytes the host has yet to take. */
export function createJobs(
  store: Store | null,
  send: (event: JobEvent) => void,
  backlog: () => number,
  log: Log = () => {},
): Jobs {
  const jobs = new Map<string, Job>();
  const desks = new WeakMap<Job, Desk>();
  /** Those whose progress is held back. */
  const holding = new Set<Job>();
  let newest = 0;
  let timer: NodeJS.Timeout | undefined;
  const onTrouble = (error: Error) => log("error", `an event could not be journalled: ${error.message}`);

  for (const id of store?.ids("jobs") ?? []) {
    const request = store!.readJson<JobRequest>("jobs", id, "job.json");
    newest = Math.max(newest, numberOf(id));
    if (request === null) continue;
    const journal = openJournal(store!.path("jobs", id, "events.ndjson"), onTrouble);
    const job = revive(request, journal);
    jobs.set(id, job);
    desks.set(job, { ...newDesk(journal), gate: null, seq: journal.last?.seq ?? 0 });
    journal.rest();
  }

  const deskOf = (job: Job): Desk => desks.get(job)!;
  forgetOldest();

  function forgetOldest(): void {
    const ended = [...jobs.values()].filter((job) => hasEnded(job) && job.state !== "interrupted");
    for (const { id } of ended.slice(0, -MOST_ENDED)) {
      jobs.delete(id);
      store?.remove("jobs", id);
    }
  }

  function write(job: Job, type: string, data: Data): void {
    const desk = deskOf(job);
    const trace = job.traceparent === undefined ? {} : { traceparent: job.traceparent };
    const event = { jobId: job.id, seq: ++desk.seq, t: new Date().toISOString(), type, data, ...trace };
    desk.journal.append(event);
    send(event);
  }

  function writeHeld(job: Job, desk: Desk): void {
    const { held } = desk;
    if (held === null || backlog() > 0) return;
    const wait = desk.progressAt + PROGRESS_MILLISECONDS - performance.now();
    if (wait > 0) {
      timer ??= setTimeout(flush, wait);
      return;
    }
    desk.progressAt = performance.now();
    desk.held = null;
    desk.dropped = 0;
    holding.delete(job);
    write(job, PROGRESS, held.dropped > 0 ? { ...held.data, dropped: held.dropped } : held.data);
  }

  /** Gives the held progress up, because something newer is to be said. */
  function drop(job: Job, desk: Desk): void {
    if (desk.held === null) return;
    if (backlog() > 0) desk.dropped++;
    desk.held = null;
    holding.delete(job);
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    for (const job of holding) writeHeld(job, deskOf(job));
  }

  function emit(job: Job, type: string, data: Data): void {
    const desk = deskOf(job);
    if (desk.gate !== null) {
      desk.gate.push({ type, data });
      return;
    }
    drop(job, desk);
    if (type !== PROGRESS) {
      write(job, type, data);
      return;
    }
    job.progress = data;
    desk.held = { data, dropped: desk.dropped };
    holding.add(job);
    writeHeld(job, desk);
  }

  function wake(desk: Desk): void {
    for (const waiter of [...desk.waiters]) waiter();
  }

  return {
    nextId: () => `j_${++newest}`,
    open(request) {
      const { id } = request;
      const asked: JobRequest = { ...request, createdAt: new Date().toISOString() };
      store?.writeJson("jobs", id, "job.json", asked);
      const job = newJob(asked);
      jobs.set(id, job);
      desks.set(job, newDesk(openJournal(store?.path("jobs", id, "events.ndjson") ?? null, onTrouble)));
      return job;
    },
    release(job) {
      const desk = deskOf(job);
      const waiting = desk.gate ?? [];
      desk.gate = null;
      for (const { type, data } of waiting) emit(job, type, data);
      if (hasEnded(job)) desk.journal.rest();
    },
    emit,
    finish(job, state, { result, error }) {
      const desk = deskOf(job);
      job.state = state;
      job.endedAt = new Date().toISOString();
      job.result = result ?? null;
      job.error = error ?? null;
      emit(job, FINAL_EVENTS[state], { model: job.model, ...(result ? { result } : {}), ...(error ? { error } : {}) });
      wake(desk);
      if (desk.gate === null) desk.journal.rest();
      forgetOldest();
    },
    interrupt(job) {
      job.state = "interrupted";
      job.endedAt = new Date().toISOString();
      wake(deskOf(job));
    },
    get(id) {
      const job = jobs.get(id);
      if (job !== undefined) return job;
      const known = [...jobs.keys()].slice(-5);
      throw new Refusal("NOT_FOUND", `there is no job ${JSON.stringify(id)}`, {
        violations: [{ path: "jobId", message: "unknown", expected: "a job's id", got: id.slice(0, 100) }],
        hint: known.length === 0 ? "start one with `train.start`" : `the newest jobs are ${known.join(", ")}`,
      });
    },
    list: () => [...jobs.values()],
    lastSeq: (job) => deskOf(job).seq,
    events: (job, afterSeq, limit) => deskOf(job).journal.read(afterSeq, limit),
    whenEnded(job, callback) {
      const { waiters } = deskOf(job);
      const waiter = () => {
        waiters.delete(waiter);
        callback();
      };
      if (hasEnded(job)) callback();
      else waiters.add(waiter);
      return () => void waiters.delete(waiter);
    },
    flushProgress: flush,
    close() {
      clearTimeout(timer);
      for (const job of jobs.values()) deskOf(job).journal.rest();
    },
  };
}

function newJob(request: JobRequest): Job {
  return { ...request, state: "queued", startedAt: null, endedAt: null, progress: null, result: null, error: null };
}

function newDesk(journal: Journal): Desk {
  return {
    journal,
    seq: 0,
    gate: [],
    held: null,
    dropped: 0,
    progressAt: Number.NEGATIVE_INFINITY,
    waiters: new Set(),
  };
}

/** A job of an earlier session: ended as its last event says, or interrupted. */
function revive(request: JobRequest, journal: Journal): Job {
  const events = journal.read(0, Number.POSITIVE_INFINITY);
  const { last } = journal;
  const ended = Object.entries(FINAL_EVENTS).find(([, type]) => type === last?.type)?.[0] as FinalState | undefined;
  return {
    ...newJob(request),
    state: ended ?? "interrupted",
    startedAt: events.find(({ type }) => type === "job.started")?.t ?? null,
    endedAt: ended === undefined ? null : last!.t,
    result: (last?.data.result as Data | undefined) ?? null,
    error: (last?.data.error as WireError | undefined) ?? null,
  };
}
