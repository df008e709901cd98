/** @file How threads share a program: barriers that spin a little and then sleep, and how helpers wait for the next run. */
import {
  CONTROL_ARRIVED,
  CONTROL_GENERATION,
  CONTROL_IDLE,
  CONTROL_QUIT,
  CONTROL_RUN,
  CONTROL_SLEEPERS,
} from "./layout";

/** Looks at a word before going to sleep on it: in a barrier, and between runs. About a nanosecond each. */
const BARRIER_SPINS = 4000;
const IDLE_SPINS = 30000;

/** Returns when all `threads` threads have called it. */
export function barrier(threads: i32): void {
  const generation = atomic.load<i32>(CONTROL_GENERATION);
  if (atomic.add<i32>(CONTROL_ARRIVED, 1) == threads - 1) {
    atomic.store<i32>(CONTROL_ARRIVED, 0);
    atomic.add<i32>(CONTROL_GENERATION, 1);
    if (atomic.load<i32>(CONTROL_SLEEPERS) != 0) atomic.notify(CONTROL_GENERATION, -1);
    return;
  }
  for (let spin = 0; spin < BARRIER_SPINS; spin++) {
    if (atomic.load<i32>(CONTROL_GENERATION) != generation) return;
  }
  atomic.add<i32>(CONTROL_SLEEPERS, 1);
  while (atomic.load<i32>(CONTROL_GENERATION) == generation) {
    atomic.wait<i32>(CONTROL_GENERATION, generation, -1);
  }
  atomic.sub<i32>(CONTROL_SLEEPERS, 1);
}

/** Starts a run on `threads` threads: the word holds a counter and the number of threads, read together. */
export function announce(threads: i32): void {
  const counter = (atomic.load<i32>(CONTROL_RUN) >>> 8) + 1;
  atomic.store<i32>(CONTROL_RUN, (counter << 8) | threads);
  if (atomic.load<i32>(CONTROL_IDLE) != 0) atomic.notify(CONTROL_RUN, -1);
}

/** Waits until the run word differs from `seen`, and returns it; it is -1 when the executor closes. */
export function nextRun(seen: i32): i32 {
  for (let spin = 0; spin < IDLE_SPINS; spin++) {
    const run = atomic.load<i32>(CONTROL_RUN);
    if (run != seen) return run;
  }
  atomic.add<i32>(CONTROL_IDLE, 1);
  while (atomic.load<i32>(CONTROL_RUN) == seen && atomic.load<i32>(CONTROL_QUIT) == 0) {
    atomic.wait<i32>(CONTROL_RUN, seen, -1);
  }
  atomic.sub<i32>(CONTROL_IDLE, 1);
  return atomic.load<i32>(CONTROL_QUIT) != 0 ? -1 : atomic.load<i32>(CONTROL_RUN);
}
