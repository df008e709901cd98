/** @file Job events as they come: a list for each job that every reader walks at its own pace, and that grows at its end. */
import { EVENTS, type Event, type EventName, isLastEvent } from "../../src/protocol/index.ts";
import type { SidecarGoneError } from "./errors.ts";

/** Events of one job that are kept for readers to come. */
const MOST_EVENTS = 10_000;
/** Ended jobs whose events are kept. */
const MOST_ENDED_JOBS = 64;

export interface EventLog {
  add(event: Event): void;
  /** From the first event that is kept to the last one of the job, waiting where necessary. */
  follow(jobId: string, signal?: AbortSignal): AsyncGenerator<Event, void, undefined>;
  /** Nothing more will come: those who wait are told why. */
  close(gone: SidecarGoneError): void;
}

/** A place in the list: what stands there, once it has come, and the place after it. */
interface Place {
  readonly filled: Promise<{ readonly event: Event; readonly next: Place }>;
  fill(content: { event: Event; next: Place }): void;
  fail(gone: SidecarGoneError): void;
}

interface Log {
  first: Place;
  last: Place;
  length: number;
  ended: boolean;
}

function createPlace(): Place {
  const place = {} as { -readonly [K in keyof Place]: Place[K] };
  place.filled = new Promise((fill, fail) => Object.assign(place, { fill, fail }));
  // Where nobody reads, nobody needs to hear that nothing comes any more.
  place.filled.catch(() => {});
  return place;
}

/** Reads non-finite numbers as numbers; data of a newer sidecar is left as it is. */
export function toEvent(params: unknown): Event {
  const event = params as Event;
  if (!Object.hasOwn(EVENTS, event.type)) return event;
  const data = EVENTS[event.type as EventName].data.safeParse(event.data);
  return data.success ? ({ ...event, data: data.data } as Event) : event;
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** @param host is kept alive while somebody follows. */
export function createEventLog(host: { hold(): void; release(): void }): EventLog {
  const logs = new Map<string, Log>();
  let gone: SidecarGoneError | undefined;

  function logOf(jobId: string): Log {
    let log = logs.get(jobId);
    if (log === undefined) {
      const place = createPlace();
      if (gone !== undefined) place.fail(gone);
      log = { first: place, last: place, length: 0, ended: false };
      logs.set(jobId, log);
    }
    return log;
  }

  async function dropFirst(log: Log): Promise<void> {
    log.length--;
    log.first = (await log.first.filled).next;
  }

  function forgetOldest(): void {
    const ended = [...logs].filter(([, log]) => log.ended);
    for (const [jobId] of ended.slice(0, Math.max(0, ended.length - MOST_ENDED_JOBS))) logs.delete(jobId);
  }

  return {
    add(event) {
      const log = logOf(event.jobId);
      const next = createPlace();
      log.last.fill({ event, next });
      log.last = next;
      if (++log.length > MOST_EVENTS) void dropFirst(log);
      if (!isLastEvent(event.type)) return;
      log.ended = true;
      forgetOldest();
    },

    async *follow(jobId, signal) {
      const aborted = signal === undefined ? [] : [rejection(signal)];
      let place = logOf(jobId).first;
      host.hold();
      try {
        for (;;) {
          const { event, next } = await Promise.race([place.filled, ...aborted]);
          place = next;
          yield event;
          if (isLastEvent(event.type)) return;
        }
      } finally {
        host.release();
      }
    },

    close(error) {
      gone = error;
      for (const { last } of logs.values()) last.fail(error);
    },
  };
}
