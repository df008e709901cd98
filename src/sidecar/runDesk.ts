/** @file What a run does for each call, in its own thread: a missing one does not compile. */
import type { Executor } from "../engine/index.ts";
import type { Registry } from "../pipelines/index.ts";
import { createCurrentRun } from "./currentRun.ts";
import { hostedCalls } from "./hostedCalls.ts";
import { publishRun, saveRun } from "./openedRun.ts";
import type { RunCalls, RunNotice } from "./runCalls.ts";
import { trainingCalls } from "./trainingCalls.ts";

export interface RunSetting {
  readonly registry: Registry;
  readonly roots: readonly string[] | undefined;
  readonly control: Int32Array;
  readonly executor: Executor;
  notify(notice: RunNotice): void;
}

export type RunDesk = { readonly [C in keyof RunCalls]: (request: RunCalls[C]["request"]) => RunCalls[C]["reply"] };

export interface Desk {
  readonly calls: RunDesk;
  /** Learns one piece of what single episodes gave. @returns whether there is more */
  learn(): boolean;
}

export function createRunDesk(setting: RunSetting): Desk {
  const { notify } = setting;
  const current = createCurrentRun(setting);
  const hosted = hostedCalls(current, setting);
  return {
    calls: {
      open: (request) => ({ steps: current.open(request).learner.steps }),
      ...trainingCalls(current, setting),
      ...hosted.calls,

      save() {
        const own = hosted.caughtUp();
        const { learner } = own;
        if (learner.updates > 0) publishRun(own, notify);
        saveRun(own, notify);
        return { steps: learner.steps, updates: learner.updates };
      },

      settle() {
        const own = hosted.caughtUp();
        const { learner, hosting, record } = own;
        if (hosting !== null) saveRun(own, notify);
        return { record: learner.updates > 0 || record.weights !== null ? publishRun(own, notify) : record };
      },
    },
    learn: hosted.learn,
  };
}
