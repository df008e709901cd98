/**
 * @file Numbers that JSON cannot hold. Non-finite ones travel as the strings "NaN", "Infinity" and "-Infinity", integers beyond
 * 2^53 - 1 as decimal strings, and minus zero as -0.0.
 */
import { randomBytes } from "node:crypto";

export const NON_FINITE_NAMES = ["NaN", "Infinity", "-Infinity"] as const;
export type NonFiniteName = (typeof NON_FINITE_NAMES)[number];

/** A number as it stands in a message. */
export type WireNumber = number | NonFiniteName;

export function isNonFiniteName(value: unknown): value is NonFiniteName {
  return value === "NaN" || value === "Infinity" || value === "-Infinity";
}

const DECIMAL_INTEGER = /^-?(0|[1-9][0-9]*)$/;

/** Whether a string is an integer in canonical decimal digits, of any size. */
export function isDecimalInteger(value: unknown): value is string {
  return typeof value === "string" && DECIMAL_INTEGER.test(value);
}

/** The number that a wire value stands for; `undefined` where it stands for none. */
export function fromWireNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (isNonFiniteName(value) || isDecimalInteger(value)) return Number(value);
  return undefined;
}

/** No text contains it but by design: it marks where JSON.stringify would drop the sign of a zero. */
const MINUS_ZERO = `-0:${randomBytes(12).toString("hex")}`;

export interface WireReady {
  /** The same value where nothing had to change, otherwise a copy that JSON.stringify loses nothing of. */
  readonly value: unknown;
  /** To be applied to the JSON text of `value`. */
  finish(json: string): string;
}

/** Whether JSON.stringify loses nothing of a value; nearly all messages are so. */
function isPlain(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value === "bigint") return false;
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isPlain(value[index])) return false;
    return true;
  }
  if (ArrayBuffer.isView(value)) return false;
  for (const key in value) if (!isPlain((value as Record<string, unknown>)[key])) return false;
  return true;
}

function toPlain(value: unknown): unknown {
  if (typeof value === "number")
    return Object.is(value, -0) ? MINUS_ZERO : Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (typeof value !== "object" || value === null || "toJSON" in value) return value;
  if (Array.isArray(value)) return value.map(toPlain);
  if (ArrayBuffer.isView(value)) throw new TypeError("a typed array must be encoded as a tensor before it is sent");
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toPlain(member)]));
}

/** A message made ready for JSON.stringify. Typed arrays are refused: tensors must have been encoded before. */
export function toWireNumbers(message: unknown): WireReady {
  if (isPlain(message)) return { value: message, finish: (json) => json };
  return { value: toPlain(message), finish: (json) => json.replaceAll(`"${MINUS_ZERO}"`, "-0.0") };
}
