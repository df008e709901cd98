/** @file What a call may fail with: an answer of the sidecar, or the loss of the sidecar itself. */
import type { Reason, Violation, WireError } from "../../src/protocol/index.ts";

/** The sidecar answered with an error. */
export class SidecarError extends Error {
  override readonly name = "SidecarError";
  readonly code: number;
  /** From the protocol's table of errors; a newer sidecar may know more of them. */
  readonly reason: Reason | (string & {});
  readonly retryable: boolean;
  readonly violations: readonly Violation[];
  /** What to do next. */
  readonly hint: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly context: Readonly<Record<string, unknown>>;
  /** The method that failed, or what else did. */
  readonly subject: string;

  constructor(subject: string, { code, message, data }: WireError) {
    super(data?.hint === undefined ? message : `${message} (${data.hint})`);
    this.subject = subject;
    this.code = code;
    this.reason = data?.reason ?? "INTERNAL";
    this.retryable = data?.retryable ?? false;
    this.violations = data?.violations ?? [];
    this.hint = data?.hint;
    this.retryAfterMs = data?.retryAfterMs;
    this.context = data?.context ?? {};
  }
}

/** The sidecar has ended, or could not be started; `stderr` holds the last that it said. */
export class SidecarGoneError extends Error {
  override readonly name = "SidecarGoneError";
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stderr: string;

  constructor(
    message: string,
    {
      exitCode,
      signal,
      stderr = "",
    }: { exitCode?: number | undefined; signal?: string | undefined; stderr?: string } = {},
  ) {
    super(stderr.trim() === "" ? message : `${message}\n${stderr.trim()}`);
    this.exitCode = exitCode;
    this.signal = signal;
    this.stderr = stderr;
  }
}
