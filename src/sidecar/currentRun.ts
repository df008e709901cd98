/** @file The one run of a run's thread: opened once, and again from its last good state where learning has diverged. */
import type { Warning } from "../pipelines/index.ts";
import { Refusal, toWireError } from "../protocol/errors.ts";
import { type OpenedRun, openRun, type Surroundings } from "./openedRun.ts";
import type { RunCalls } from "./runCalls.ts";

export interface CurrentRun {
  /** Null before it is open, and where it could not be. */
  find(): OpenedRun | null;
  /** @throws INVALID_STATE where it could not be opened */
  get(): OpenedRun;
  open(request: RunCalls["open"]["request"]): OpenedRun;
  /** Learns. A learner that has diverged is of no more use: another goes on from the last checkpoint, or from the weights published last. */
  learning<T>(own: OpenedRun, piece: () => T): T;
  /** What a host has not been told of: it has no job whose events would tell it. */
  readonly warnings: { add(warning: Warning): void; take(): { warnings?: readonly Warning[] } };
}

export function createCurrentRun(setting: Omit<Surroundings, "warn">): CurrentRun {
  let run: OpenedRun | null = null;
  let opening: RunCalls["open"]["request"] | null = null;
  let waiting: Warning[] = [];

  function add(warning: Warning): void {
    if (run?.hosting) waiting.push(warning);
    else setting.notify({ kind: "event", type: "warning", data: { ...warning } });
  }

  function open(request: RunCalls["open"]["request"]): OpenedRun {
    opening = request;
    run = openRun({ ...setting, warn: add }, request);
    return run;
  }

  return {
    find: () => run,
    get() {
      if (run !== null) return run;
      throw new Refusal("INVALID_STATE", "the run could not be opened", { hint: "create another with `rl.create`" });
    },
    open,
    learning(own, piece) {
      try {
        return piece();
      } catch (thrown) {
        if (toWireError(thrown).data.reason === "DIVERGED") {
          run = null;
          own.learner.release();
          open({ ...opening!, record: own.record });
        }
        throw thrown;
      }
    },
    warnings: {
      add,
      take() {
        if (waiting.length === 0) return {};
        const all = waiting;
        waiting = [];
        return { warnings: all };
      },
    },
  };
}
