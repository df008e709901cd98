/** @file A panel with axes: a title, two scales with their words, a legend, and marks in between. */
import type { Mark } from "./marks.ts";
import { type ScaleOptions, scaleOf } from "./scale.ts";
import { type Drawn, element, FAINT, INK, text, widthOf } from "./svg.ts";

/** Draws in a rectangle of so many pixels, from its upper left corner. */
export type Panel = (width: number, height: number) => Drawn;

export interface AxisOptions extends ScaleOptions {
  /** Without one, and without ticks, there is no axis. */
  readonly label?: string;
}

const isBare = ({ label, ticks }: AxisOptions): boolean => label === undefined && ticks?.length === 0;

export interface AxesOptions {
  readonly title?: string;
  readonly x: AxisOptions;
  readonly y: AxisOptions;
  /** In the order in which they are drawn. */
  readonly marks: readonly Mark[];
  /** Whether the x axis has lines too. */
  readonly grid?: boolean;
}

/** Room for an axis's numbers and words, in pixels; one that has neither takes little. */
const ROOM = { left: 58, below: 46, right: 14, bare: 6 };
const LEGEND_LINE = 18;
const CLIP = { next: 0 };

export function axes({ title, x: xAxis, y: yAxis, marks, grid = false }: AxesOptions): Panel {
  return (width, height) => {
    const left = isBare(yAxis) ? ROOM.bare : ROOM.left;
    const below = isBare(xAxis) ? ROOM.bare : ROOM.below;
    const heading = title === undefined ? "" : text(title, left, 14, { size: 13.5, weight: 600 });
    const entries = legend(marks, width - left - ROOM.right);
    const top = (title === undefined ? 4 : 24) + entries.lines * LEGEND_LINE + 8;
    const [inner, tall] = [width - left - ROOM.right, height - top - below];
    const points = marks.flatMap((mark) => mark.points);
    const xs = scaleOf(
      points.map(([x]) => x),
      xAxis,
    );
    const ys = scaleOf(
      points.map(([, y]) => y),
      yAxis,
    );
    const places = {
      x: (value: number) => left + xs.place(value) * inner,
      // minus infinity is the axis itself: where bars stand
      y: (value: number) => top + tall * (1 - (value === Number.NEGATIVE_INFINITY ? 0 : ys.place(value))),
    };
    const across = ys.ticks.map(({ value, label }) => {
      const y = places.y(value);
      const rule = element("line", { x1: left, x2: left + inner, y1: y, y2: y, stroke: "#e4e6ea" });
      return rule + text(label, left - 7, y + 4, { size: 11, anchor: "end", fill: FAINT });
    });
    const along = xs.ticks.map(({ value, label }) => {
      const x = places.x(value);
      const end = grid ? top : top + tall - 0.01;
      const rule = element("line", { x1: x, x2: x, y1: end, y2: top + tall + 4, stroke: grid ? "#e4e6ea" : "#b6bcc6" });
      return rule + text(label, x, top + tall + 17, { size: 11, anchor: "middle", fill: FAINT });
    });
    const floor = { x1: left, x2: left + inner, y1: top + tall, y2: top + tall, stroke: "#8a929e" };
    const clip = `clip${CLIP.next++}`;
    const room = element(
      "clipPath",
      { id: clip },
      element("rect", { x: left - 4, y: top - 16, width: inner + 8, height: tall + 16.5 }),
    );
    return [
      heading,
      element("g", { transform: `translate(${left} ${title === undefined ? 4 : 24})` }, entries.drawn),
      ...across,
      ...along,
      room,
      element("g", { "clip-path": `url(#${clip})` }, ...marks.map((mark) => mark.draw(places))),
      element("line", floor),
      text(xAxis.label ?? "", left + inner / 2, height - 8, { anchor: "middle", fill: INK }),
      text(yAxis.label ?? "", 13, top + tall / 2, { anchor: "middle", turned: -90, fill: INK }),
    ].join("");
  };
}

/** Names beside what they look like, in as many lines as they need. */
function legend(marks: readonly Mark[], width: number): { lines: number; drawn: Drawn } {
  const named = marks.filter((mark) => mark.name !== undefined);
  if (named.length === 0) return { lines: 0, drawn: "" };
  let [x, lines] = [0, 0];
  const drawn = named.map(({ name, colour = INK, swatch = "line" }) => {
    const long = 28 + widthOf(name!, 11.5) + 12;
    if (x > 0 && x + long > width) [x, lines] = [0, lines + 1];
    const at = lines * LEGEND_LINE + 6;
    const entry = SWATCHES[swatch](x, at, colour) + text(name!, x + 25, at + 4, { size: 11.5 });
    x += long;
    return entry;
  });
  return { lines: lines + 1, drawn: drawn.join("") };
}

const stroke = (x: number, y: number, colour: string, dashes?: string): Drawn =>
  element("line", { x1: x, x2: x + 20, y1: y, y2: y, stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dashes });

const SWATCHES: Readonly<Record<NonNullable<Mark["swatch"]>, (x: number, y: number, colour: string) => Drawn>> = {
  line: (x, y, colour) => stroke(x, y, colour),
  dashes: (x, y, colour) => stroke(x, y, colour, "5 4"),
  dot: (x, y, colour) => element("circle", { cx: x + 12, cy: y, r: 4.5, fill: colour }),
  box: (x, y, colour) => element("rect", { x: x + 6, y: y - 5.5, width: 12, height: 11, fill: colour, rx: 2 }),
};
