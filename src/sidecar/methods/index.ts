/** @file The table of handlers, one for each method of the protocol: a missing one does not compile. */
import { Refusal } from "../../protocol/errors.ts";
import { findMethod, type MethodName, type ParsedParams, parseParams, type ResultOf } from "../../protocol/methods.ts";
import type { Call } from "../requests.ts";
import type { Session } from "../session.ts";
import { dataMethods } from "./data.ts";
import { inferenceMethods } from "./inference.ts";
import { inspectMethods } from "./inspect.ts";
import { jobMethods } from "./jobs.ts";
import { modelMethods } from "./models.ts";
import { rlMethods } from "./rl.ts";
import { runtimeMethods } from "./runtime.ts";
import { trainingMethods } from "./training.ts";

/** `$/cancel` is a notification about a request, which dispatch answers itself. */
type Handled = Exclude<MethodName, "$/cancel">;

/** @param id of what the method makes, for those in `MAKING`. */
export type Handler<M extends MethodName> = (
  params: ParsedParams<M>,
  session: Session,
  call: Call,
  id: string,
) => ResultOf<M> | Promise<ResultOf<M>>;

export type Handlers<Prefix extends string> = { readonly [M in Extract<Handled, Prefix>]: Handler<M> };

const HANDLERS: { readonly [M in Handled]: Handler<M> } = {
  ...runtimeMethods,
  ...modelMethods,
  ...dataMethods,
  ...trainingMethods,
  ...jobMethods,
  ...inferenceMethods,
  ...inspectMethods,
  ...rlMethods,
};

/** Methods that take their time to make something: the id that it will have. */
const MAKING: { readonly [M in Handled]?: (session: Session) => string } = {
  "models.load": ({ models }) => models.nextId(),
  "models.import": ({ models }) => models.nextId(),
  "models.ensemble": ({ models }) => models.nextId(),
  "data.put": ({ datasets }) => datasets.nextId(),
  "train.start": ({ jobs }) => jobs.nextId(),
  "generate.start": ({ jobs }) => jobs.nextId(),
  "rl.train": ({ jobs }) => jobs.nextId(),
  "rl.imitate": ({ jobs }) => jobs.nextId(),
};

/** Validates the params and calls the handler; once only where the call has an idempotency key. */
export function invoke(name: string, raw: unknown, call: Call, session: Session): unknown {
  const method = findMethod(name);
  if (method === "$/cancel") throw notification(method);
  const params = parseParams(method, raw);
  const act = () => perform(method, params, session, call);
  const key = params._meta?.idempotencyKey;
  return key === undefined ? act() : session.idempotency.once(key, method, raw, act);
}

/** Calls the handler once everything that the params name has arrived, and announces what it makes. */
function perform(method: Handled, params: object, session: Session, call: Call): unknown {
  const { arrivals } = session;
  const handler = HANDLERS[method] as (params: object, session: Session, call: Call, id?: string) => unknown;
  const arrived = arrivals.of(namesIn(params));
  const id = MAKING[method]?.(session);
  const result =
    arrived === null
      ? handler(params, session, call, id)
      : arrived.then(() => (call.abandoned ? undefined : handler(params, session, call, id)));
  if (id === undefined || !(result instanceof Promise)) return result;
  return arrivals.announce([id, ...strings([(params as { name?: unknown }).name])], result);
}

const strings = (values: unknown[]): string[] => values.filter((value) => typeof value === "string");

/** What the params act on, and the data that they point at. */
function namesIn(params: object): string[] {
  const { data, validation, models = [] } = params as { data?: unknown; validation?: unknown; models?: unknown[] };
  const places = [params, data, validation] as ({ model?: unknown; jobId?: unknown; handle?: unknown } | undefined)[];
  return strings([...places.flatMap((place) => [place?.model, place?.jobId, place?.handle]), ...models]);
}

function notification(method: string): Refusal {
  return new Refusal("INVALID_REQUEST", `\`${method}\` is a notification`, { hint: "send it without an `id`" });
}
