/** @file A whole picture: what it shows in a sentence, then panels side by side, line by line. */
import type { Panel } from "./axes.ts";
import { type Drawn, element, FAINT, text, wrapped } from "./svg.ts";

export interface PageOptions {
  /** The finding. */
  readonly title: string;
  /** How it was found. */
  readonly subtitle?: string;
  readonly width?: number;
  /** Lines of panels; each has a height in pixels, its panels their shares of the width. */
  readonly lines: readonly {
    readonly height: number;
    readonly panels: readonly (Panel | readonly [Panel, number])[];
  }[];
}

const MARGIN = 24;
const GAP = 22;
const FONTS = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";

/** @returns an SVG file's text. */
export function page({ title, subtitle = "", width = 960, lines }: PageOptions): string {
  const inner = width - 2 * MARGIN;
  const heading = wrapped(title, inner, 19).map((told, index) =>
    text(told, MARGIN, 40 + index * 25, { size: 19, weight: 700 }),
  );
  const under = 40 + (heading.length - 1) * 25;
  const small = subtitle === "" ? [] : wrapped(subtitle, inner, 12.5);
  const told = small.map((part, index) => text(part, MARGIN, under + 23 + index * 17, { size: 12.5, fill: FAINT }));
  let top = under + 18 + small.length * 17 + 16;
  const drawn: Drawn[] = [];
  for (const { height, panels } of lines) {
    const shares = panels.map((panel) => (typeof panel === "function" ? 1 : panel[1]));
    const room = inner - GAP * (panels.length - 1);
    const unit = room / shares.reduce((sum, share) => sum + share, 0);
    let left = MARGIN;
    for (const [index, panel] of panels.entries()) {
      const draw = typeof panel === "function" ? panel : panel[0];
      drawn.push(
        element("g", { transform: `translate(${left.toFixed(1)} ${top})` }, draw(shares[index]! * unit, height)),
      );
      left += shares[index]! * unit + GAP;
    }
    top += height + GAP;
  }
  const size = { width, height: top - GAP + MARGIN };
  const paper = element("rect", { ...size, fill: "#fcfcfa" });
  const whole = {
    xmlns: "http://www.w3.org/2000/svg",
    ...size,
    viewBox: `0 0 ${size.width} ${size.height}`,
    "font-family": FONTS,
  };
  return `${element("svg", whole, paper, ...heading, ...told, ...drawn)}\n`;
}
