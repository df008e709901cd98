/** @file The order of work: what depends on what comes first, and of what is ready, what was written down first. */

/**
 * Positions of `count` tasks in an order that respects `dependencies`; among ready tasks the lowest `rank` goes first.
 * @throws Error on a cycle, which would be a fault of the caller's grouping
 */
export function order(
  count: number,
  dependencies: (task: number) => Iterable<number>,
  rank: (task: number) => number,
): number[] {
  const waiting = new Array<number>(count).fill(0);
  const followers = Array.from({ length: count }, (): number[] => []);
  for (let task = 0; task < count; task++) {
    for (const dependency of new Set(dependencies(task))) {
      waiting[task]!++;
      followers[dependency]!.push(task);
    }
  }
  const ranks = waiting.map((_, task) => rank(task));
  const ready = heap((a, b) => ranks[a]! - ranks[b]!);
  for (let task = 0; task < count; task++) if (waiting[task] === 0) ready.push(task);
  const sorted: number[] = [];
  for (let task = ready.pop(); task !== undefined; task = ready.pop()) {
    sorted.push(task);
    for (const follower of followers[task]!) if (--waiting[follower]! === 0) ready.push(follower);
  }
  if (sorted.length < count) throw new Error("the tasks depend on each other in a circle");
  return sorted;
}

/** A binary heap: smallest first. */
function heap(compare: (a: number, b: number) => number) {
  const items: number[] = [];
  const swap = (i: number, j: number) => {
    [items[i], items[j]] = [items[j]!, items[i]!];
  };
  return {
    push(item: number): void {
      items.push(item);
      for (let at = items.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (compare(items[parent]!, items[at]!) <= 0) break;
        swap(parent, at);
        at = parent;
      }
    },
    pop(): number | undefined {
      const top = items[0];
      const last = items.pop();
      if (items.length === 0 || last === undefined) return top;
      items[0] = last;
      for (let at = 0; ; ) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        let least = at;
        if (left < items.length && compare(items[left]!, items[least]!) < 0) least = left;
        if (right < items.length && compare(items[right]!, items[least]!) < 0) least = right;
        if (least === at) break;
        swap(at, least);
        at = least;
      }
      return top;
    },
  };
}
