/** @file What a lesson is: an experiment that says what it found, checks it, and draws it. */
import type { Sidecar } from "../../clients/typescript/index.ts";

/** A claim, whether it holds, and the figures that say so. */
export interface Check {
  readonly claim: string;
  readonly holds: boolean;
  readonly got: string;
}

export interface Outcome {
  /** A sentence or two. */
  readonly finding: string;
  /** The first line names the columns. */
  readonly table: readonly (readonly (string | number)[])[];
  readonly checks: readonly Check[];
  /** SVG. */
  readonly picture: string;
}

export interface Lesson {
  readonly question: string;
  /** @param open the sidecar that all lessons share, started by the first that wants it */
  run(open: () => Promise<Sidecar>): Promise<Outcome>;
}

/** Columns side by side: the first to the left, numbers to the right. */
export function tableText(lines: Outcome["table"]): string {
  const cells = lines.map((line) => line.map(String));
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!);
  const [head, ...rest] = cells.map((line) => `  ${line.map(pad).join("   ")}`.trimEnd());
  return [head, `  ${"─".repeat(widths.reduce((sum, width) => sum + width + 3, -3))}`, ...rest].join("\n");
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.floor(sorted.length / 2)]!) / 2;
}

/** Whole numbers from 0. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
