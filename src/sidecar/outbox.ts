/**
 * @file The lines on their way to the host, in order. One write is under way at a time; what arrives meanwhile leaves in
 * one piece afterwards. When the host does not read, lines past a few megabytes wait in a file, so that nothing is
 * lost and memory stays bounded.
 */
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import type { Sink } from "./stdout.ts";

const MEMORY_BYTES = 8 * 2 ** 20;
const CHUNK_BYTES = 2 ** 20;

export interface Outbox {
  /** Queues one line, newline included. */
  send(text: string): void;
  /** Bytes that wait behind the write under way. Zero means that the host keeps up. */
  backlog(): number;
  /** Calls back once everything sent so far has left the process. */
  whenEmpty(callback: () => void): void;
}

/**
 * @param overflowPath names a file for what does not fit in memory; asked only when needed.
 * @param onBroken hears once that the host has closed its end; later lines are dropped.
 * @param onDrained hears each time the backlog falls back to nothing.
 */
export function createOutbox(
  sink: Sink,
  overflowPath: () => string,
  onBroken: (error: Error) => void,
  onDrained: () => void,
): Outbox {
  let waiting: string[] = [];
  let waitingBytes = 0;
  let writing = false;
  let broken = false;
  let overflow: Overflow | null = null;
  let watchers: (() => void)[] = [];

  function next(): string | Uint8Array | null {
    if (waiting.length > 0) {
      const text = waiting.length === 1 ? waiting[0]! : waiting.join("");
      waiting = [];
      waitingBytes = 0;
      return text;
    }
    if (overflow === null) return null;
    const chunk = overflow.take();
    if (overflow.bytes() === 0) {
      overflow.close();
      overflow = null;
    }
    return chunk;
  }

  function pump(): void {
    const chunk = next();
    if (chunk === null) {
      onDrained();
      if (writing) return;
      const ready = watchers;
      watchers = [];
      for (const watcher of ready) watcher();
      return;
    }
    writing = true;
    sink.write(chunk, written);
  }

  function written(error?: Error | null): void {
    writing = false;
    if (!error) {
      pump();
      return;
    }
    const first = !broken;
    broken = true;
    waiting = [];
    waitingBytes = 0;
    overflow?.close();
    overflow = null;
    if (first) onBroken(error);
    pump();
  }

  return {
    send(text) {
      if (broken) return;
      if (!writing) {
        waiting.push(text);
        pump();
      } else if (overflow !== null || waitingBytes + text.length > MEMORY_BYTES) {
        overflow ??= openOverflow(overflowPath());
        overflow.put(text);
      } else {
        waiting.push(text);
        waitingBytes += text.length;
      }
    },
    backlog: () => waitingBytes + (overflow?.bytes() ?? 0),
    whenEmpty(callback) {
      if (writing) watchers.push(callback);
      else callback();
    },
  };
}

interface Overflow {
  put(text: string): void;
  take(): Uint8Array;
  bytes(): number;
  close(): void;
}

/** A file used as a queue of bytes: written at its end, read from its front, gone when the process is. */
function openOverflow(path: string): Overflow {
  const file = openSync(path, "w+", 0o600);
  unlinkSync(path);
  let head = 0;
  let tail = 0;
  return {
    put(text) {
      const bytes = Buffer.from(text, "utf8");
      for (let done = 0; done < bytes.byteLength; ) {
        done += writeSync(file, bytes, done, bytes.byteLength - done, tail + done);
      }
      tail += bytes.byteLength;
    },
    take() {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, tail - head));
      head += readSync(file, chunk, 0, chunk.byteLength, head);
      if (head === tail) {
        ftruncateSync(file, 0);
        head = 0;
        tail = 0;
      }
      return chunk;
    },
    bytes: () => tail - head,
    close: () => closeSync(file),
  };
}
