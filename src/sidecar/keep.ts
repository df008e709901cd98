/** @file Models across restarts: written to the data directory as they are made and trained, read back when the next session needs them. */
import { existsSync } from "node:fs";
import type { Model } from "./models.ts";
import type { Session } from "./session.ts";

/** What is known of a model besides the model. */
interface Entry {
  readonly name: string | null;
  readonly createdAt: string;
  /** What `models.create` was given; null for a model that was loaded. */
  readonly raw: unknown;
}

type Keeping = Pick<Session, "store" | "models" | "workers" | "learning" | "log" | "lanes">;

/** Of one model's files, one is written after the other, and removed after the last. */
const laneOf = (id: string): string => `${id} on the disk`;

/** Writes the model as it is when its turn comes. Without a data directory, and of a deleted model, does nothing. */
export async function keepModel(model: Model, { store, workers, models, lanes }: Keeping): Promise<void> {
  if (store === null) return;
  await lanes.run(laneOf(model.id), async () => {
    if (!models.list().includes(model)) return;
    const { id, name, createdAt, record } = model;
    const raw = store.readJson<Entry>("models", id, "entry.json")?.raw ?? null;
    if (record.weights !== null) {
      await workers.call("saveModel", { model: { id, record }, path: store.path("models", id, "saved") }).reply;
    }
    store.writeJson("models", id, "entry.json", { name, createdAt, raw } satisfies Entry);
  });
}

/** Without its run, a policy is a model like any other. */
export async function forgetRun({ id }: { readonly id: string }, model: Model, session: Keeping): Promise<void> {
  await keepModel(model, session);
  session.store?.remove("runs", id);
}

export async function forgetModel({ id }: Model, { store, lanes }: Keeping): Promise<void> {
  await lanes.run(laneOf(id), () => store?.remove("models", id));
}

/** Whether it was given to `rl.create`. */
const isRun = (raw: unknown): boolean => typeof raw === "object" && raw !== null && "environment" in raw;

/** The models of earlier sessions. One that cannot be read is left out, and the log says why. */
export async function restoreModels({ store, models, learning, log }: Keeping): Promise<void> {
  for (const id of store?.ids("models") ?? []) {
    models.reserve(id);
    const saved = store!.path("models", id, "saved");
    try {
      const entry = store!.readJson<Entry>("models", id, "entry.json");
      if (entry === null) continue;
      const { pipelines, registry } = learning;
      const record = existsSync(saved)
        ? await pipelines.loadAnyModel(registry, saved)
        : isRun(entry.raw)
          ? pipelines.createPolicyRecord(registry, pipelines.parseRun(registry, entry.raw))
          : pipelines.createModel(registry, entry.raw);
      models.restore({ id, name: entry.name, createdAt: entry.createdAt, record, trainedBy: null });
    } catch (thrown) {
      log("error", `model ${id} could not be restored: ${(thrown as Error).message}`, { path: saved });
    }
  }
}
