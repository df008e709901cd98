/** @file What jobs ask of a run: to learn in its environment inside, and to imitate what was recorded. */
import { CONTROL, cloneBehaviour, demonstrationsOf, runInside } from "../pipelines/index.ts";
import { Refusal } from "../protocol/errors.ts";
import type { CurrentRun } from "./currentRun.ts";
import { publishRun, saveRun } from "./openedRun.ts";
import type { RunDesk, RunSetting } from "./runDesk.ts";

export function trainingCalls(
  current: CurrentRun,
  { registry, executor, control, notify }: RunSetting,
): Pick<RunDesk, "train" | "imitate"> {
  const tell = (type: string, data: object): void => notify({ kind: "event", type, data: { ...data } });
  return {
    train({ wishes, resume }) {
      const own = current.get();
      const { learner, environment, episodes } = own;
      if (environment === null) throw hostsOwn();
      notify({ kind: "started" });
      const result = current.learning(own, () =>
        runInside({
          learner,
          environment,
          episodes,
          wishes,
          horizon: resume ? own.horizon : null,
          seconds: resume ? own.seconds : 0,
          control,
          update: (metrics) => tell("rl.update", metrics),
          progress: (progress) => tell("train.progress", progress),
          warn: current.warnings.add,
          publish: () => void publishRun(own, notify),
          checkpoint: (state) => saveRun(own, notify, state),
        }),
      );
      return { ...result, record: own.record };
    },

    imitate({ dataset, options }) {
      const own = current.get();
      const { learner, spec } = own;
      const recorded = demonstrationsOf(dataset, spec.policy);
      notify({ kind: "started" });
      const { epochs, metrics, word } = cloneBehaviour(
        { registry, executor, learner, policy: spec.policy, seed: spec.seed },
        recorded,
        options,
        {
          epoch(done, figures) {
            tell("rl.update", { ...figures, epoch: done });
            tell("train.progress", { done, total: options.epochs, unit: "epochs" });
          },
          word: () => wordFor(control),
        },
      );
      const outcome = ({ go: "completed", keep: "cancelled", drop: "checkpointed" } as const)[word];
      const imitated = { outcome, epochs, rows: recorded.rows, metrics };
      if (word === "drop") return { ...imitated, record: own.record };
      saveRun(own, notify);
      return { ...imitated, record: publishRun(own, notify) };
    },
  };
}

/** What the main thread wants of an imitation; waits while it is paused. One that is to go on later begins anew then. */
function wordFor(control: Int32Array): "go" | "keep" | "drop" {
  while (Atomics.load(control, 0) === CONTROL.pause) Atomics.wait(control, 0, CONTROL.pause);
  const word = Atomics.load(control, 0);
  return word === CONTROL.cancel ? "keep" : word === CONTROL.checkpointAndStop ? "drop" : "go";
}

function hostsOwn(): Refusal {
  return new Refusal("INVALID_STATE", "this run's environment is the host's", {
    hint: "step it with `rl.step`: learning happens on the way",
  });
}
