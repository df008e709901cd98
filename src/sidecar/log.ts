/**
 * @file The log: pino's JSON lines on standard error. Loaded with the first message that is to be written, because most
 * sessions write none. A host that never reads standard error costs a megabyte at most, and never a wait.
 */
import type { Logger } from "pino";
import { LOG_LEVELS, type LogLevel } from "./commandline.ts";

const MAX_UNREAD_BYTES = 2 ** 20;

export type Log = (
  level: Exclude<LogLevel, "silent">,
  message: string,
  details?: Readonly<Record<string, unknown>>,
) => void;

/** @returns the log, and what waits until all that it was told has left the process. */
export function createLog(threshold: LogLevel): { log: Log; flushed: () => Promise<void> } {
  const lowest = LOG_LEVELS.indexOf(threshold);
  let logger: Promise<Logger> | null = null;
  let last = Promise.resolve();
  return {
    log(level, message, details = {}) {
      if (LOG_LEVELS.indexOf(level) < lowest) return;
      logger ??= openLogger(threshold);
      last = logger.then((opened) => opened[level](details, message)).catch(() => {}); // a log that fails has nobody to tell
    },
    async flushed() {
      await last;
      if (process.stderr.writableLength > 0) await new Promise((done) => process.stderr.write("", done));
    },
  };
}

async function openLogger(level: LogLevel): Promise<Logger> {
  const { pino } = await import("pino");
  // Not pino's own destination: it would wait, at exit at the latest, for a pipe that nobody reads.
  const write = (text: string) => {
    if (process.stderr.writableLength < MAX_UNREAD_BYTES) process.stderr.write(text);
  };
  process.stderr.on("error", () => {}); // a closed standard error is no reason to stop
  return pino({ level, name: "ml-sidecar" }, { write });
}
