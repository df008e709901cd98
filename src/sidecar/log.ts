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

export function createLog(threshold: LogLevel): Log {
  const lowest = LOG_LEVELS.indexOf(threshold);
  let logger: Promise<Logger> | null = null;
  return (level, message, details = {}) => {
    if (LOG_LEVELS.indexOf(level) < lowest) return;
    logger ??= openLogger(threshold);
    logger.then((opened) => opened[level](details, message)).catch(() => {}); // a log that fails has nobody to tell
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
