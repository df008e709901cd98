/**
 * @file How threads share one instruction. The thread that runs the program cuts the work into chunks and publishes them as
 * a ticket; whoever is awake takes chunks until none are left; the program goes on when all are done. A helper that the
 * system keeps from running is never waited for, unless it holds a chunk.
 *
 * The ticket is one 64-bit word: a phase, how many chunks there are, how many were taken from the front, and from the back
 * (16 bits each). Taking a chunk adds one and returns all at once, so that a late helper can't mistake one phase's chunk for
 * another's. The thread that runs the program takes from the front and helpers from the back, so that most of what a thread
 * reads it has written itself: lines that another core has changed come slowly.
 */
import {
  CONTROL_CHUNK_UNITS,
  CONTROL_CORES,
  CONTROL_CRASHED,
  CONTROL_DONE,
  CONTROL_INSTRUCTION,
  CONTROL_PATIENCE,
  CONTROL_QUIT,
  CONTROL_SLEEPERS,
  CONTROL_SPINS,
  CONTROL_THREADS,
  CONTROL_TICKET,
  CONTROL_WAITING,
  CONTROL_WAKE,
  MOST_THREADS,
} from "./layout";

const FIELD: i64 = 0xffff;
const FRONT: i64 = 0x10000;
const BACK: i64 = 1;
/** Looks at a word before going to sleep on it, a few nanoseconds each. */
const HELPER_SPINS = 20000;
const JOIN_SPINS = 5000;
/** Where each thread has a core: one that has halted is woken slowly, above all in a virtual machine. */
const PATIENT_SPINS = 8;
/** In nanoseconds. */
const SECOND: i64 = 1000000000;
/** Chunks a thread: more even the load out, fewer repeat less packing. */
const CHUNKS_PER_THREAD = 3;

/** Before a run on `threads` threads: how long they look for work. */
export function settle(threads: i32): void {
  store<i32>(CONTROL_SPINS, threads <= load<i32>(CONTROL_CORES) ? PATIENT_SPINS : 1);
}

/** Of `threads` threads the helpers that sleep are woken, and no others: worth it before work of a tenth of a millisecond. */
export function wake(threads: i32): void {
  const wanted: i64 = threads >= MOST_THREADS ? -2 : (<i64>1 << threads) - 2;
  let asleep = atomic.load<i64>(CONTROL_SLEEPERS) & wanted;
  while (asleep != 0) {
    const thread = ctz(asleep);
    asleep &= asleep - 1;
    atomic.and<i64>(CONTROL_SLEEPERS, ~(<i64>1 << thread));
    const word = CONTROL_WAKE + <usize>thread * 4;
    atomic.add<i32>(word, 1);
    atomic.notify(word, 1);
  }
}

/** Publishes an instruction's work for `threads` threads; returns the number of chunks. */
export function publish(instruction: usize, units: i32, grain: i32, threads: i32): i32 {
  const share = max(grain, (units + threads * CHUNKS_PER_THREAD - 1) / (threads * CHUNKS_PER_THREAD));
  const chunks = (units + share - 1) / share;
  store<u32>(CONTROL_INSTRUCTION, <u32>instruction);
  store<i32>(CONTROL_CHUNK_UNITS, share);
  store<i32>(CONTROL_THREADS, threads);
  atomic.store<i32>(CONTROL_DONE, 0);
  const phase = (atomic.load<i64>(CONTROL_TICKET) >>> 48) + 1;
  atomic.store<i64>(CONTROL_TICKET, (phase << 48) | (<i64>chunks << 32));
  return chunks;
}

// @ts-ignore: decorator
@inline
function chunksOf(ticket: i64): i64 {
  return (ticket >>> 32) & FIELD;
}

// @ts-ignore: decorator
@inline
function isLeft(ticket: i64): bool {
  return ((ticket >>> 16) & FIELD) + (ticket & FIELD) < chunksOf(ticket);
}

/** The next chunk of the published instruction, from the front or from the back, or −1 when none is left. */
export function take(isFront: bool): i32 {
  if (!isLeft(atomic.load<i64>(CONTROL_TICKET))) return -1;
  const ticket = atomic.add<i64>(CONTROL_TICKET, isFront ? FRONT : BACK);
  if (!isLeft(ticket)) return -1;
  return <i32>(isFront ? (ticket >>> 16) & FIELD : chunksOf(ticket) - 1 - (ticket & FIELD));
}

/** A taken chunk is done. */
export function finish(): void {
  atomic.add<i32>(CONTROL_DONE, 1);
  if (atomic.load<i32>(CONTROL_WAITING) != 0) atomic.notify(CONTROL_DONE, -1);
}

/**
 * Returns when all chunks are done: true, or false when a helper died. One that a chunk's code killed says so itself; of
 * one that vanished nothing is heard, second after second (one look after a long sleep of the whole process is no evidence).
 */
export function join(chunks: i32): bool {
  for (let spin = JOIN_SPINS * load<i32>(CONTROL_SPINS); spin > 0; spin--) {
    if (atomic.load<i32>(CONTROL_DONE) == chunks) return true;
  }
  atomic.store<i32>(CONTROL_WAITING, 1);
  let patience = load<i32>(CONTROL_PATIENCE);
  let before = -1;
  for (let done = atomic.load<i32>(CONTROL_DONE); done != chunks; done = atomic.load<i32>(CONTROL_DONE)) {
    if (atomic.load<i32>(CONTROL_CRASHED) != 0) return false;
    const timedOut = atomic.wait<i32>(CONTROL_DONE, done, SECOND) == 2;
    if (timedOut && done == before && --patience <= 0) return false;
    if (done != before) patience = load<i32>(CONTROL_PATIENCE);
    before = done;
  }
  atomic.store<i32>(CONTROL_WAITING, 0);
  return true;
}

/** The next chunk for helper `thread`, whenever there is one; −1 when the executor closes. */
export function nextChunk(thread: i32): i32 {
  while (true) {
    for (let spin = HELPER_SPINS * load<i32>(CONTROL_SPINS); spin > 0; spin--) {
      const seen = atomic.load<i64>(CONTROL_TICKET);
      if (isLeft(seen) && thread < load<i32>(CONTROL_THREADS)) {
        const chunk = take(false);
        if (chunk >= 0) return chunk;
      }
    }
    const word = CONTROL_WAKE + <usize>thread * 4;
    const wakes = atomic.load<i32>(word);
    if (atomic.load<i32>(CONTROL_QUIT) != 0) return -1;
    atomic.or<i64>(CONTROL_SLEEPERS, <i64>1 << thread);
    atomic.wait<i32>(word, wakes, -1);
    atomic.and<i64>(CONTROL_SLEEPERS, ~(<i64>1 << thread));
  }
}
