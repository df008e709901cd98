/** @file What a cell's text may mean: a number, a truth value, a date; NaN says that it means nothing of the kind. */

const INFINITY = /^[+-]?inf(?:inity)?$/i;

/** Decimal notation only: `0x1F` and blanks are no numbers. `decimal` is the mark before the fraction. */
export function parseNumber(text: string): number {
  const value = Number(text);
  if (Number.isNaN(value)) return INFINITY.test(text) ? (text.startsWith("-") ? -Infinity : Infinity) : NaN;
  const isPrefixed = text.length > 2 && text.charCodeAt(1) > 64 && text.charCodeAt(0) === 48 && !/^0e/i.test(text);
  return isPrefixed || (value === 0 && text.trim() === "") ? NaN : value;
}

/** 1.234,5 is refused: only the decimal mark is replaced. */
function parseDecimalComma(text: string): number {
  return text.includes(".") ? NaN : parseNumber(text.replace(",", "."));
}

/** Pairs of names for false and true; a column keeps to one. */
const TRUTH: readonly (readonly [string, string])[] = [
  ["false", "true"],
  ["no", "yes"],
  ["n", "y"],
  ["f", "t"],
  ["off", "on"],
];
const TRUTH_VALUES = new Map(TRUTH.flatMap((pair) => pair.map((name, value) => [name, { value, pair }] as const)));

export function parseBoolean(text: string): number {
  return TRUTH_VALUES.get(text.trim().toLowerCase())?.value ?? NaN;
}

/** Which pair of names a truth value belongs to, so that a column of `yes` and `true` is seen not to be one. */
export function truthPair(text: string): readonly [string, string] | undefined {
  return TRUTH_VALUES.get(text.trim().toLowerCase())?.pair;
}

export type DateOrder = "iso" | "dmy" | "mdy";

const TIME = String.raw`(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?)?\s*(Z|[+-]\d{2}:?\d{2})?$`;
const DATE_PATTERNS: Readonly<Record<DateOrder, { pattern: RegExp; order: readonly [number, number, number] }>> = {
  iso: { pattern: new RegExp(String.raw`^(\d{4})([-/])(\d{1,2})\2(\d{1,2})${TIME}`), order: [1, 3, 4] },
  dmy: { pattern: new RegExp(String.raw`^(\d{1,2})([./-])(\d{1,2})\2(\d{4})${TIME}`), order: [4, 3, 1] },
  mdy: { pattern: new RegExp(String.raw`^(\d{1,2})([/-])(\d{1,2})\2(\d{4})${TIME}`), order: [4, 1, 3] },
};
const DAY = 86_400_000;

/** Days since 1970-01-01, UTC unless the text names an offset. A date that no calendar has is none. */
function parseDate(text: string, order: DateOrder): number {
  const { pattern, order: places } = DATE_PATTERNS[order];
  const match = pattern.exec(text.trim());
  if (match === null) return NaN;
  const [year, month, day] = places.map((place) => Number(match[place])) as [number, number, number];
  const [hour, minute, second] = [5, 6, 7].map((place) => Number(match[place] ?? 0)) as [number, number, number];
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month - 1, day);
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return NaN;
  if (hour > 23 || minute > 59 || second >= 61) return NaN;
  return (midnight.getTime() + (hour * 3600 + minute * 60 + second) * 1000) / DAY - offsetOf(match[8]) / 1440;
}

/** Minutes ahead of UTC. */
function offsetOf(zone: string | undefined): number {
  if (zone === undefined || zone === "Z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return zone.startsWith("-") ? -minutes : minutes;
}

/** How a column's text becomes numbers. */
export const READERS = {
  number: { kind: "number", parse: parseNumber },
  decimalComma: { kind: "number", parse: parseDecimalComma },
  boolean: { kind: "boolean", parse: parseBoolean },
  iso: { kind: "date", parse: (text: string) => parseDate(text, "iso") },
  dmy: { kind: "date", parse: (text: string) => parseDate(text, "dmy") },
  mdy: { kind: "date", parse: (text: string) => parseDate(text, "mdy") },
} as const;

export type ReaderName = keyof typeof READERS;

/** What counts as missing, as text and as a number (a marker such as `-999`). */
export interface MissingMarkers {
  has(text: string): boolean;
  hasNumber(value: number): boolean;
}

/** Letter case and blanks around a marker aside. Nothing at all is always missing. */
export function missingMarkers(markers: readonly string[]): MissingMarkers {
  const texts = new Set(["", ...markers.map((marker) => marker.trim().toLowerCase())]);
  const numbers = new Set(markers.map(parseNumber).filter((value) => !Number.isNaN(value)));
  return {
    has: (text) => texts.has(text.trim().toLowerCase()),
    hasNumber: (value) => numbers.size > 0 && numbers.has(value),
  };
}
