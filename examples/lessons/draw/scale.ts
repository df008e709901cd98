/** @file From numbers to places, linear or logarithmic, and the round numbers that an axis names. */

export interface Scale {
  /** Between 0 and 1 within the domain. */
  place(value: number): number;
  readonly ticks: readonly Tick[];
}

export interface Tick {
  readonly value: number;
  readonly label: string;
}

export interface ScaleOptions {
  readonly kind?: "linear" | "log";
  /** Left out, that of the numbers shown. */
  readonly domain?: readonly [number, number];
  /** Names for places, instead of numbers. */
  readonly ticks?: readonly Tick[];
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const raised = (exponent: number): string =>
  (exponent < 0 ? "⁻" : "") + [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]).join("");

/** 1, 2 or 5 times a power of ten, so that some five of them cover the span. */
function stepOf(span: number): number {
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const times = [1, 2, 5, 10].find((each) => each * power >= rough * 0.999)!;
  return times * power;
}

function linear(low: number, high: number, ticks: readonly Tick[] | undefined): Scale {
  const step = stepOf(high - low);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  const round = Array.from({ length: count }, (_, index) => (first + index) * step);
  const label = (value: number) => (step >= 1 ? value.toLocaleString("en") : value.toFixed(digits));
  return {
    place: (value) => (value - low) / (high - low),
    ticks: ticks ?? round.map((value) => ({ value, label: label(value) })),
  };
}

function logarithmic(low: number, high: number, ticks: readonly Tick[] | undefined): Scale {
  const [first, last] = [Math.log10(low), Math.log10(high)];
  const decades = Array.from({ length: Math.floor(last + 1e-9) - Math.ceil(first - 1e-9) + 1 }, (_, index) =>
    Math.ceil(first - 1e-9 + index),
  );
  if (decades.length < 3 && ticks === undefined) {
    const round = [first, first + 1, first + 2].flatMap((exponent) =>
      [1, 2, 5].map((times) => times * 10 ** Math.floor(exponent)),
    );
    const within = round.filter((value) => value >= low && value <= high);
    const label = (value: number) => value.toLocaleString("en", { maximumSignificantDigits: 1 });
    return logarithmic(
      low,
      high,
      within.map((value) => ({ value, label: label(value) })),
    );
  }
  const every = Math.ceil(decades.length / 6);
  const whole = decades.filter((exponent) => exponent % every === 0);
  const isPlain = whole.every((exponent) => exponent >= -3 && exponent <= 4);
  const named = whole.map((exponent) => ({
    value: 10 ** exponent,
    label: isPlain ? (10 ** exponent).toLocaleString("en") : `10${raised(exponent)}`,
  }));
  return { place: (value) => (Math.log10(value) - first) / (last - first), ticks: ticks ?? named };
}

/** @param shown the numbers that have to fit, where no domain is given */
export function scaleOf(shown: readonly number[], { kind = "linear", domain, ticks }: ScaleOptions = {}): Scale {
  const finite = shown.filter((value) => Number.isFinite(value) && (kind === "linear" || value > 0));
  const [low, high] = domain ?? [Math.min(...finite), Math.max(...finite)];
  const isFlat = !(high > low);
  if (kind === "log") return logarithmic(isFlat ? low / 2 : low, isFlat ? low * 2 : high, ticks);
  return linear(isFlat ? low - 0.5 : low, isFlat ? low + 0.5 : high, ticks);
}
