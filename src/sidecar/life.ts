/** @file Why and how the process ends. It never outlives its host, and never loses a line that it has already written. */
import { readFileSync } from "node:fs";

export type Ending = "shutdown" | "input ended" | "signal" | "broken pipe" | "parent gone" | "internal";

export const EXIT_CODES = {
  shutdown: 0,
  "input ended": 0,
  signal: 0,
  usage: 3,
  "broken pipe": 4,
  "parent gone": 5,
  "engine crashed": 6,
  "data directory locked": 7,
  internal: 70,
} as const satisfies Record<Ending, number> & Record<string, number>;

const POLL_MILLISECONDS = 200;
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

export interface Life {
  /** Watches one more process; the sidecar ends when it does. A process that is not there counts as gone. */
  alsoWatch(pid: number): void;
  stop(): void;
}

/**
 * Calls `end` when the host is gone or asks us to go. Standard input's end is not enough, because a sibling may hold the pipe open:
 * the parent is polled too. What is compared is not only its number, which the system may give to another process, but
 * the time at which it started.
 */
export function watchLife(end: (ending: Ending) => void): Life {
  const parent = process.ppid;
  const watched: Identity[] = [];
  const poll = setInterval(() => {
    // Orphans get a new parent. A host that is itself process 1 stays process 1.
    if (process.ppid !== parent || watched.some(isGone)) end("parent gone");
  }, POLL_MILLISECONDS);
  for (const signal of SIGNALS) process.on(signal, () => end("signal"));
  return {
    alsoWatch: (pid) => void watched.push(identify(pid)),
    stop: () => clearInterval(poll),
  };
}

/** A process as distinct from a later one that gets the same number. */
export interface Identity {
  readonly pid: number;
  /** Opaque; null where the system does not tell. */
  readonly started: string | null;
}

export function identify(pid: number): Identity {
  return { pid, started: startTime(pid) };
}

export function isGone({ pid, started }: Identity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
  const now = startTime(pid);
  return now === "zombie" || (started !== null && now !== null && now !== started);
}

/** Linux's field 22 of `/proc/<pid>/stat`, in clock ticks since the system started. The name in field 2 may hold anything. */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "zombie" : fields[19]!;
  } catch {
    return null;
  }
}
