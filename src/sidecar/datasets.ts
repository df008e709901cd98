/** @file The data that hosts have put under a handle. What was put in an earlier session is read again when it is first used. */
import type { Dataset } from "../pipelines/index.ts";
import { Refusal } from "../protocol/errors.ts";
import { numberOf, type Store } from "./store.ts";

type Reference = Readonly<Record<string, unknown>>;

export interface Datasets {
  /** A handle for data to come. */
  nextId(): string;
  add(handle: string, dataset: Dataset, reference: Reference): void;
  /** @throws Refusal `NOT_FOUND` */
  get(handle: string): Promise<Dataset>;
  delete(handle: string): void;
}

/** @param load reads the data that a reference points at. */
export function createDatasets(store: Store | null, load: (reference: Reference) => Promise<Dataset>): Datasets {
  const datasets = new Map<string, Dataset | Reference>();
  const references = new Set<unknown>();
  let newest = 0;

  for (const handle of store?.ids("data") ?? []) {
    newest = Math.max(newest, numberOf(handle));
    const reference = store!.readJson<Reference>("data", handle, "reference.json");
    if (reference === null) continue;
    datasets.set(handle, reference);
    references.add(reference);
  }

  function find(handle: string): Dataset | Reference {
    const found = datasets.get(handle);
    if (found !== undefined) return found;
    const known = [...datasets.keys()].slice(-5);
    throw new Refusal("NOT_FOUND", `there is no data under the handle ${JSON.stringify(handle.slice(0, 100))}`, {
      violations: [{ path: "handle", message: "unknown", expected: "a handle", got: handle.slice(0, 100) }],
      hint: known.length === 0 ? "put some with `data.put`" : `the newest handles are ${known.join(", ")}`,
    });
  }

  return {
    nextId: () => `d_${++newest}`,
    add(handle, dataset, reference) {
      datasets.set(handle, dataset);
      store?.writeJson("data", handle, "reference.json", reference);
    },
    async get(handle) {
      const found = find(handle);
      if (!references.has(found)) return found as Dataset;
      const dataset = await load(found as Reference);
      datasets.set(handle, dataset);
      return dataset;
    },
    delete(handle) {
      find(handle);
      datasets.delete(handle);
      store?.remove("data", handle);
    },
  };
}
