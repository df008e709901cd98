/** @file The table of handlers, one for each method of the protocol: a missing one does not compile. */
import { Refusal } from "../../protocol/errors.ts";
import { findMethod, type MethodName, type ParsedParams, parseParams, type ResultOf } from "../../protocol/methods.ts";
import type { Call } from "../requests.ts";
import type { Session } from "../session.ts";
import { dataMethods } from "./data.ts";
import { inferenceMethods } from "./inference.ts";
import { jobMethods } from "./jobs.ts";
import { modelMethods } from "./models.ts";
import { runtimeMethods } from "./runtime.ts";
import { trainingMethods } from "./training.ts";

/** `$/cancel` is a notification about a request, which dispatch answers itself. */
type Handled = Exclude<MethodName, "$/cancel">;

export type Handler<M extends MethodName> = (
  params: ParsedParams<M>,
  session: Session,
  call: Call,
) => ResultOf<M> | Promise<ResultOf<M>>;

export type Handlers<Prefix extends string> = { readonly [M in Extract<Handled, Prefix>]: Handler<M> };

const HANDLERS: { readonly [M in Handled]: Handler<M> } = {
  ...runtimeMethods,
  ...modelMethods,
  ...dataMethods,
  ...trainingMethods,
  ...jobMethods,
  ...inferenceMethods,
};

/** Validates the params and calls the handler; once only where the call has an idempotency key. */
export function invoke(name: string, raw: unknown, call: Call, session: Session): unknown {
  const method = findMethod(name);
  if (method === "$/cancel") throw notification(method);
  const params = parseParams(method, raw);
  const handler = HANDLERS[method] as (params: unknown, session: Session, call: Call) => unknown;
  const key = params._meta?.idempotencyKey;
  if (key === undefined) return handler(params, session, call);
  return session.idempotency.once(key, method, raw, () => handler(params, session, call));
}

function notification(method: string): Refusal {
  return new Refusal("INVALID_REQUEST", `\`${method}\` is a notification`, { hint: "send it without an `id`" });
}
