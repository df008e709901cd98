/** @file SVG as text: an element from its name, attributes and children, with everything escaped that has to be. */

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One element, drawn. */
export type Drawn = string;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]!);

/** Numbers to a hundredth of a pixel. */
const written = (value: string | number): string =>
  typeof value === "number" ? String(Math.round(value * 100) / 100) : escaped(value);

export function element(name: string, attributes: Attributes, ...children: readonly Drawn[]): Drawn {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const told = given.map(([key, value]) => ` ${key}="${written(value!)}"`).join("");
  return children.length === 0 ? `<${name}${told}/>` : `<${name}${told}>${children.join("")}</${name}>`;
}

export interface TextOptions {
  readonly size?: number;
  readonly fill?: string;
  readonly anchor?: "start" | "middle" | "end";
  readonly weight?: number;
  /** Degrees about the point, clockwise. */
  readonly turned?: number;
}

export const INK = "#22272e";
export const FAINT = "#667080";

export function text(
  words: string,
  x: number,
  y: number,
  { size = 12, fill = INK, anchor = "start", weight, turned }: TextOptions = {},
): Drawn {
  const transform = turned === undefined ? undefined : `rotate(${turned} ${written(x)} ${written(y)})`;
  const attributes = { x, y, "font-size": size, fill, "text-anchor": anchor, "font-weight": weight, transform };
  return element("text", attributes, escaped(words));
}

/** About how wide a text is, in pixels: enough to place things beside it. */
export const widthOf = (words: string, size = 12): number => words.length * size * 0.58;

/** A text in lines of at most so many pixels. */
export function wrapped(words: string, width: number, size: number): string[] {
  const lines: string[] = [""];
  for (const word of words.split(" ")) {
    const longer = lines.at(-1) === "" ? word : `${lines.at(-1)} ${word}`;
    if (widthOf(longer, size) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
