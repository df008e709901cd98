/** @file Calls and their answers over one child process: each call finds its answer by id, each event its job. */
import { readFile } from "node:fs/promises";
import {
  DEFAULT_MAX_INPUT_LINE_BYTES,
  ERRORS,
  encodeMessage,
  METHODS,
  type MethodName,
  type ParamsOf,
  type ResultOf,
  type WireError,
} from "../../src/protocol/index.ts";
import { type Child, type ChildOptions, startChild } from "./child.ts";
import { SidecarError, type SidecarGoneError } from "./errors.ts";
import { createEventLog, type EventLog, toEvent } from "./events.ts";
import type { Command } from "./find.ts";

export interface CallOptions {
  /** Aborting cancels the request; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** The deadline in milliseconds; afterwards the sidecar answers DEADLINE_EXCEEDED. */
  readonly timeoutMs?: number | undefined;
  /** The same key and params again give the first call's answer. */
  readonly idempotencyKey?: string | undefined;
  /** How tensors in the answer travel, whatever their size. */
  readonly tensors?: "values" | "b64" | "file" | undefined;
}

export interface Connection {
  /** The longest line that the sidecar takes; a longer one would be refused without saying whose it was. */
  maxLineBytes: number;
  readonly child: Child;
  readonly events: EventLog;
  call<M extends MethodName>(method: M, params: ParamsOf<M>, options?: CallOptions): Promise<ResultOf<M>>;
}

interface Pending {
  readonly method: MethodName;
  readonly settle: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
}

interface Answer {
  readonly id?: number | null;
  readonly result?: unknown;
  readonly error?: WireError;
}

const isSpill = (result: unknown): result is { $spill: { path: string; format: string } } =>
  typeof result === "object" && result !== null && Object.hasOwn(result, "$spill");

/** The result as the schema reads it; one that a newer sidecar made differently is handed on as it is. */
async function toResult<M extends MethodName>(method: M, result: unknown): Promise<ResultOf<M>> {
  const whole = isSpill(result) ? JSON.parse(await readFile(result.$spill.path, "utf8")) : result;
  const parsed = METHODS[method].result?.safeParse(whole);
  return (parsed?.success ? parsed.data : whole) as ResultOf<M>;
}

/** A JSON object, or `undefined` for what no sidecar says. */
function toMessage(text: string): (Answer & { method?: string; params?: unknown }) | undefined {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === "object" && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
}

function tooLong(method: MethodName, maxLineBytes: number): SidecarError {
  return new SidecarError(method, {
    code: ERRORS.LIMIT_EXCEEDED.code,
    message: `the call is longer than the ${maxLineBytes} bytes that the sidecar takes in one line`,
    data: {
      reason: "LIMIT_EXCEEDED",
      retryable: false,
      hint: "send large tensors as `file`, or start with a larger --max-line-bytes",
    },
  });
}

export function connect(command: Command, options: ChildOptions): Connection {
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let gone: SidecarGoneError | undefined;

  const child = startChild(command, options, {
    onLine(text) {
      const message = toMessage(text);
      if (message === undefined) return child.fail(`spoke something else than the protocol: ${text.slice(0, 200)}`);
      if (message.method === "event") return events.add(toEvent(message.params));
      const call = typeof message.id === "number" ? pending.get(message.id) : undefined;
      if (call !== undefined) call.settle(message);
    },
    onGone(error) {
      gone = error;
      for (const { fail } of pending.values()) fail(error);
      events.close(error);
    },
  });

  const events = createEventLog(child);

  const connection: Connection = {
    child,
    events,
    maxLineBytes: DEFAULT_MAX_INPUT_LINE_BYTES,
    call(method, params, { signal, ...meta } = {}) {
      if (gone !== undefined) return Promise.reject(gone);
      if (signal?.aborted) return Promise.reject(signal.reason as Error);
      const id = ++lastId;
      const given = Object.entries(meta).filter(([, value]) => value !== undefined);
      const _meta = given.length === 0 ? {} : { _meta: Object.fromEntries(given) };
      const line = encodeMessage({ jsonrpc: "2.0", id, method, params: { ...params, ..._meta } });
      if (Buffer.byteLength(line) > connection.maxLineBytes)
        return Promise.reject(tooLong(method, connection.maxLineBytes));
      return new Promise((resolve, reject) => {
        const finish = () => {
          pending.delete(id);
          signal?.removeEventListener("abort", cancel);
          child.release();
        };
        const cancel = () => {
          finish();
          child.send(encodeMessage({ jsonrpc: "2.0", method: "$/cancel", params: { id } }));
          reject(signal?.reason);
        };
        pending.set(id, {
          method,
          settle({ result, error }) {
            finish();
            if (error === undefined) toResult(method, result).then(resolve, reject);
            else reject(new SidecarError(method, error));
          },
          fail(error) {
            finish();
            reject(error);
          },
        });
        signal?.addEventListener("abort", cancel, { once: true });
        child.hold();
        child.send(line);
      });
    },
  };
  return connection;
}
