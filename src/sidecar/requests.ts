/** @file The requests in flight: each is answered exactly once, whether it succeeds, fails, is cancelled or runs out of time. */
import type { Id } from "../protocol/envelope.ts";
import { Refusal } from "../protocol/errors.ts";

export const MAX_IN_FLIGHT = 256;
const RETRY_AFTER_MILLISECONDS = 50;

/** What a handler knows of the call besides its params. */
export interface Call {
  /** Hears that the answer is no longer wanted. Called at once if that is already so. */
  onAbandoned(listener: () => void): void;
  readonly abandoned: boolean;
  /** Runs once the response is on its way: what must come after it, such as a job's first event. */
  afterResponse(action: () => void): void;
}

export interface Flight extends Call {
  /** Answers. Only the first of several counts. */
  settle(outcome: Outcome): void;
  /** Answers with an error and tells the handler to stop. */
  abandon(refusal: Refusal): void;
  /** As if it had never begun. @returns false where it has been answered already */
  withdraw(): boolean;
  limitTime(milliseconds: number): void;
}

export type Outcome = { readonly result: unknown } | { readonly thrown: unknown };

export interface Requests {
  /** Whether a request with this id could begin now. */
  isFree(id: Id): boolean;
  /**
   * @param isAnswered of one that another thread may answer: whether it has, though that is not known here yet
   * @throws Refusal when the id is taken, or too many requests are in flight.
   */
  begin(id: Id, answer: (outcome: Outcome, sent: () => void) => void, isAnswered?: () => boolean): Flight;
  cancel(id: Id): void;
  abandonAll(refusal: Refusal): void;
  readonly count: number;
  whenNone(): Promise<void>;
}

export function createRequests(): Requests {
  const flights = new Map<Id, Flight>();
  const elsewhere = new Map<Id, () => boolean>();
  let watchers: (() => void)[] = [];

  function land(id: Id): void {
    flights.delete(id);
    elsewhere.delete(id);
    if (flights.size > 0) return;
    const ready = watchers;
    watchers = [];
    for (const watcher of ready) watcher();
  }

  /** Those that were answered by another thread, where one of them stands in the way. */
  function settleElsewhere(id: Id): void {
    if (elsewhere.size === 0 || (!flights.has(id) && flights.size < MAX_IN_FLIGHT)) return;
    for (const [other, isAnswered] of elsewhere) if (isAnswered()) flights.get(other)?.withdraw();
  }

  return {
    isFree(id) {
      settleElsewhere(id);
      return !flights.has(id) && flights.size < MAX_IN_FLIGHT;
    },
    begin(id, answer, isAnswered) {
      settleElsewhere(id);
      if (flights.has(id)) {
        throw new Refusal("INVALID_REQUEST", `a request with the id ${JSON.stringify(id)} is still in flight`, {
          hint: "give every request an id of its own; the first one goes on undisturbed",
        });
      }
      if (flights.size >= MAX_IN_FLIGHT) {
        throw new Refusal("OVERLOADED", `${MAX_IN_FLIGHT} requests are in flight already`, {
          hint: "wait for some of the answers before sending more",
          context: { retryAfterMs: RETRY_AFTER_MILLISECONDS, inFlight: flights.size },
        });
      }
      const flight = takeOff(
        (outcome, sent) => {
          land(id);
          answer(outcome, sent);
        },
        () => land(id),
      );
      flights.set(id, flight);
      if (isAnswered !== undefined) elsewhere.set(id, isAnswered);
      return flight;
    },
    cancel(id) {
      flights.get(id)?.abandon(new Refusal("CANCELLED", "cancelled by the client"));
    },
    abandonAll(refusal) {
      for (const flight of [...flights.values()]) flight.abandon(refusal);
    },
    get count() {
      return flights.size;
    },
    whenNone: () => (flights.size === 0 ? Promise.resolve() : new Promise((resolve) => watchers.push(resolve))),
  };
}

function takeOff(answer: (outcome: Outcome, sent: () => void) => void, land: () => void): Flight {
  let settled = false;
  let abandoned = false;
  let timer: NodeJS.Timeout | undefined;
  let listeners: (() => void)[] | undefined;
  let afterwards: (() => void)[] | undefined;

  const flight: Flight = {
    get abandoned() {
      return abandoned;
    },
    onAbandoned(listener) {
      if (abandoned) listener();
      else listeners = [...(listeners ?? []), listener];
    },
    afterResponse(action) {
      afterwards = [...(afterwards ?? []), action];
    },
    settle(outcome) {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      answer(outcome, () => {
        for (const action of afterwards ?? []) action();
      });
    },
    abandon(refusal) {
      if (settled) return;
      abandoned = true;
      flight.settle({ thrown: refusal });
      for (const listener of listeners ?? []) listener();
    },
    withdraw() {
      if (settled) return false;
      settled = true;
      clearTimeout(timer);
      land();
      return true;
    },
    limitTime(milliseconds) {
      const refuse = () => flight.abandon(deadlineExceeded(milliseconds));
      if (milliseconds <= 0) refuse();
      else timer = setTimeout(refuse, Math.min(milliseconds, 2 ** 31 - 1));
    },
  };
  return flight;
}

function deadlineExceeded(milliseconds: number): Refusal {
  return new Refusal("DEADLINE_EXCEEDED", `the deadline of ${milliseconds} ms has passed`, {
    hint: "raise `_meta.timeoutMs`, or start a job and wait for it",
  });
}
