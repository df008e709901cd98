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

/** A message made ready for JSON.stringify. Typed arrays are refused: tensors must have been encoded before. */
export function toWireNumbers(message: unknown): WireReady {
  let minusZeros = false;

  function convert(value: unknown): unknown {
    switch (typeof value) {
      case "number":
        if (!Number.isFinite(value)) return String(value);
        if (value !== 0 || !Object.is(value, -0)) return value;
        minusZeros = true;
        return MINUS_ZERO;
      case "bigint":
        return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value.toString();
      case "object":
        if (value === null) return null;
        if (Array.isArray(value)) return convertArray(value);
        if (ArrayBuffer.isView(value))
          throw new TypeError("a typed array must be encoded as a tensor before it is sent");
        if (typeof (value as { toJSON?: unknown }).toJSON === "function") return value;
        return convertObject(value as Record<string, unknown>);
      default:
        return value;
    }
  }

  function convertArray(list: readonly unknown[]): readonly unknown[] {
    let copy: unknown[] | undefined;
    for (let index = 0; index < list.length; index++) {
      const converted = convert(list[index]);
      if (!Object.is(converted, list[index])) copy ??= list.slice(0, index);
      copy?.push(converted);
    }
    return copy ?? list;
  }

  function convertObject(record: Record<string, unknown>): Record<string, unknown> {
    let copy: Record<string, unknown> | undefined;
    for (const [key, member] of Object.entries(record)) {
      const converted = convert(member);
      if (Object.is(converted, member)) continue;
      copy ??= { ...record };
      Object.defineProperty(copy, key, { value: converted, enumerable: true, writable: true, configurable: true });
    }
    return copy ?? record;
  }

  const value = convert(message);
  return { value, finish: (json) => (minusZeros ? json.replaceAll(`"${MINUS_ZERO}"`, "-0.0") : json) };
}
