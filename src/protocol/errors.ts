/** @file Every reason for which the sidecar refuses or fails, its code on the wire, and the shape in which it travels. */

/** `retryable`: whether the same call, unchanged, may succeed later. */
export const ERRORS = {
  PARSE_ERROR: { code: -32700, retryable: false, meaning: "the line is not UTF-8, or not JSON" },
  INVALID_REQUEST: {
    code: -32600,
    retryable: false,
    meaning: "JSON, but not a JSON-RPC 2.0 request as the sidecar takes it",
  },
  METHOD_NOT_FOUND: { code: -32601, retryable: false, meaning: "there is no such method" },
  INVALID_PARAMS: {
    code: -32602,
    retryable: false,
    meaning: "the params do not fit the method; `violations` says where",
  },
  INTERNAL: { code: -32603, retryable: false, meaning: "a defect in the sidecar; standard error has the stack" },
  CANCELLED: { code: -32800, retryable: true, meaning: "cancelled by `$/cancel` or by a shutdown" },
  INVALID_STATE: {
    code: 1001,
    retryable: false,
    meaning: "not possible in the state that the model, job or session is in",
  },
  NOT_FOUND: { code: 1002, retryable: false, meaning: "no model, job, handle, or file of that name" },
  ALREADY_EXISTS: { code: 1003, retryable: false, meaning: "the name, id or idempotency key is taken" },
  SHAPE_MISMATCH: { code: 1004, retryable: false, meaning: "a tensor has another shape than the one needed" },
  DTYPE_UNSUPPORTED: { code: 1005, retryable: false, meaning: "a tensor's dtype is unknown, or not possible here" },
  NON_FINITE: { code: 1006, retryable: false, meaning: "NaN or an infinity where a finite number is needed" },
  DIVERGED: {
    code: 1007,
    retryable: false,
    meaning: "the loss became NaN or infinite; the last good weights are kept",
  },
  DEADLINE_EXCEEDED: { code: 1101, retryable: true, meaning: "`_meta.timeoutMs` ran out before the answer was ready" },
  OVERLOADED: { code: 1102, retryable: true, meaning: "too many requests in flight; try again after `retryAfterMs`" },
  OUT_OF_MEMORY: {
    code: 1103,
    retryable: false,
    meaning: "forecast to need more memory than the limit; nothing was started",
  },
  LIMIT_EXCEEDED: { code: 1104, retryable: false, meaning: "longer, deeper or larger than a limit of the session" },
  ENGINE_CRASHED: { code: 1201, retryable: true, meaning: "a compute worker died; it was replaced" },
  CHECKPOINT_CORRUPT: { code: 1202, retryable: false, meaning: "a saved model or checkpoint is damaged or incomplete" },
  DATA_DIRECTORY_LOCKED: { code: 1203, retryable: true, meaning: "another sidecar uses this data directory" },
  PATH_DENIED: {
    code: 1301,
    retryable: false,
    meaning: "the path lies outside the allowed roots, or may not be read or written",
  },
  PROTOCOL_VERSION_UNSUPPORTED: { code: 1401, retryable: false, meaning: "the sidecar does not speak that version" },
  ONNX_OPERATOR_UNSUPPORTED: {
    code: 1501,
    retryable: false,
    meaning: "the model cannot be expressed in, or read from, ONNX",
  },
  DATA_INVALID: {
    code: 1601,
    retryable: false,
    meaning: "the data cannot be learned from as it is; `violations` says where",
  },
} as const satisfies Record<string, { code: number; retryable: boolean; meaning: string }>;

export type Reason = keyof typeof ERRORS;

/** One thing wrong with what was sent: where (`backbone.hidden[1]`), what was expected, what came. */
export interface Violation {
  readonly path: string;
  readonly message: string;
  readonly expected?: string;
  readonly got?: string;
}

/** The `error` member of a JSON-RPC response. */
export interface WireError {
  readonly code: number;
  readonly message: string;
  readonly data: {
    readonly reason: Reason;
    readonly retryable: boolean;
    readonly violations?: readonly Violation[];
    readonly hint?: string;
    /** Milliseconds after which trying again makes sense. */
    readonly retryAfterMs?: number;
    /** Facts for a program to read, such as the step at which a training diverged. */
    readonly context?: Readonly<Record<string, unknown>>;
  };
}

export interface RefusalDetails {
  readonly violations?: readonly Violation[];
  readonly hint?: string | undefined;
  readonly retryable?: boolean;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Thrown by this room. It has the members of the engine's `Fault`, so `toWireError` takes either. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: Reason;
  readonly violations: readonly Violation[];
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly context: Readonly<Record<string, unknown>> | undefined;

  constructor(reason: Reason, message: string, details: RefusalDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = reason;
    this.violations = details.violations ?? [];
    this.hint = details.hint;
    this.retryable = details.retryable ?? ERRORS[reason].retryable;
    this.context = details.context;
  }
}

export function isReason(value: unknown): value is Reason {
  return typeof value === "string" && Object.hasOwn(ERRORS, value);
}

/**
 * Any thrown value as it travels. What carries a known `reason` (a `Refusal`, the engine's `Fault`, or a structured clone of
 * either) keeps its words; all else is a defect, and becomes `INTERNAL` with only its message.
 */
export function toWireError(thrown: unknown): WireError {
  const error = (
    typeof thrown === "object" && thrown !== null ? thrown : { message: String(thrown) }
  ) as Partial<Refusal>;
  if (!isReason(error.reason)) {
    return {
      code: ERRORS.INTERNAL.code,
      message: `internal error: ${error.message ?? "unknown"}`,
      data: {
        reason: "INTERNAL",
        retryable: false,
        hint: "this is a defect in ml-sidecar; please report it with the log that is on standard error",
      },
    };
  }
  const { retryAfterMs, ...context } = error.context ?? {};
  return {
    code: ERRORS[error.reason].code,
    message: error.message ?? ERRORS[error.reason].meaning,
    data: {
      reason: error.reason,
      retryable: error.retryable || ERRORS[error.reason].retryable,
      ...(error.violations?.length ? { violations: error.violations } : {}),
      ...(error.hint ? { hint: error.hint } : {}),
      ...(typeof retryAfterMs === "number" ? { retryAfterMs } : {}),
      ...(Object.keys(context).length > 0 ? { context } : {}),
    },
  };
}
