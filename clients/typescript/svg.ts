/** @file Pictures of what models hold, as SVG text, the same as the Python client's: heat maps, histograms, bars. */
import { decodeTensor, isTensorObject } from "../../src/protocol/index.ts";

export interface HeatMapOptions {
  readonly title?: string;
  /** Names beside the rows, and below the columns. */
  readonly rows?: readonly string[];
  readonly columns?: readonly string[];
  /** Side of a cell in pixels. */
  readonly cell?: number;
}

type Colour = readonly [red: number, green: number, blue: number];

const FONT = 'font-family="sans-serif" font-size="12" fill="#333"';
const [WARM, COLD, MIDDLE]: readonly [Colour, Colour, Colour] = [
  [178, 24, 43],
  [33, 102, 172],
  [247, 247, 247],
];
const INNER = 12;
const HEADING = 34;
const LETTER = 7;

/** A title takes room at the top. */
const topOf = (title: string): number => (title === "" ? INNER : HEADING);
const widest = (names: readonly string[]): number => Math.max(0, ...names.map((name) => LETTER * name.length));

/**
 * A matrix as coloured cells: blue below zero, red above, white at zero; what is no number is grey.
 * @param values rows of numbers, or a tensor of the wire of two axes: a saliency map, attention weights
 */
export function heatMap(
  values: unknown,
  { title = "", rows = [], columns = [], cell = 24 }: HeatMapOptions = {},
): string {
  const matrix = matrixOf(values);
  const reach = furthest(matrix.flat());
  const [left, top] = [INNER + widest(rows), topOf(title)];
  const [width, height] = [Math.max(0, ...matrix.map((row) => row.length)) * cell, matrix.length * cell];
  const cells = matrix.flatMap((row, y) =>
    row.map((value, x) => {
      const place = `x="${left + x * cell}" y="${top + y * cell}" width="${cell}" height="${cell}"`;
      return `<rect ${place} fill="${colourOf(value / reach)}"><title>${shown(value)}</title></rect>`;
    }),
  );
  const beside = rows.map((name, y) => text(name, left - 6, top + (y + 0.68) * cell, "end"));
  const below = columns.map((name, x) => text(name, left + (x + 0.5) * cell, top + height + 16, "middle"));
  const under = columns.length > 0 ? 16 : 0;
  const scale = text(`±${shown(reach)}`, left, top + height + 18 + under);
  return picture(left + width + INNER, top + height + 28 + under, title, [...cells, ...beside, ...below, scale]);
}

/** What `models.inspect` says of a parameter or a layer. */
export interface WithHistogram {
  readonly histogram?: { readonly counts: readonly number[]; readonly edges: readonly (number | string)[] } | undefined;
}

/** @throws TypeError for statistics that were asked for without bins */
export function histogram(
  { histogram: bins }: WithHistogram,
  { title = "", width = 360, height = 160 }: { title?: string; width?: number; height?: number } = {},
): string {
  if (bins === undefined) throw new TypeError("no histogram: ask `models.inspect` for `bins` of 1 or more");
  const { counts, edges } = bins;
  const top = topOf(title);
  const room = height - top - 30;
  const step = (width - 2 * INNER) / Math.max(1, counts.length);
  const most = Math.max(1, ...counts);
  const columns = counts.map((count, index) => {
    const tall = (room * count) / most;
    const place = `x="${fixed(INNER + index * step)}" y="${fixed(top + room - tall)}" width="${fixed(Math.max(0.5, step - 1))}"`;
    return `<rect ${place} height="${fixed(tall)}" fill="${rgb(COLD)}"><title>${count}</title></rect>`;
  });
  const ends = [
    text(shown(edges[0]), INNER, height - 12),
    text(shown(edges.at(-1)), width - INNER, height - 12, "end"),
  ];
  return picture(width, height, title, [...columns, ...ends]);
}

const LINE = 22;
const NUMBERS = 60;

/** A bar for each name, those of most weight first: attributions of one row by column, say. */
export function bars(
  values: Readonly<Record<string, number>>,
  { title = "", width = 420 }: { title?: string; width?: number } = {},
): string {
  const ordered = Object.entries(values).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const top = topOf(title);
  const left = 16 + widest(ordered.map(([name]) => name));
  const room = width - left - NUMBERS - 10;
  const isTwoSided = ordered.some(([, value]) => value < 0);
  const zero = left + (isTwoSided ? room / 2 : 0);
  const unit = (isTwoSided ? room / 2 : room) / furthest(ordered.map(([, value]) => value));
  const drawn = ordered.flatMap(([name, value], index) => {
    const y = top + index * LINE;
    const long = Number.isFinite(value) ? Math.abs(value) * unit : 0;
    const place = `x="${fixed(value < 0 ? zero - long : zero)}" y="${y + 3}" width="${fixed(long)}" height="${LINE - 7}"`;
    const bar = `<rect ${place} fill="${colourOf(value < 0 ? -1 : 1)}"/>`;
    return [text(name, left - 8, y + 14, "end"), bar, text(shown(value), width - NUMBERS, y + 14)];
  });
  const bottom = top + ordered.length * LINE;
  const axis = `<line x1="${fixed(zero)}" x2="${fixed(zero)}" y1="${top}" y2="${bottom}" stroke="#999"/>`;
  return picture(width, bottom + INNER, title, [...drawn, axis]);
}

/** Rows of numbers, from nested lists or a tensor of the wire. */
function matrixOf(values: unknown): number[][] {
  if (!isTensorObject(values)) return (values as readonly (readonly unknown[])[]).map((row) => row.map(Number));
  const { shape, data } = decodeTensor(values);
  if (shape.length !== 2) throw new TypeError(`a heat map is of two axes, not [${shape.join(", ")}]`);
  const [height, width] = shape as [number, number];
  return Array.from({ length: height }, (_, y) => Array.from(data.subarray(y * width, (y + 1) * width), Number));
}

/** The largest amount among numbers; 1 where there is none, to divide by. */
const furthest = (values: readonly number[]): number =>
  values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0) || 1;

/** From −1, blue, over white to 1, red. */
function colourOf(share: number): string {
  if (Number.isNaN(share)) return "#999";
  const [end, part] = [share > 0 ? WARM : COLD, Math.min(1, Math.abs(share))];
  return rgb(MIDDLE.map((middle, at) => Math.round(middle + (end[at]! - middle) * part)));
}

const rgb = (colour: readonly number[]): string => `rgb(${colour.join(",")})`;
const fixed = (value: number): string => value.toFixed(2);
const shown = (value: number | string | undefined): string => String(Number(Number(value).toPrecision(3)));
const escaped = (told: string): string =>
  told.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]!);

const text = (told: string, x: number, y: number, anchor = "start"): string =>
  `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${escaped(told)}</text>`;

function picture(width: number, height: number, title: string, parts: readonly string[]): string {
  const size = `width="${Math.round(width)}" height="${Math.round(height)}"`;
  const heading = title === "" ? [] : [`<text x="${INNER}" y="22" font-size="14">${escaped(title)}</text>`];
  const paper = '<rect width="100%" height="100%" fill="#fff"/>';
  return [`<svg xmlns="http://www.w3.org/2000/svg" ${size} ${FONT}>`, paper, ...heading, ...parts, "</svg>", ""].join(
    "\n",
  );
}
