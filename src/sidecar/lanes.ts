/** @file First in, first out per name: what one model is asked happens in order, different models do not wait for each other. */

export interface Lanes {
  /** Runs `task` after all earlier ones of the same lane; at once, and without a promise, when there are none. */
  run<T>(lane: string, task: () => T | Promise<T>): T | Promise<T>;
}

export function createLanes(): Lanes {
  const tails = new Map<string, Promise<unknown>>();

  function follow<T>(lane: string, running: Promise<T>): Promise<T> {
    const tail = running.catch(() => {});
    tails.set(lane, tail);
    void tail.then(() => {
      if (tails.get(lane) === tail) tails.delete(lane);
    });
    return running;
  }

  return {
    run(lane, task) {
      const earlier = tails.get(lane);
      if (earlier !== undefined) return follow(lane, earlier.then(task));
      const result = task();
      return result instanceof Promise ? follow(lane, result) : result;
    },
  };
}
