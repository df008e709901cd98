/** @file A line's text to what it asks: a request, a notification, a batch of either, or something to be refused. */
import { Refusal } from "./errors.ts";
import { parseJson } from "./json.ts";

/** A request's id: a string, or an integer that a double holds exactly. */
export type Id = string | number;

export type Params = Readonly<Record<string, unknown>>;

export interface Request {
  readonly kind: "request";
  readonly id: Id;
  readonly method: string;
  readonly params: Params;
}

/** Never answered, not even when there is something wrong with it: `refusal` is then for the log. */
export interface Notification {
  readonly kind: "notification";
  readonly method: string;
  readonly params: Params;
  readonly refusal?: Refusal;
}

/** To be answered with the error, under its id where it has a legal one. */
export interface Invalid {
  readonly kind: "invalid";
  readonly id: Id | null;
  readonly refusal: Refusal;
}

export type Message = Request | Notification | Invalid;

/** To be answered with one array: one response for each request and invalid item, nothing where there are only notifications. */
export interface Batch {
  readonly kind: "batch";
  readonly messages: readonly Message[];
}

export const MAX_BATCH = 64;

const invalid = (id: Id | null, refusal: Refusal): Invalid => ({ kind: "invalid", id, refusal });

/** Never throws: whatever is wrong with the text becomes an `invalid` message. */
export function parseMessage(text: string): Message | Batch {
  let json: ReturnType<typeof parseJson>;
  try {
    json = parseJson(text);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return invalid(thrown.reason === "PARSE_ERROR" ? null : salvageId(text), thrown);
  }
  const { value, rounded } = json;
  if (!Array.isArray(value)) return toMessage(value, rounded);
  if (value.length === 0) return invalid(null, new Refusal("INVALID_REQUEST", "an empty batch asks nothing"));
  if (value.length > MAX_BATCH) {
    return invalid(
      null,
      new Refusal("INVALID_REQUEST", `a batch of ${value.length} messages is over the limit of ${MAX_BATCH}`, {
        hint: "send several lines: they are worked on side by side just the same",
      }),
    );
  }
  return { kind: "batch", messages: value.map((item, index) => toMessage(item, (rounded as unknown[])[index])) };
}

const SALVAGED_ID =
  /^\s*\{(?:\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*,)*\s*"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d{1,15})\s*[,}]/;

/** The id of a request that may not be parsed whole, where it stands in its usual place before the params. */
function salvageId(text: string): Id | null {
  const match = SALVAGED_ID.exec(text.slice(0, 1000));
  return match === null ? null : (JSON.parse(match[1]!) as Id);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isId = (value: unknown): value is Id => typeof value === "string" || Number.isSafeInteger(value);

const describe = (value: unknown): string =>
  value === null
    ? "null"
    : Array.isArray(value)
      ? "an array"
      : typeof value === "object"
        ? "an object"
        : `a ${typeof value}`;

function toMessage(item: unknown, rounded: unknown): Message {
  const refuse = (id: Id | null, message: string, hint: string) =>
    invalid(id, new Refusal("INVALID_REQUEST", message, { hint }));
  if (!isRecord(item)) {
    return refuse(
      null,
      `a message is an object, not ${describe(item)}`,
      'write {"jsonrpc":"2.0","id":1,"method":"ping"}',
    );
  }
  // The id is echoed, so it must be exactly what was sent: a large integer is judged as the number it was.
  const sentId = (rounded as Record<string, unknown>).id;
  const id = isId(sentId) ? sentId : null;
  const answered = Object.hasOwn(item, "id");
  if (answered && id === null) {
    return refuse(
      null,
      "`id` must be a string or an integer within ±(2^53 - 1)",
      "leave `id` out to send a notification, which gets no answer",
    );
  }
  if (item.jsonrpc !== "2.0") return refuse(id, '`jsonrpc` must be "2.0"', 'add "jsonrpc":"2.0" to every message');
  if (!Object.hasOwn(item, "method") && (Object.hasOwn(item, "result") || Object.hasOwn(item, "error"))) {
    return refuse(
      null,
      "this is a response, and the sidecar sends no requests",
      "send requests and notifications only",
    );
  }
  const method = item.method;
  if (typeof method !== "string" || method === "") {
    return refuse(id, "`method` must be a non-empty string", "`rpc.discover` lists the methods");
  }
  const params = Object.hasOwn(item, "params") ? item.params : {};
  if (isRecord(params))
    return id === null ? { kind: "notification", method, params } : { kind: "request", id, method, params };
  const refusal = new Refusal("INVALID_PARAMS", `\`params\` must be an object, not ${describe(params)}`, {
    violations: [{ path: "params", message: "must be an object", expected: "object", got: describe(params) }],
    hint: 'name each parameter: {"model":"m_1"}; leave `params` out where there are none',
  });
  return id === null ? { kind: "notification", method, params: {}, refusal } : invalid(id, refusal);
}
