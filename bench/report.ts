/** @file The report: a line for each figure with its goal and whether it was met, as a table and as JSON. */
import { mkdir, writeFile } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { LimitCase, OnnxCase, RateCase } from "./cases.ts";

/** A step's time, ours and the peers'. */
export interface StepFigure {
  readonly case: string;
  readonly what: string;
  readonly threads: number;
  /** Version of the Node that ours ran on. */
  readonly node: string;
  /** Ours. */
  readonly milliseconds: number;
  /** Ours: GFLOP/s, and the share of what 128-bit arithmetic gives on so many cores; null where it isn't known. */
  readonly gflops: number | null;
  readonly shareOfPeak: number | null;
  /** GFLOP/s aimed at. */
  readonly gflopsGoal: number | null;
  /** By peer: its milliseconds, how many times longer it takes (paired median), and the ratio aimed at. */
  readonly peers: Readonly<Record<string, { milliseconds: number; ratio: number; goal: number | null }>>;
}

/** A number with a limit. */
export interface LimitFigure extends LimitCase {
  readonly value: number;
}

/** Steps a second, ours and a peer's. */
export interface RateFigure extends RateCase {
  readonly ours: number;
  readonly theirs: number;
  /** Ours divided by theirs, median of neighbouring rounds. */
  readonly ratio: number;
}

/** An imported file's run, by each executor. */
export interface OnnxFigure extends OnnxCase {
  /** Milliseconds. */
  readonly engine: number;
  readonly onnxruntime: number;
  /** How many times longer onnxruntime takes: the median of rounds in turn. */
  readonly ratio: number;
  /** What `executor: "auto"` kept. */
  readonly auto: string;
}

export interface Report {
  readonly when: string;
  readonly machine: { cpu: string; cores: number; node: string };
  /** `busyShare` before and after. */
  readonly busy: readonly [before: number, after: number];
  /** GFLOP/s that 128-bit arithmetic gives on one core here. */
  readonly peak: number | null;
  readonly contenders: readonly string[];
  readonly leftOut: readonly string[];
  readonly steps: readonly StepFigure[];
  readonly rates: readonly RateFigure[];
  readonly limits: readonly LimitFigure[];
  readonly files: readonly OnnxFigure[];
}

/**
 * The share of the machine's processor time that goes to others, from 0 to 1, over a moment in which the bench does nothing.
 * PyTorch's threads wait for each other by spinning, so on a busy machine its times with two threads say nothing.
 */
export async function busyShare(milliseconds = 500): Promise<number> {
  const before = os.cpus();
  await setTimeout(milliseconds);
  const shares = os.cpus().map(({ times }, index) => {
    const since = (name: keyof typeof times) => times[name] - before[index]!.times[name];
    const all = since("user") + since("nice") + since("sys") + since("idle") + since("irq");
    return all === 0 ? 0 : 1 - since("idle") / all;
  });
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

export function machine(): Report["machine"] {
  return { cpu: os.cpus()[0]?.model ?? "unknown", cores: os.cpus().length, node: process.version };
}

/** Three digits, in the unit that suits. */
function showTime(milliseconds: number): string {
  if (milliseconds < 0.1) return `${Number((milliseconds * 1000).toPrecision(3))} µs`;
  return milliseconds >= 100 ? `${milliseconds.toFixed(0)} ms` : `${Number(milliseconds.toPrecision(3))} ms`;
}

/** Markdown, so that it can stand in a README as it is. */
export function table({ steps, rates, limits, files }: Pick<Report, "steps" | "rates" | "limits" | "files">): string {
  const peers = [...new Set(steps.flatMap((figure) => Object.keys(figure.peers)))];
  const stepHead = [
    "case",
    "threads",
    "Node",
    "ours",
    "GFLOP/s",
    "of 128 bits",
    ...peers.flatMap((peer) => [peer, "ratio (goal)"]),
  ];
  return [
    markdown(steps.length > 0 ? [stepHead, ...steps.map((figure) => stepRow(figure, peers))] : []),
    markdown(
      rates.length > 0
        ? [["learning", "ours, steps/s", "Stable-Baselines3", "ratio (goal)"], ...rates.map(rateRow)]
        : [],
    ),
    markdown(
      files.length > 0
        ? [["imported file", "engine", "onnxruntime", "ratio", "`auto` kept"], ...files.map(fileRow)]
        : [],
    ),
    markdown(limits.length > 0 ? [["figure", "measured", "limit"], ...limits.map(limitRow)] : []),
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

/** A goal in brackets, and whether it was missed. */
function goalOf(value: number, goal: number | null): string {
  return goal === null ? "" : ` (≥ ${goal}${value >= goal ? "" : ", missed"})`;
}

function stepRow(figure: StepFigure, peers: readonly string[]): string[] {
  const { gflops, gflopsGoal, shareOfPeak } = figure;
  const cells = peers.flatMap((peer) => {
    const times = figure.peers[peer];
    if (times === undefined) return ["–", "–"];
    return [showTime(times.milliseconds), `${times.ratio.toFixed(2)} ×${goalOf(times.ratio, times.goal)}`];
  });
  const rate = gflops === null ? "–" : `${gflops.toFixed(1)}${goalOf(gflops, gflopsGoal)}`;
  const share = shareOfPeak === null ? "–" : `${Math.round(shareOfPeak * 100)} %`;
  return [
    `\`${figure.case}\` ${figure.what}`,
    String(figure.threads),
    figure.node,
    showTime(figure.milliseconds),
    rate,
    share,
    ...cells,
  ];
}

function rateRow({ name, what, ours, theirs, ratio, goal }: RateFigure): string[] {
  const show = (rate: number) => Math.round(rate).toLocaleString("en");
  return [`\`${name}\` ${what}`, show(ours), show(theirs), `${ratio.toFixed(2)} ×${goalOf(ratio, goal)}`];
}

function fileRow({ name, what, engine, onnxruntime, ratio, auto }: OnnxFigure): string[] {
  return [`\`${name}\` ${what}`, showTime(engine), showTime(onnxruntime), `${ratio.toFixed(2)} ×`, auto];
}

function limitRow({ name, what, value, unit, limit, wanted }: LimitFigure): string[] {
  const show = (number: number) => (unit === "ms" ? showTime(number) : `${number.toFixed(2)} ${unit}`);
  const isMet = wanted === "at most" ? value <= limit : value >= limit;
  return [`\`${name}\` ${what}`, show(value), `${wanted} ${show(limit)}${isMet ? "" : ", missed"}`];
}

function markdown(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows;
  if (head === undefined) return "";
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...body.map(line)].join("\n");
}

/** @returns the path of the file written. */
export async function save(report: Report): Promise<string> {
  await mkdir("bench/results", { recursive: true });
  const path = join("bench/results", `${report.when.replaceAll(":", "-")}.json`);
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
  return path;
}
