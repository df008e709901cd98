/**
 * @file Text to a JSON value without the traps: nesting is bounded before anything recurses, integers that a double would round
 * arrive as decimal strings, overflowing numbers and `__proto__` are refused. Duplicate keys: the last one counts, as in
 * JSON.parse and in Python.
 */
import { Refusal } from "./errors.ts";

/** Levels of arrays and objects that a message may nest, its own included. */
export const MAX_DEPTH = 64;

export interface ParsedJson {
  readonly value: unknown;
  /** The same, with large integers rounded to doubles; equal to `value` (and the same reference) where there are none. */
  readonly rounded: unknown;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const isDigit = (code: number) => code >= 0x30 && code <= 0x39;

interface Survey {
  depth: number;
  /** Start and end of each integer that a double would round. */
  rounding: [start: number, end: number][];
  /** Start and end of the first number with an exponent that a double cannot hold. */
  overflow: [start: number, end: number] | undefined;
}

/** One pass over the text, strings skipped natively: how deep it nests (looking no further than the limit), and which numbers a double cannot hold. */
function survey(text: string): Survey {
  const found: Survey = { depth: 0, rounding: [], overflow: undefined };
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > found.depth) found.depth = depth;
      if (depth > MAX_DEPTH) return found;
    } else if (code === 0x5d || code === 0x7d) {
      depth--;
    } else if (isDigit(code)) {
      at = surveyNumber(text, at, found);
    }
  }
  return found;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

/** @returns the index of the number's last character. */
function surveyNumber(text: string, digits: number, found: Survey): number {
  let end = digits;
  let fractional = false;
  let exponentAt = -1;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (isDigit(code)) continue;
    if (code === 0x2e) fractional = true;
    else if (code === 0x65 || code === 0x45) exponentAt = end;
    else if (!((code === 0x2b || code === 0x2d) && exponentAt === end - 1)) break;
  }
  const start = text[digits - 1] === "-" ? digits - 1 : digits;
  const integer = !fractional && exponentAt < 0;
  if (integer && end - digits >= 16) {
    const token = text.slice(start, end);
    if (String(Number(token)) !== token) found.rounding.push([start, end]);
  } else if ((exponentAt >= 0 && end - exponentAt >= 4) || end - digits > 100) {
    // Only three digits of exponent, or a long mantissa, can overflow.
    if (!Number.isFinite(Number(text.slice(start, end)))) found.overflow ??= [start, end];
  }
  return end - 1;
}

function quote(text: string, ranges: readonly (readonly [start: number, end: number])[]): string {
  const parts: string[] = [];
  let last = 0;
  for (const [start, end] of ranges) {
    parts.push(text.slice(last, start), '"', text.slice(start, end), '"');
    last = end;
  }
  parts.push(text.slice(last));
  return parts.join("");
}

/** What a line that is not JSON may have been meant as, and what to do about it. The first that matches counts. */
const MISTAKES: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/^content-length:/i, "messages end with a newline and have no Content-Length header"],
  [/^(GET|POST|PUT|HEAD|OPTIONS|DELETE) \S+ HTTP\//, "this process speaks JSON lines on standard input, not HTTP"],
  [/^[[{]\s*$|^[^"]*,\s*$/, "write each message on one line: compact JSON without line breaks"],
  [
    /(^|[[:,\s])-?(NaN|Infinity)\b/,
    'JSON has no NaN or Infinity: write the strings "NaN", "Infinity", "-Infinity" (in Python, json.dumps(…, allow_nan=False) finds them)',
  ],
  [
    /(^|[[:,\s])(None|True|False)\b|[{[,]\s*'/,
    "this looks like a Python literal: write json.dumps(message), not str(message)",
  ],
  [/,\s*[\]}]/, "JSON allows no comma after the last item"],
  [/\0/, "the line has NUL bytes: is it UTF-16? Messages are UTF-8"],
];

/** The closing quote may be missing, so that no start is tried twice: linear. */
const STRINGS = /"(?:[^"\\]|\\.)*"?/g;

function hintFor(text: string): string {
  const head = text.slice(0, 100_000).replaceAll(STRINGS, '""');
  return (
    MISTAKES.find(([pattern]) => pattern.test(head))?.[1] ??
    "write each message as one line of JSON, with a newline at its end"
  );
}

/** The own keys that would reach an object's prototype when copied by assignment. */
function findPrototypeKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(findPrototypeKey);
  return Object.hasOwn(value, "__proto__") || Object.values(value).some(findPrototypeKey);
}

/**
 * Parses one line.
 * @throws Refusal PARSE_ERROR where it is not JSON (the hint names the usual mistakes), INVALID_REQUEST where it nests deeper than
 * `MAX_DEPTH`, holds a number beyond the doubles, or an object with the key `__proto__`.
 */
export function parseJson(text: string): ParsedJson {
  const { depth, rounding, overflow } = survey(text);
  if (depth > MAX_DEPTH) {
    throw new Refusal("INVALID_REQUEST", `the message nests deeper than ${MAX_DEPTH} levels`, {
      hint: "send deep arrays as a tensor with `shape` and flat `values`",
      context: { maxDepth: MAX_DEPTH },
    });
  }
  let rounded: unknown;
  try {
    rounded = JSON.parse(text);
  } catch (cause) {
    throw new Refusal("PARSE_ERROR", `not valid JSON: ${(cause as Error).message}`, { hint: hintFor(text), cause });
  }
  if (overflow !== undefined) {
    throw new Refusal(
      "INVALID_REQUEST",
      `the number ${text.slice(...overflow).slice(0, 40)} is too large for a 64-bit float`,
      {
        hint: 'write "Infinity" or "-Infinity" where an infinite number is meant',
        context: { character: overflow[0] },
      },
    );
  }
  const value = rounding.length === 0 ? rounded : JSON.parse(quote(text, rounding));
  if (/__proto__|\\u00/.test(text) && findPrototypeKey(rounded)) {
    throw new Refusal("INVALID_REQUEST", "an object has the key `__proto__`", {
      hint: "rename it; every other key is allowed",
    });
  }
  return { value, rounded };
}
