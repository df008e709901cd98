/** @file What the demo shows on a terminal: colours where there are any, a progress line that redraws itself, pictures in half blocks. */
import { stdout } from "node:process";

const isTerminal = stdout.isTTY === true;
const hasColours = isTerminal && stdout.hasColors(256);

const paint = (code: string) => (text: string) => (hasColours ? `\u001b[${code}m${text}\u001b[0m` : text);
export const bold = paint("1");
export const dim = paint("2");
export const green = paint("32");
export const red = paint("31");
export const cyan = paint("36");

export function line(text = ""): void {
  stdout.write(`${text}\n`);
}

/** `  saved       /tmp/digits, 72 KB` */
export function fact(name: string, text: string): void {
  line(`  ${dim(name.padEnd(12))}${text}`);
}

export interface Progress {
  /** Redraws the line on a terminal; elsewhere writes one now and then. */
  show(fraction: number, text: string): void;
  /** Writes the last line, and leaves it. */
  end(text: string): void;
}

const LABEL_WIDTH = 14;
const WIDEST_BAR = 24;
const NARROWEST_BAR = 2;
/** Elsewhere than on a terminal: a line for each of so many parts. */
const PLAIN_LINES = 5;

/** A bar in eighths of a character, in what room the text leaves. */
function bar(fraction: number, text: string): string {
  const room = (stdout.columns ?? 80) - LABEL_WIDTH - text.length - 3;
  const width = Math.max(NARROWEST_BAR, Math.min(WIDEST_BAR, room));
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8);
  const partial = eighths % 8 === 0 ? "" : " ▏▎▍▌▋▊▉"[eighths % 8]!;
  return cyan(`${"█".repeat(Math.floor(eighths / 8))}${partial}`.padEnd(width, " ")) + dim("▕");
}

export function createProgress(name: string): Progress {
  let shown = 0;
  const clear = isTerminal ? "\r\u001b[2K" : "";
  const label = `  ${dim(name.padEnd(12))}`;
  return {
    show(fraction, text) {
      if (isTerminal) stdout.write(`${clear}${label}${bar(fraction, text)} ${text}`);
      else if (Math.floor(fraction * PLAIN_LINES) > shown) {
        shown = Math.floor(fraction * PLAIN_LINES);
        line(`${label}${String(Math.round(fraction * 100)).padStart(3)} %  ${text}`);
      }
    },
    end(text) {
      stdout.write(`${clear}${label}${text}\n`);
    },
  };
}

/** Grey levels from 0 to 16, row by row. */
export interface Picture {
  readonly width: number;
  readonly pixels: ArrayLike<number>;
}

/** The 256-colour palette's greys, from black to white. */
const grey = (level: number) => 232 + Math.round((Math.min(16, Math.max(0, level)) / 16) * 23);

/** Two pixels, one above the other, in one character. */
function halfBlocks(above: number, below: number): string {
  if (hasColours) return `\u001b[38;5;${grey(above)};48;5;${grey(below)}m▀\u001b[0m`;
  return [" ", "▄", "▀", "█"][(above > 6 ? 2 : 0) + (below > 6 ? 1 : 0)]!;
}

/** One line of text for each two rows of pixels. */
export function draw({ width, pixels }: Picture): string[] {
  const lines: string[] = [];
  for (let row = 0; row * width < pixels.length; row += 2) {
    const characters = Array.from({ length: width }, (_, column) =>
      halfBlocks(pixels[row * width + column]!, pixels[(row + 1) * width + column] ?? 0),
    );
    lines.push(characters.join(""));
  }
  return lines;
}

/** Columns of lines side by side. */
export function sideBySide(
  columns: readonly { readonly lines: readonly string[]; readonly width: number }[],
  gap = 3,
): string[] {
  const height = Math.max(...columns.map(({ lines }) => lines.length));
  return Array.from(
    { length: height },
    (_, row) => `  ${columns.map(({ lines, width }) => lines[row] ?? " ".repeat(width)).join(" ".repeat(gap))}`,
  );
}

const UNITS = ["B", "KB", "MB", "GB"];

/** 73411 as `73.4 KB`. */
export function bytes(count: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  return `${(count / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`;
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** 91250.4 as `91,250`. */
export const whole = (count: number): string => Math.round(count).toLocaleString("en-US");
