/** @file Bytes to lines and messages to bytes: the only place that knows that messages are separated by newlines. */
import { Refusal } from "./errors.ts";
import { toWireNumbers } from "./numbers.ts";

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** What a host may send in one line unless `--max-line-bytes` says otherwise. */
export const DEFAULT_MAX_INPUT_LINE_BYTES = 64 * 1024 * 1024;

/**
 * What the sidecar writes in one line, newline included, until the client raises it: Python's asyncio and Go's
 * bufio.Scanner fail at 64 KiB.
 */
export const DEFAULT_MAX_OUTPUT_LINE_BYTES = 60 * 1024;

/** A line as text, or why there is none. */
export type Line = { readonly text: string } | { readonly refusal: Refusal };

export interface LineReader {
  /** The lines that `chunk` completes, in order. The chunk may be reused afterwards. */
  read(chunk: Uint8Array): Line[];
  /** The last line, where the input ended without a newline. */
  end(): Line[];
}

/**
 * Splits a byte stream at 0x0A, before decoding, so that a character split across chunks is no special case. Takes `\r\n`,
 * skips blank lines and one leading BOM. A line over `maxLineBytes` gives one refusal as soon as that is known, and is dropped up
 * to its newline. Time and memory are linear in the bytes read, whatever their chunks.
 */
export function createLineReader({ maxLineBytes = DEFAULT_MAX_INPUT_LINE_BYTES } = {}): LineReader {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let pending = new Uint8Array(0);
  let pendingBytes = 0;
  let discarding = false;
  let first = true;

  function keep(part: Uint8Array): void {
    const needed = pendingBytes + part.length;
    if (needed > pending.length) {
      const grown = new Uint8Array(Math.max(needed, Math.min(2 * pending.length, maxLineBytes + 2), 1024));
      grown.set(pending.subarray(0, pendingBytes));
      pending = grown;
    }
    pending.set(part, pendingBytes);
    pendingBytes = needed;
  }

  function release(): void {
    pendingBytes = 0;
    if (pending.length > 1024 * 1024) pending = new Uint8Array(0);
  }

  function decode(bytes: Uint8Array, lines: Line[]): void {
    let content = bytes.at(-1) === CARRIAGE_RETURN ? bytes.subarray(0, -1) : bytes;
    if (first && content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf) content = content.subarray(3);
    first = false;
    if (content.length > maxLineBytes) {
      lines.push({ refusal: tooLong(maxLineBytes) });
      return;
    }
    try {
      const text = decoder.decode(content);
      if (text.trim() !== "") lines.push({ text });
    } catch (cause) {
      lines.push({ refusal: notUtf8(cause) });
    }
  }

  return {
    read(chunk) {
      const lines: Line[] = [];
      let start = 0;
      while (start < chunk.length) {
        const newline = chunk.indexOf(NEWLINE, start);
        const end = newline < 0 ? chunk.length : newline;
        const part = chunk.subarray(start, end);
        start = end + 1;
        if (discarding) {
          discarding = newline < 0;
          continue;
        }
        if (newline >= 0 && pendingBytes === 0) {
          decode(part, lines);
          continue;
        }
        // One byte of grace for a carriage return that may turn out to end the line, three for a BOM that may start it.
        if (pendingBytes + part.length > maxLineBytes + (first ? 4 : 1)) {
          lines.push({ refusal: tooLong(maxLineBytes) });
          release();
          first = false;
          discarding = newline < 0;
          continue;
        }
        keep(part);
        if (newline < 0) break;
        decode(pending.subarray(0, pendingBytes), lines);
        release();
      }
      return lines;
    },
    end() {
      const lines: Line[] = [];
      if (pendingBytes > 0) decode(pending.subarray(0, pendingBytes), lines);
      release();
      discarding = false;
      return lines;
    },
  };
}

function tooLong(maxLineBytes: number): Refusal {
  return new Refusal(
    "LIMIT_EXCEEDED",
    `a line is longer than ${maxLineBytes} bytes; it was dropped up to its newline`,
    {
      hint: "send large tensors as `file`, or put them once with `data.put`, or start with a larger --max-line-bytes",
      context: { maxLineBytes },
    },
  );
}

function notUtf8(cause: unknown): Refusal {
  return new Refusal("PARSE_ERROR", "the line is not valid UTF-8", {
    hint: "encode messages as UTF-8; binary data belongs in `b64` or in a `file`",
    cause,
  });
}

/** Legal in JSON strings, yet line ends to Python's `splitlines` and to older JavaScript. */
const LINE_ENDS_ELSEWHERE = /[\u0085\u2028\u2029]/g;
const escapeLineEnd = (end: string) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * One message as one line, newline included: compact JSON, non-finite numbers and large integers as strings, and nothing in it
 * that any reader could take for a line end. (JSON.stringify itself escapes lone surrogates and control characters.)
 */
export function encodeMessage(message: unknown): string {
  const { value, finish } = toWireNumbers(message);
  const json = finish(JSON.stringify(value));
  const safe = json.search(LINE_ENDS_ELSEWHERE) < 0 ? json : json.replace(LINE_ENDS_ELSEWHERE, escapeLineEnd);
  return `${safe}\n`;
}
