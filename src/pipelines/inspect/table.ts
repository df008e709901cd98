/** @file A summary as people read it: a table with a line for each layer. */
import type { Amounts, Summary, SymbolicShape } from "./summary.ts";

const HEADINGS = ["layer", "kind", "output", "parameters", "FLOPs", "bytes"];
/** Columns of numbers, which stand to the right. */
const NUMBERS = 3;

/** Lines no longer than they must be; what lies inside a layer stands indented below it. */
export function showSummary({ input, layers, totals }: Summary): string {
  const rows = layers.map(({ path, kind, depth, output, ...amounts }, index) => {
    const above = layers.slice(0, index).findLast((other) => other.depth < depth);
    const isBelow = above !== undefined && path.startsWith(`${above.path}.`);
    const name = isBelow ? path.slice(above.path.length + 1) : path;
    return [`${"  ".repeat(depth)}${name}`, kind, showSymbolic(output), ...numbers(amounts)];
  });
  const lines = [HEADINGS, ["input", "", showSymbolic(input), "", "", ""], ...rows];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const show = (line: readonly string[]): string =>
    line
      .map((cell, column) => (column < NUMBERS ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd();
  const rule = "─".repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  const { parameters, trainable, frozen, buffers, bytes, flops } = totals;
  return [
    show(lines[0]!),
    rule,
    ...lines.slice(1).map(show),
    rule,
    `parameters: ${grouped(parameters)}, of which ${grouped(trainable)} learn and ${grouped(frozen)} are frozen; other numbers: ${grouped(buffers)}`,
    `memory of all: ${showBytes(bytes)}; forward: ${showFlops(flops)} a row (a multiplication with its addition counts two)`,
    "a line counts what lies inside it",
  ].join("\n");
}

function numbers({ parameters, flops, bytes }: Amounts): string[] {
  return [parameters, flops, bytes].map((value) => (value === 0 ? "" : grouped(value)));
}

const showSymbolic = (shape: SymbolicShape): string => `[${shape.join(", ")}]`;
const grouped = (value: number): string => value.toLocaleString("en-US");

function showBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

function showFlops(flops: number): string {
  const unit = [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ].find(([, size]) => flops >= (size as number)) as [string, number] | undefined;
  return unit === undefined ? `${flops} FLOPs` : `${(flops / unit[1]).toFixed(2)} ${unit[0]}FLOPs`;
}
