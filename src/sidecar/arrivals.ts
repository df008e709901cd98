/**
 * @file Names on their way. A host need not wait for an answer to use the id that it will bring: what a request names may still
 * be in the making, and the request then waits for it.
 */

export interface Arrivals {
  /** Makes the names known as coming until `arrival` settles, well or badly. Returns `arrival`. */
  announce<T>(names: readonly string[], arrival: Promise<T>): Promise<T>;
  /** Resolves when all those names that are on their way have arrived or never will; null where none is. */
  of(names: readonly string[]): Promise<unknown> | null;
  /** Resolves when nothing is on its way any more. */
  none(): Promise<void>;
}

export function createArrivals(): Arrivals {
  const coming = new Map<string, Promise<unknown>>();

  return {
    announce(names, arrival) {
      const settled = arrival.catch(() => {});
      for (const name of names) {
        coming.set(name, settled);
        void settled.then(() => {
          if (coming.get(name) === settled) coming.delete(name);
        });
      }
      return arrival;
    },
    of(names) {
      const awaited = names.flatMap((name) => coming.get(name) ?? []);
      return awaited.length === 0 ? null : Promise.all(awaited);
    },
    async none() {
      while (coming.size > 0) await Promise.all(coming.values());
    },
  };
}
