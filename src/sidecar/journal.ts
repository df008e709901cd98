/**
 * @file A job's events in the order of their numbers, to be replayed. With a data directory they are lines of an append-only
 * file; without, and for speed, the newest are kept in memory.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from "node:fs";

/** One event, as it goes over the wire. */
export interface JobEvent {
  readonly jobId: string;
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly t: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly traceparent?: string;
}

export interface Journal {
  append(event: JobEvent): void;
  /** Events numbered above `afterSeq`, oldest first, at most `limit`. */
  read(afterSeq: number, limit: number): readonly JobEvent[];
  readonly last: JobEvent | undefined;
  /** Lets go of what is only of use while events come. More may come all the same. */
  rest(): void;
}

const KEPT_IN_MEMORY = 4096;
/** Of a job that has ended, where no file has the rest. */
const KEPT_AT_REST = 1024;

/**
 * @param path the file to append to; null keeps the newest events in memory only.
 * @param onTrouble hears that an event could not be written (the disk is full). The event is told all the same.
 */
export function openJournal(path: string | null, onTrouble: (error: Error) => void = () => {}): Journal {
  const before = path === null ? [] : readJournal(path);
  let recent = before.slice(-KEPT_IN_MEMORY);
  let file: number | null = null;

  return {
    append(event) {
      if (path !== null) file ??= openSync(path, "a", 0o600);
      if (file !== null) appendWhole(file, `${JSON.stringify(event)}\n`, onTrouble);
      recent.push(event);
      if (recent.length > 2 * KEPT_IN_MEMORY) recent = recent.slice(-KEPT_IN_MEMORY);
    },
    read(afterSeq, limit) {
      const inMemory = path === null || afterSeq + 1 >= (recent[0]?.seq ?? 0);
      const events = inMemory ? recent : readJournal(path);
      const start = events.findIndex(({ seq }) => seq > afterSeq);
      return start < 0 ? [] : events.slice(start, start + limit);
    },
    get last() {
      return recent.at(-1);
    },
    rest() {
      if (file !== null) closeSync(file);
      file = null;
      recent = recent.slice(path === null ? -KEPT_AT_REST : -1);
    },
  };
}

/** Appends a line, or nothing: half a line would join with the next one. */
function appendWhole(file: number, line: string, onTrouble: (error: Error) => void): void {
  const { size } = fstatSync(file);
  try {
    const bytes = Buffer.from(line, "utf8");
    if (writeSync(file, bytes) < bytes.byteLength) throw new Error("the disk is full");
  } catch (error) {
    ftruncateSync(file, size);
    onTrouble(error as Error);
  }
}

/** Reads the events; a last line that was cut short when the process was killed is removed from the file. */
function readJournal(path: string): JobEvent[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
  return whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JobEvent);
}

/** Appends one record to a file of JSON lines. */
export function appendRecord(path: string, record: unknown): void {
  appendFileSync(path, `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

/** The whole records of a file of JSON lines, in order. */
export function readRecords<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as T);
}
