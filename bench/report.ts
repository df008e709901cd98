/** @file The report: a line for each figure with its goal and whether it was met, as a table and as JSON. */
import { mkdir, writeFile } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

export interface Figure {
  readonly case: string;
  readonly what: string;
  readonly threads: number | null;
  /** Ours, in milliseconds. */
  readonly milliseconds: number;
  /** By peer: its milliseconds, how many times longer it takes (paired median), and the ratio aimed at. */
  readonly peers: Readonly<Record<string, { milliseconds: number; ratio: number; goal: number | null }>>;
  /** For figures with a limit instead of a peer. */
  readonly limitMilliseconds: number | null;
}

export interface Report {
  readonly when: string;
  readonly machine: { cpu: string; cores: number; node: string };
  /** `busyShare` before and after. */
  readonly busy: readonly [before: number, after: number];
  readonly contenders: readonly string[];
  readonly leftOut: readonly string[];
  readonly figures: readonly Figure[];
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
export function table(figures: readonly Figure[]): string {
  const peers = [...new Set(figures.flatMap((figure) => Object.keys(figure.peers)))];
  const steps = figures.filter((figure) => figure.limitMilliseconds === null);
  const limits = figures.filter((figure) => figure.limitMilliseconds !== null);
  const rows: string[][] = [];
  if (steps.length > 0) {
    rows.push(["case", "threads", "ours", ...peers.flatMap((peer) => [peer, "ratio (goal)"])]);
    for (const { case: name, what, threads, milliseconds, peers: byPeer } of steps) {
      const cells = peers.flatMap((peer) => {
        const times = byPeer[peer];
        if (times === undefined) return ["–", "–"];
        const goal = times.goal === null ? "" : ` (≥ ${times.goal}${times.ratio >= times.goal ? "" : ", missed"})`;
        return [showTime(times.milliseconds), `${times.ratio.toFixed(2)} ×${goal}`];
      });
      rows.push([`\`${name}\` ${what}`, String(threads), showTime(milliseconds), ...cells]);
    }
  }
  return [markdown(rows), markdown(limits.length > 0 ? [["figure", "measured", "limit"], ...limits.map(limitRow)] : [])]
    .filter((text) => text !== "")
    .join("\n\n");
}

function limitRow({ case: name, what, milliseconds, limitMilliseconds }: Figure): string[] {
  const met = milliseconds <= (limitMilliseconds ?? 0);
  return [`\`${name}\` ${what}`, showTime(milliseconds), `${showTime(limitMilliseconds ?? 0)}${met ? "" : ", missed"}`];
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
