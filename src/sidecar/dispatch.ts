/**
 * @file From a message to its answer. `ping` and `runtime.health` need nothing else; the first call of any other method loads the
 * schemas and the handlers, and those that arrive meanwhile wait for it in order.
 */
import type { Batch, Message, Notification, Request } from "../protocol/envelope.ts";
import { Refusal, toWireError } from "../protocol/errors.ts";
import { LIGHT } from "./methods/light.ts";
import type { Call, Outcome } from "./requests.ts";
import type { Response } from "./responses.ts";
import type { Session } from "./session.ts";

/** Takes what the line held. `sent` must be called once the response is on its way. */
type Reply = (response: Response | null, sent: () => void) => void;
type Invoke = typeof import("./methods/index.ts").invoke;

const LONGEST_ID = 1024;
/** What a host may still ask once it has asked for the end. */
const ANSWERED_TO_THE_END = /^(ping|runtime\.(health|shutdown)|jobs\.)/;
const isEmpty = (params: object): boolean => {
  for (const _ in params) return false;
  return true;
};

export function createDispatch(session: Session, loadMethods: () => Promise<{ invoke: Invoke }>) {
  let invoke: Invoke | null = null;
  let loading: Promise<void> | null = null;

  /** Resolves, always in the order of the calls, once handlers are there. */
  function load(): Promise<void> {
    loading ??= loadMethods().then((loaded) => {
      invoke = loaded.invoke;
    });
    return loading;
  }

  function call(method: string, params: Request["params"], flight: Call): unknown {
    if (isEmpty(params) && Object.hasOwn(LIGHT, method)) return LIGHT[method as keyof typeof LIGHT](session);
    if (invoke !== null) return invoke(method, params, flight, session);
    return load().then(() => invoke!(method, params, flight, session));
  }

  function perform(request: Request | Notification, flight: Call & { settle(outcome: Outcome): void }): void {
    try {
      const result = call(request.method, request.params, flight);
      if (result instanceof Promise) {
        result.then(
          (value: unknown) => flight.settle({ result: value }),
          (thrown: unknown) => flight.settle({ thrown }),
        );
      } else flight.settle({ result });
    } catch (thrown) {
      flight.settle({ thrown });
    }
  }

  function answer(request: Request, reply: Reply): void {
    const { id, method, params } = request;
    try {
      if (typeof id === "string" && id.length > LONGEST_ID) throw idTooLong();
      if (session.state === "draining" && !ANSWERED_TO_THE_END.test(method)) throw shuttingDown();
      const flight = session.requests.begin(id, (outcome, sent) =>
        reply(toResponse(session, id, method, outcome), sent),
      );
      const { timeoutMs } = (params._meta ?? {}) as { timeoutMs?: unknown };
      if (typeof timeoutMs === "number") flight.limitTime(timeoutMs);
      if (!flight.abandoned) perform(request, flight);
    } catch (thrown) {
      reply({ id: thrown instanceof IdTooLong ? null : id, error: toWireError(thrown) }, () => {});
    }
  }

  /** Nobody hears how a notification ends but the log. */
  function notice(notification: Notification): void {
    const { method, params, refusal } = notification;
    const ignored = (thrown: unknown) =>
      session.log("warn", "a notification could not be followed", {
        method: method.slice(0, 100),
        reason: String(thrown),
      });
    if (refusal !== undefined) {
      ignored(refusal);
      return;
    }
    if (method === "$/cancel") {
      const { id } = params;
      if (typeof id === "string" || typeof id === "number") session.requests.cancel(id);
      return;
    }
    const afterwards: (() => void)[] = [];
    perform(notification, {
      abandoned: false,
      onAbandoned: () => {},
      afterResponse: (action) => void afterwards.push(action),
      settle(outcome) {
        if ("thrown" in outcome) ignored(outcome.thrown);
        for (const action of afterwards) action();
      },
    });
  }

  function take(message: Message, reply: Reply): void {
    if (message.kind === "request") answer(message, reply);
    else if (message.kind === "invalid") reply({ id: message.id, error: toWireError(message.refusal) }, () => {});
    else {
      notice(message);
      reply(null, () => {});
    }
  }

  function takeBatch({ messages }: Batch): void {
    const responses: (Response | null)[] = messages.map(() => null);
    const afterwards: (() => void)[] = [];
    let open = messages.length;
    for (const [index, message] of messages.entries()) {
      take(message, (response, sent) => {
        responses[index] = response;
        afterwards.push(sent);
        if (--open > 0) return;
        const answers = responses.filter((entry) => entry !== null);
        const done = () => {
          for (const action of afterwards) action();
        };
        if (answers.length === 0) done();
        else session.connection.respondBatch(answers, done);
      });
    }
  }

  const respond: Reply = (response, sent) => {
    if (response === null) sent();
    else session.connection.respond(response, sent);
  };

  return {
    /** Loads schemas and handlers ahead of their first use. */
    load,
    /** Resolves when every message taken so far has reached its handler; at once but while handlers are being loaded. */
    async begun(): Promise<void> {
      if (invoke === null) await loading?.catch(() => {});
      await new Promise(setImmediate);
    },
    take(message: Message | Batch): void {
      if (message.kind === "batch") takeBatch(message);
      else take(message, respond);
    },
  };
}

export function toResponse(session: Session, id: Request["id"], method: string, outcome: Outcome): Response {
  if ("result" in outcome) return { id, result: outcome.result };
  const error = toWireError(outcome.thrown);
  if (error.data.reason === "INTERNAL") {
    session.log("error", error.message, { method, stack: (outcome.thrown as Error | undefined)?.stack });
  }
  return { id, error };
}

class IdTooLong extends Refusal {}

function idTooLong(): Refusal {
  return new IdTooLong("INVALID_REQUEST", `an id may have ${LONGEST_ID} characters at most`, {
    hint: "count requests, or use UUIDs",
  });
}

function shuttingDown(): Refusal {
  return new Refusal("INVALID_STATE", "the sidecar is shutting down", { hint: "start a new one" });
}
