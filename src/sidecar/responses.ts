/** @file What the sidecar says, as lines no longer than the client can read: a value that would be longer goes to a file. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { Id } from "../protocol/envelope.ts";
import { Refusal, toWireError, type WireError } from "../protocol/errors.ts";
import { encodeMessage } from "../protocol/framing.ts";
import type { Scratch } from "./scratch.ts";

/** A response before it is a line. */
export type Response =
  | { readonly id: Id | null; readonly result: unknown }
  | { readonly id: Id | null; readonly error: WireError };

/** Room for everything in a line that is not the value: the envelope, an id, a `$spill`. */
const ENVELOPE_BYTES = 2048;
const LONGEST_MESSAGE = 4000;

const envelope = (response: Response) => ({ jsonrpc: "2.0", ...response });

/** At most three bytes a UTF-16 unit, so that most lines are known to fit without counting. */
export function fits(text: string, maxBytes: number): boolean {
  return text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes;
}

/** A response's line. A promise only where the result is so long that it goes to a file. */
export function responseLine(response: Response, maxBytes: number, scratch: Scratch): string | Promise<string> {
  const line = encodeMessage(envelope(response));
  if (fits(line, maxBytes)) return line;
  return shortened(response, maxBytes, scratch).then((short) => encodeMessage(envelope(short)));
}

/** The one line that answers a batch. */
export async function batchLine(responses: readonly Response[], maxBytes: number, scratch: Scratch): Promise<string> {
  const line = encodeMessage(responses.map(envelope));
  if (fits(line, maxBytes)) return line;
  const share = Math.floor(maxBytes / responses.length);
  return encodeMessage(
    await Promise.all(responses.map(async (response) => envelope(await shortened(response, share, scratch)))),
  );
}

/** An event's line, its data in a file where they are too long. */
export function eventLine(
  params: { readonly data: unknown },
  maxBytes: number,
  scratch: Scratch,
): string | Promise<string> {
  const notification = (data: unknown) =>
    encodeMessage({ jsonrpc: "2.0", method: "event", params: { ...params, data } });
  const line = notification(params.data);
  if (fits(line, maxBytes)) return line;
  return spill(params.data, scratch).then(notification);
}

async function shortened(response: Response, maxBytes: number, scratch: Scratch): Promise<Response> {
  if ("error" in response) return { id: response.id, error: shortenedError(response.error) };
  if (fits(encodeMessage(response.result), maxBytes - ENVELOPE_BYTES)) return response;
  try {
    return { id: response.id, result: await spill(response.result, scratch) };
  } catch (cause) {
    return { id: response.id, error: toWireError(nowhereToSpill(maxBytes, cause as Error)) };
  }
}

/** A temporary folder that is missing or full costs one answer, not the session. */
function nowhereToSpill(maxBytes: number, cause: Error): Refusal {
  return new Refusal(
    "LIMIT_EXCEEDED",
    `the answer is longer than ${maxBytes} bytes, and no file could be written for it: ${cause.message}`,
    { hint: "raise `limits.maxLineBytes` in `runtime.initialize`, or set TMPDIR to a folder with room", cause },
  );
}

/** An error says what it can in one line; it never goes to a file. */
function shortenedError({ code, message, data }: WireError): WireError {
  const cut = (text: string) => (text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text);
  const violations = data.violations
    ?.slice(0, 4)
    .map(({ path, message }) => ({ path: cut(path), message: cut(message) }));
  return {
    code,
    message: cut(message),
    data: {
      reason: data.reason,
      retryable: data.retryable,
      ...(violations ? { violations } : {}),
      ...(data.hint ? { hint: cut(data.hint) } : {}),
    },
  };
}

async function spill(value: unknown, scratch: Scratch): Promise<unknown> {
  const bytes = Buffer.from(encodeMessage(value), "utf8");
  const path = scratch.path(".json");
  await writeFile(path, bytes, { mode: 0o600 });
  scratch.answered(path);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { $spill: { path, bytes: bytes.byteLength, sha256, format: "json" } };
}
