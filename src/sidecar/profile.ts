/**
 * @file `ml-sidecar profile NAME`: where the time of a training step goes, summed by kind of instruction, and as a trace in
 * Chrome's format (one event an instruction), which Perfetto opens.
 */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { createMachine } from "../engine/index.ts";
import { NETWORK_NAMES, NETWORKS, type NetworkName } from "../pipelines/networks.ts";
import { trainNetwork } from "../pipelines/runNetwork.ts";
import { type Settings, UsageError } from "./commandline.ts";
import { executorOptions } from "./executorOptions.ts";

/** Milliseconds before the first step that counts, so that the kernels are compiled to their best; and steps that count. */
const WARM_UP = 1000;
const STEPS = 5;

interface Sum {
  count: number;
  milliseconds: number;
  flops: number;
}

function sumBy<T extends Omit<Sum, "count">>(events: readonly T[], key: (event: T) => string): [string, Sum][] {
  const sums = new Map<string, Sum>();
  for (const event of events) {
    const sum = sums.get(key(event)) ?? { count: 0, milliseconds: 0, flops: 0 };
    sums.set(key(event), sum);
    sum.count++;
    sum.milliseconds += event.milliseconds;
    sum.flops += event.flops;
  }
  return [...sums].sort(([, a], [, b]) => b.milliseconds - a.milliseconds);
}

/** Lines of a table: milliseconds a step, GFLOP/s, how often a step, what. */
function table(sums: readonly [string, Sum][]): string[] {
  return sums.map(([name, { count, milliseconds, flops }]) => {
    const rate = flops > 0 ? `${(flops / milliseconds / 1e6).toFixed(1)} GFLOP/s` : "";
    const [time, times] = [(milliseconds / STEPS).toFixed(3), String(Math.round(count / STEPS))];
    return `${time.padStart(10)} ms ${rate.padStart(14)} ${times.padStart(6)} ×  ${name}`;
  });
}

/** @returns the report; the trace is written to the working directory. @throws UsageError for a name that is none */
export function profile(name: string | null, settings: Settings): string {
  if (!(NETWORK_NAMES as readonly (string | null)[]).includes(name)) {
    throw new UsageError(`profile takes the name of a network: ${NETWORK_NAMES.join(", ")}`);
  }
  const machine = createMachine({ ...executorOptions(settings), threads: settings.threads ?? 1 });
  const training = trainNetwork(NETWORKS[name as NetworkName], machine);
  for (const end = performance.now() + WARM_UP; performance.now() < end; ) training.step();
  const began = performance.now();
  for (let step = 0; step < STEPS; step++) training.step();
  const whole = (performance.now() - began) / STEPS;
  const performed = Array.from({ length: STEPS }, () => training.program.profile!()).flat();
  const summary = training.program.explain().split("\n").slice(0, 3);
  training.close();

  let at = 0;
  const traceEvents = performed.map(({ label, kind, milliseconds, flops }) => {
    const event = {
      name: label,
      cat: kind,
      ph: "X",
      ts: at * 1000,
      dur: milliseconds * 1000,
      pid: 1,
      tid: 1,
      args: { flops },
    };
    at += milliseconds;
    return event;
  });
  const path = resolve(`${name}.trace.json`);
  writeFileSync(path, JSON.stringify({ displayTimeUnit: "ms", traceEvents }));
  return [
    `${name}: ${whole.toFixed(3)} ms a step, compiled in ${training.compileMilliseconds.toFixed(0)} ms`,
    ...summary,
    "",
    "by kind, each instruction alone on one thread:",
    ...table(sumBy(performed, ({ kind }) => kind)),
    "",
    "the twelve that take longest:",
    ...table(sumBy(performed, ({ label }) => label).slice(0, 12)),
    "",
    `trace: ${path} (open it at https://ui.perfetto.dev)`,
    "",
  ].join("\n");
}
