/** @file What stands within axes: lines with their spread, dots, bars, fields of colour, words. */
import { FAINT_SIDES, type Ramp } from "./palette.ts";
import { type Drawn, element, INK, text } from "./svg.ts";

export type Point = readonly [x: number, y: number];

/** Where a number stands, in pixels. */
export interface Places {
  x(value: number): number;
  y(value: number): number;
}

export interface Mark {
  /** For the legend; left out, it has no entry. */
  readonly name?: string;
  readonly colour?: string;
  readonly swatch?: "line" | "dashes" | "dot" | "box";
  /** The numbers that have to fit. */
  readonly points: readonly Point[];
  draw(places: Places): Drawn;
}

interface Named {
  readonly name?: string;
  readonly colour: string;
}

const named = ({ name }: { readonly name?: string }) => (name === undefined ? {} : { name });

export interface LineOptions extends Named {
  readonly points: readonly Point[];
  readonly dashed?: boolean;
  readonly width?: number;
  /** Lowest and highest at each x, as a pale band. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
  readonly dots?: boolean;
}

/** Numbers that are not finite break the line. */
export function line({ points, colour, dashed, width = 2, band = [], dots, ...rest }: LineOptions): Mark {
  const inBand = band.flatMap(([x, low, high]): Point[] => [
    [x, low],
    [x, high],
  ]);
  return {
    ...named(rest),
    colour,
    swatch: dashed ? "dashes" : "line",
    points: [...points, ...inBand],
    draw({ x, y }) {
      const at = ([px, py]: Point) => `${x(px).toFixed(1)} ${y(py).toFixed(1)}`;
      const edge = [
        ...band.map(([px, , high]): Point => [px, high]),
        ...band.map(([px, low]): Point => [px, low]).reverse(),
      ];
      const field =
        band.length === 0 ? "" : element("path", { d: `M${edge.map(at).join("L")}Z`, fill: colour, opacity: 0.15 });
      let pen = "M";
      const d = points.map((point) => {
        if (!Number.isFinite(y(point[1]))) {
          pen = "M";
          return "";
        }
        const piece = pen + at(point);
        pen = "L";
        return piece;
      });
      const stroke = {
        fill: "none",
        stroke: colour,
        "stroke-width": width,
        "stroke-linejoin": "round",
        "stroke-linecap": "round",
      };
      const path = element("path", { d: d.join(""), ...stroke, "stroke-dasharray": dashed ? "5 4" : undefined });
      const knots = dots
        ? points.map(([px, py]) => element("circle", { cx: x(px), cy: y(py), r: 3, fill: colour }))
        : [];
      return field + path + knots.join("");
    },
  };
}

export interface DotsOptions extends Named {
  readonly points: readonly Point[];
  readonly radius?: number;
  readonly opacity?: number;
}

export function dots({ points, colour, radius = 3.5, opacity = 0.9, ...rest }: DotsOptions): Mark {
  const dot = { r: radius, fill: colour, "fill-opacity": opacity, stroke: "#ffffff", "stroke-width": 0.8 };
  return {
    ...named(rest),
    colour,
    swatch: "dot",
    points,
    draw: ({ x, y }) => points.map(([px, py]) => element("circle", { cx: x(px), cy: y(py), ...dot })).join(""),
  };
}

export interface BarsOptions extends Named {
  /** The middle of each, and its height. */
  readonly points: readonly Point[];
  /** In units of the axis. */
  readonly width: number;
  readonly colours?: readonly string[];
  /** Over each. */
  readonly labels?: readonly string[];
  /** Lowest and highest of each, as a whisker. */
  readonly spread?: readonly (readonly [low: number, high: number])[];
}

/** Bars stand on the axis: zero where the scale is linear. */
export function bars({ points, width, colour, colours = [], labels = [], spread = [], ...rest }: BarsOptions): Mark {
  const sides = points.flatMap(([x, y]): Point[] => [
    [x - width / 2, y],
    [x + width / 2, y],
  ]);
  return {
    ...named(rest),
    colour,
    swatch: "box",
    points: [...sides, ...spread.flatMap((ends, index) => ends.map((end): Point => [points[index]![0], end]))],
    draw: ({ x, y }) =>
      points
        .map(([px, py], index) => {
          const [left, right, top] = [x(px - width / 2), x(px + width / 2), y(py)];
          const shape = {
            x: left,
            y: top,
            width: right - left,
            height: Math.max(0, y.call(null, Number.NEGATIVE_INFINITY) - top),
          };
          const bar = element("rect", { ...shape, fill: colours[index] ?? colour, rx: 1.5 });
          const ends = spread[index];
          const at = { x1: x(px), x2: x(px), stroke: INK, "stroke-width": 1.2 };
          const whisker = ends === undefined ? "" : element("line", { ...at, y1: y(ends[0]), y2: y(ends[1]) });
          const over = Math.min(top, ends === undefined ? top : y(ends[1])) - 5;
          const label = labels[index];
          return bar + whisker + (label === undefined ? "" : text(label, x(px), over, { size: 11, anchor: "middle" }));
        })
        .join(""),
  };
}

/** A colour for each place of a grid, under everything else. @param values by row from the lowest y, 0 to 1 */
export function field(
  values: readonly (readonly number[])[],
  { x: [left, right], y: [low, high], ramp = FAINT_SIDES }: { x: Point; y: Point; ramp?: Ramp },
): Mark {
  return {
    points: [
      [left, low],
      [right, high],
    ],
    draw({ x, y }) {
      const [rows, columns] = [values.length, values[0]!.length];
      const width = (x(right) - x(left)) / columns;
      const height = (y(low) - y(high)) / rows;
      const cells = values.flatMap((line, row) =>
        line.map((value, column) => {
          const at = { x: x(left) + column * width, y: y(low) - (row + 1) * height };
          return element("rect", { ...at, width: width + 0.4, height: height + 0.4, fill: ramp(value) });
        }),
      );
      return element("g", { "shape-rendering": "crispEdges" }, ...cells);
    },
  };
}

export interface WordsOptions {
  readonly at: Point;
  readonly colour?: string;
  readonly anchor?: "start" | "middle" | "end";
  readonly size?: number;
}

export function words(told: string, { at, colour = INK, anchor = "start", size = 12 }: WordsOptions): Mark {
  return {
    points: [at],
    draw: ({ x, y }) => text(told, x(at[0]), y(at[1]), { fill: colour, anchor, size }),
  };
}
