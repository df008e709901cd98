/** @file The one error that the engine and the pipelines throw on purpose: a reason from a closed list, and what to do. */

/** Why something was refused. The wire maps each reason to its code (`protocol/errors.ts`). */
export type Reason =
  | "INVALID_PARAMS"
  | "INVALID_STATE"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "SHAPE_MISMATCH"
  | "DTYPE_UNSUPPORTED"
  | "NON_FINITE"
  | "DIVERGED"
  | "OUT_OF_MEMORY"
  | "LIMIT_EXCEEDED"
  | "CANCELLED"
  | "ENGINE_CRASHED"
  | "CHECKPOINT_CORRUPT"
  | "PATH_DENIED"
  | "ONNX_OPERATOR_UNSUPPORTED"
  | "DATA_INVALID"
  | "INTERNAL";

/** One thing wrong with the input: where (`backbone.hidden[1]`), what was expected, what came. */
export interface Violation {
  readonly path: string;
  readonly message: string;
  readonly expected?: string;
  readonly got?: string;
}

export interface FaultDetails {
  readonly violations?: readonly Violation[];
  /** What to do next, in words a host can show: "did you mean `mlp`?". */
  readonly hint?: string;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable?: boolean;
  /** Facts for a program to read, such as the step at which a training diverged. */
  readonly context?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export class Fault extends Error {
  override readonly name = "Fault";
  readonly reason: Reason;
  readonly violations: readonly Violation[];
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly context: Readonly<Record<string, unknown>> | undefined;

  constructor(reason: Reason, message: string, details: FaultDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = reason;
    this.violations = details.violations ?? [];
    this.hint = details.hint;
    this.retryable = details.retryable ?? false;
    this.context = details.context;
  }
}
