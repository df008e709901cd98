/** @file What a run does for each call, in its own thread: a missing one does not compile. */
import { existsSync, readFileSync } from "node:fs";
import type { Executor } from "../engine/index.ts";
import { replaceFile } from "../pipelines/files/durable.ts";
import {
  createEpisodes,
  createHosting,
  decodeRun,
  type Episodes,
  encodeRun,
  type Hosting,
  isHosted,
  type Learner,
  makeEnvironment,
  openLearner,
  type PolicyModel,
  parseRun,
  type Registry,
  type RunSpec,
  type RunState,
  restoreRun,
  runInside,
  snapshotPolicy,
  type VectorEnvironment,
} from "../pipelines/index.ts";
import { Refusal } from "../protocol/errors.ts";
import { decodeTensor, encodeTensor, type TensorValue } from "../protocol/tensor.ts";
import { regionReader } from "./regions.ts";
import type { RunCalls, RunNotice } from "./runCalls.ts";

export interface RunSetting {
  readonly registry: Registry;
  readonly roots: readonly string[] | undefined;
  readonly control: Int32Array;
  readonly executor: Executor;
  notify(notice: RunNotice): void;
}

export type RunDesk = { readonly [C in keyof RunCalls]: (request: RunCalls[C]["request"]) => RunCalls[C]["reply"] };

/** Nobody but the user reads what is kept. */
const PRIVATE = 0o600;
const PUBLISH_MILLISECONDS = 200;

/** A run once it is open. */
interface Open {
  readonly spec: RunSpec;
  readonly learner: Learner;
  readonly episodes: Episodes;
  /** Of a run inside. */
  readonly environment: VectorEnvironment | null;
  /** Of a host's. */
  readonly hosting: Hosting | null;
  readonly checkpointPath: string | null;
  record: PolicyModel;
  publishedAt: number;
  /** Where a training that was interrupted began and ends. */
  horizon: RunState["horizon"];
  seconds: number;
}

/** What a host's run keeps, besides its learner. */
interface HostState {
  readonly learner: RunState["learner"];
  readonly hosting: unknown;
}

export function createRunDesk({ registry, roots, control, executor, notify }: RunSetting): RunDesk {
  let run: Open | null = null;

  const warn = (warning: { code: string; message: string; hint: string }): void =>
    notify({ kind: "event", type: "warning", data: { ...warning } });

  function opened(): Open {
    if (run !== null) return run;
    throw new Refusal("INVALID_STATE", "the run could not be opened", { hint: "create another with `rl.create`" });
  }

  function publish(own: Open): PolicyModel {
    const mean = own.episodes.count === 0 ? null : own.episodes.recentReturn;
    own.record = snapshotPolicy(own.record, own.learner, own.record.weights, mean);
    own.publishedAt = performance.now();
    notify({ kind: "published", record: own.record });
    return own.record;
  }

  function write(own: Open, state: RunState | HostState): void {
    if (own.checkpointPath === null) return;
    replaceFile(own.checkpointPath, encodeRun(state), PRIVATE);
    notify({ kind: "event", type: "checkpoint.saved", data: { step: own.learner.steps } });
  }

  function restore(own: Open, path: string): void {
    const state = decodeRun(readFileSync(path), path) as RunState & HostState;
    if (own.environment !== null) {
      restoreRun({ learner: own.learner, environment: own.environment, episodes: own.episodes }, state);
      own.horizon = state.horizon;
      own.seconds = state.seconds;
    } else {
      own.learner.restore(state.learner);
      own.hosting!.restore(state.hosting);
    }
  }

  const tensor = (value: unknown, path: string): TensorValue =>
    decodeTensor(value, { path, readRegion: regionReader(roots) });

  return {
    open({ raw, record, checkpointPath }) {
      const spec = parseRun(registry, raw);
      const learner = openLearner(registry, executor, spec, record);
      const hosting = isHosted(spec) ? createHosting(spec, learner, warn) : null;
      const environment =
        hosting === null ? makeEnvironment(registry, spec.environment, spec.count, spec.autoreset) : null;
      const episodes = hosting?.episodes ?? createEpisodes(spec.count, spec.autoreset === "nextStep");
      const own: Open = {
        spec,
        learner,
        episodes,
        environment,
        hosting,
        checkpointPath,
        record,
        publishedAt: 0,
        horizon: null,
        seconds: 0,
      };
      if (checkpointPath !== null && existsSync(checkpointPath)) restore(own, checkpointPath);
      else if (environment !== null) {
        environment.reset(spec.seed);
        learner.begin(0, environment.observations, environment.mask ?? null);
      }
      run = own;
      return { steps: learner.steps };
    },

    train({ wishes, resume }) {
      const own = opened();
      const { learner, environment, episodes } = own;
      if (environment === null) throw hostsOwn();
      notify({ kind: "started" });
      const result = runInside({
        learner,
        environment,
        episodes,
        wishes,
        horizon: resume ? own.horizon : null,
        seconds: resume ? own.seconds : 0,
        control,
        update: (metrics) => notify({ kind: "event", type: "rl.update", data: metrics }),
        progress: (progress) => notify({ kind: "event", type: "train.progress", data: { ...progress } }),
        warn,
        publish: () => void publish(own),
        checkpoint: (state) => write(own, state),
      });
      return { ...result, record: own.record };
    },

    step({ group = 0, reset, form, ...sent }) {
      const own = opened();
      if (own.hosting === null) throw insideAlready();
      const decoded = Object.fromEntries(Object.entries(sent).map(([field, value]) => [field, tensor(value, field)]));
      const { actions, update } = own.hosting.step({ ...decoded, group, reset } as never);
      if (update !== null && performance.now() - own.publishedAt > PUBLISH_MILLISECONDS) publish(own);
      return {
        actions: encodeTensor(actions as TensorValue, { form: form as "values" }),
        ...(update === null ? {} : { update }),
      };
    },

    settle() {
      const own = opened();
      const { learner, hosting } = own;
      if (hosting !== null) write(own, { learner: learner.save(), hosting: hosting.save() });
      return { record: learner.updates > 0 || own.record.weights !== null ? publish(own) : own.record };
    },
  };
}

function hostsOwn(): Refusal {
  return new Refusal("INVALID_STATE", "this run's environment is the host's", {
    hint: "step it with `rl.step`: learning happens on the way",
  });
}

function insideAlready(): Refusal {
  return new Refusal("INVALID_STATE", "this run's environment is inside, and is stepped there", {
    hint: 'call `rl.train`, or create a run with `"environment": {"type": "host", …}`',
  });
}
