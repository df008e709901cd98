/** @file A data reference made ready for a worker: the datasets that its handles stand for go with it. */
import type { Calls, DataRequest } from "./calls.ts";
import type { Call } from "./requests.ts";
import type { Session } from "./session.ts";

type Reference = Readonly<Record<string, unknown>>;

/** @throws Refusal `NOT_FOUND` when the reference names a handle that is not there. */
export async function requestData(reference: Reference, session: Pick<Session, "datasets">): Promise<DataRequest> {
  const { handle } = reference;
  if (typeof handle !== "string") return { reference, handles: {} };
  return { reference, handles: { [handle]: await session.datasets.get(handle) } };
}

/** Reads the data in a worker. */
export async function readData(
  reference: Reference,
  session: Pick<Session, "datasets" | "workers">,
  call?: Call,
): Promise<Calls["loadData"]["reply"]> {
  const task = session.workers.call("loadData", { data: await requestData(reference, session) });
  call?.onAbandoned(task.abandon);
  return task.reply;
}
