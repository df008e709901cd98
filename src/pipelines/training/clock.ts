/** @file How long a training has taken, pauses left out, and what is done only so often. */

export interface Clock {
  /** Seconds of work, those before a resumption included. */
  seconds(): number;
  /** Takes the time of `wait` off. */
  pausing(wait: () => void): void;
}

export function createClock(before: number): Clock {
  let start = performance.now();
  return {
    seconds: () => before + (performance.now() - start) / 1000,
    pausing(wait) {
      const from = performance.now();
      wait();
      start += performance.now() - from;
    },
  };
}

/**
 * Something that may happen once every `milliseconds`, and no more often than its own length leaves `share` of the time to
 * it. @returns a function that does it if it is time, and says whether it did.
 */
export function atMostEvery(milliseconds: number, share: number, what: () => void): (now: number) => void {
  let next = Number.NEGATIVE_INFINITY;
  return (now) => {
    if (now < next) return;
    what();
    next = now + Math.max(milliseconds, (performance.now() - now) / share);
  };
}
