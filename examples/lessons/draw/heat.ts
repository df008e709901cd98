/** @file A heat map: a colour for each row and column, with their names and a bar that tells what colours mean. */
import type { Panel } from "./axes.ts";
import { AMOUNT, isDark, type Ramp } from "./palette.ts";
import { element, FAINT, INK, text, widthOf } from "./svg.ts";

export interface HeatOptions {
  readonly title?: string;
  /** By row from the top. */
  readonly values: readonly (readonly number[])[];
  readonly rows?: readonly string[];
  readonly columns?: readonly string[];
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** What the ends of the ramp stand for; left out, the least and most. */
  readonly domain?: readonly [number, number];
  readonly ramp?: Ramp;
  /** What is written into each cell, if anything. */
  readonly write?: (value: number) => string;
  /** Under the bar of colours; without it there is no bar. */
  readonly unit?: string;
  /** Whether cells are as high as wide. */
  readonly square?: boolean;
}

/** Which of many names there is room for. */
const every = (count: number, size: number, needed: number): number => Math.max(1, Math.ceil(needed / (size / count)));

export function heat(options: HeatOptions): Panel {
  const {
    title,
    values,
    rows = [],
    columns = [],
    xLabel,
    yLabel,
    ramp = AMOUNT,
    write,
    unit,
    square = false,
  } = options;
  const flat = values.flat();
  const [low, high] = options.domain ?? [Math.min(...flat), Math.max(...flat)];
  const count = { rows: values.length, columns: values[0]!.length };
  return (width, height) => {
    const left = (yLabel === undefined ? 4 : 22) + Math.max(0, ...rows.map((name) => widthOf(name, 11) + 8));
    const top = title === undefined ? 4 : 28;
    const below = (columns.length > 0 ? 20 : 4) + (xLabel === undefined ? 0 : 20);
    const right = unit === undefined ? 6 : 66;
    let [cellWidth, cellHeight] = [(width - left - right) / count.columns, (height - top - below) / count.rows];
    if (square) cellWidth = cellHeight = Math.min(cellWidth, cellHeight);
    const [inner, tall] = [cellWidth * count.columns, cellHeight * count.rows];
    const cells = values.flatMap((line, row) =>
      line.map((value, column) => {
        const fill = ramp((value - low) / (high - low || 1));
        const at = { x: left + column * cellWidth, y: top + row * cellHeight };
        const cell = element("rect", { ...at, width: cellWidth + 0.3, height: cellHeight + 0.3, fill });
        if (write === undefined) return cell;
        const told = { anchor: "middle", size: 11, fill: isDark(fill) ? "#ffffff" : INK } as const;
        return cell + text(write(value), at.x + cellWidth / 2, at.y + cellHeight / 2 + 4, told);
      }),
    );
    const skipRows = every(rows.length, tall, 12);
    const skipColumns = every(columns.length, inner, Math.max(...columns.map((name) => widthOf(name, 11) + 4), 1));
    return [
      title === undefined ? "" : text(title, left, 14, { size: 13.5, weight: 600 }),
      element("g", { "shape-rendering": write === undefined ? "crispEdges" : undefined }, ...cells),
      ...rows.map((name, row) =>
        row % skipRows === 0
          ? text(name, left - 6, top + (row + 0.5) * cellHeight + 4, { size: 11, anchor: "end", fill: FAINT })
          : "",
      ),
      ...columns.map((name, column) =>
        column % skipColumns === 0
          ? text(name, left + (column + 0.5) * cellWidth, top + tall + 15, { size: 11, anchor: "middle", fill: FAINT })
          : "",
      ),
      xLabel === undefined ? "" : text(xLabel, left + inner / 2, top + tall + below - 4, { anchor: "middle" }),
      yLabel === undefined ? "" : text(yLabel, 13, top + tall / 2, { anchor: "middle", turned: -90 }),
      unit === undefined ? "" : barOfColours(left + inner + 14, top, tall, { low, high, ramp, unit }),
    ].join("");
  };
}

interface BarOptions {
  readonly low: number;
  readonly high: number;
  readonly ramp: Ramp;
  readonly unit: string;
}

const STEPS = 40;
const short = (value: number): string => String(Number(value.toPrecision(2)));

function barOfColours(x: number, top: number, tall: number, { low, high, ramp, unit }: BarOptions): string {
  const step = tall / STEPS;
  const steps = Array.from({ length: STEPS }, (_, index) =>
    element("rect", { x, y: top + index * step, width: 11, height: step + 0.5, fill: ramp(1 - (index + 0.5) / STEPS) }),
  );
  return [
    ...steps,
    text(short(high), x + 15, top + 9, { size: 10.5, fill: FAINT }),
    text(short(low), x + 15, top + tall, { size: 10.5, fill: FAINT }),
    text(unit, x + 24, top + tall / 2, { size: 11, anchor: "middle", turned: 90, fill: FAINT }),
  ].join("");
}
