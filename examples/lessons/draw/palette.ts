/** @file Colours that stay apart for colour-blind eyes: a list for lines and groups (Okabe and Ito 2008), and ramps for numbers. */

export const COLOURS = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#6b5b95",
  "#4d4d4d",
] as const;

/** The colour of the `index`th thing. */
export const colourOf = (index: number): string => COLOURS[index % COLOURS.length]!;

/** From 0 to 1. */
export type Ramp = (share: number) => string;

const channelsOf = (colour: string): number[] => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/** Straight lines between colours, evenly spaced. */
export function rampOf(...stops: readonly string[]): Ramp {
  const known = stops.map(channelsOf);
  return (share) => {
    const place = Math.min(1, Math.max(0, share)) * (known.length - 1);
    const before = Math.min(known.length - 2, Math.floor(place));
    const mixed = known[before]!.map((value, i) => value + (known[before + 1]![i]! - value) * (place - before));
    return `#${mixed.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
  };
}

/** How much of something: pale to dark. */
export const AMOUNT = rampOf("#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b");
/** Two sides of a middle. */
export const SIDES = rampOf("#0b4f79", "#4f9dcb", "#f7f6f2", "#ec9a5c", "#a84300");
/** The same, faint, to draw on. */
export const FAINT_SIDES = rampOf("#a9cfe8", "#f8f7f3", "#f8c9a4");

/** Whether white writing is read better on a colour than dark. */
export function isDark(colour: string): boolean {
  const [red, green, blue] = channelsOf(colour) as [number, number, number];
  return 0.299 * red + 0.587 * green + 0.114 * blue < 140;
}
