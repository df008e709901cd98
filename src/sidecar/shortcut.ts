/**
 * @file What lets a run's thread answer a step by itself, without waking the thread that listens: one word says whether somebody is
 * writing to the host, and one word a call who answers it, so that each is answered once and no line lands inside another.
 */
import { writeSync } from "node:fs";

/** Standard output as threads share it. */
export interface SharedOutput {
  readonly descriptor: number;
  /** One word: whether somebody writes. */
  readonly gate: Int32Array;
}

const GATE = { open: 0, taken: 1 } as const;
/** Of a call: nobody has answered; a thread is about to; the listening thread has, or will; a thread has. */
const CALL = { open: 0, writing: 1, listener: 2, thread: 3 } as const;
/** Bytes that a pipe takes whole or not at all: POSIX's PIPE_BUF, as Linux and macOS have it at least. */
const WHOLE_BYTES = process.platform === "linux" ? 4096 : 512;
/** A write that returns at once takes no longer, unless its thread has died. */
const STUCK_MILLISECONDS = 50;
/** As many requests are in flight at most: a call's word is its number's place among as many. */
const CALLS = 256;

export const newWords = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
export const newCallWords = (): Int32Array => newWords(CALLS);

/** Takes the gate for the listening thread, which lets others in with `leaveGate` once everything it has is written. */
export function enterGate({ gate }: SharedOutput): void {
  while (Atomics.compareExchange(gate, 0, GATE.open, GATE.taken) !== GATE.open) {
    if (Atomics.wait(gate, 0, GATE.taken, STUCK_MILLISECONDS) === "timed-out") return; // it died there: the gate is ours as it is
  }
}

export function leaveGate({ gate }: SharedOutput): void {
  Atomics.store(gate, 0, GATE.open);
  Atomics.notify(gate, 0);
}

export function openCall(calls: Int32Array, id: number): void {
  Atomics.store(calls, id % CALLS, CALL.open);
}

/** Whether a thread has answered. The host may have read the line before the thread comes to say so: that moment is waited for. */
export function isAnswered(calls: Int32Array, id: number): boolean {
  const word = id % CALLS;
  if (Atomics.load(calls, word) === CALL.writing) Atomics.wait(calls, word, CALL.writing, STUCK_MILLISECONDS);
  return Atomics.load(calls, word) === CALL.thread;
}

/** Takes a call for the listening thread. @returns false where a thread has answered it */
export function takeCall(calls: Int32Array, id: number): boolean {
  return !isAnswered(calls, id) && Atomics.compareExchange(calls, id % CALLS, CALL.open, CALL.listener) !== CALL.thread;
}

/** Answers a call from a run's thread. @returns false where the listening thread is to see to it */
export function answerDirectly(
  { descriptor, gate }: SharedOutput,
  calls: Int32Array,
  id: number,
  line: string,
): boolean {
  const bytes = Buffer.from(line, "utf8");
  if (bytes.byteLength > WHOLE_BYTES) return false;
  if (Atomics.compareExchange(gate, 0, GATE.open, GATE.taken) !== GATE.open) return false;
  const word = id % CALLS;
  const isOurs = Atomics.compareExchange(calls, word, CALL.open, CALL.writing) === CALL.open;
  const isWritten = isOurs && writeWhole(descriptor, bytes);
  if (isOurs) {
    Atomics.store(calls, word, isWritten ? CALL.thread : CALL.open);
    Atomics.notify(calls, word);
  }
  Atomics.store(gate, 0, GATE.open);
  Atomics.notify(gate, 0);
  return isWritten;
}

/** A full pipe takes nothing; a broken one is left to the listening thread to find. */
function writeWhole(descriptor: number, bytes: Uint8Array): boolean {
  try {
    return writeSync(descriptor, bytes) === bytes.byteLength;
  } catch {
    return false;
  }
}
