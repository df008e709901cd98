/** @file The methods that must answer before anything else is loaded: no schema, no pipeline, no worker. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { ResultOf } from "../../protocol/methods.ts";
import type { Session } from "../session.ts";

const NANOSECONDS = 1e6;
const RESOLUTION_MILLISECONDS = 10;

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MILLISECONDS });
delay.enable();

/** The histogram counts the timer's own interval too. In milliseconds; 0 before anything was measured. */
function lateness(nanoseconds: number): number {
  const late = nanoseconds / NANOSECONDS - RESOLUTION_MILLISECONDS;
  return Number.isFinite(late) ? Math.max(0, Number(late.toFixed(3))) : 0;
}

function health({ state, version, jobs, models, requests }: Session): ResultOf<"runtime.health"> {
  const { rss, heapUsed } = process.memoryUsage();
  const states: Record<string, number> = {};
  for (const { state } of jobs.list()) states[state] = (states[state] ?? 0) + 1;
  return {
    live: true,
    ready: state === "ready",
    state,
    version,
    uptimeSeconds: Number(process.uptime().toFixed(3)),
    memory: { rss, heapUsed },
    jobs: states,
    models: models.count,
    inFlight: requests.count,
    eventLoopDelay: {
      p50: lateness(delay.percentile(50)),
      p99: lateness(delay.percentile(99)),
      max: lateness(delay.max),
    },
  };
}

const PONG = { pong: true } as const;

export const LIGHT = {
  ping: (): ResultOf<"ping"> => PONG,
  "runtime.health": health,
} as const;
