/** @file Methods that register data under a handle, and describe it. */
import { readData, requestData } from "../data.ts";
import type { Handlers } from "./index.ts";

export const dataMethods: Handlers<`data.${string}`> = {
  async "data.put"({ _meta, ...reference }, session, call, handle) {
    const { dataset, description } = await readData(reference, session, call);
    session.datasets.add(handle, dataset, reference);
    return { handle, description: description as never };
  },

  async "data.describe"({ _meta, ...reference }, session, call) {
    const task = session.workers.call("describeData", { data: await requestData(reference, session) });
    call.onAbandoned(task.abandon);
    return { description: (await task.reply) as never };
  },

  "data.delete"({ handle }, session) {
    session.datasets.delete(handle);
    return { deleted: handle };
  },
};
