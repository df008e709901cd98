/** @file What a run does for each call, in its own thread: a missing one does not compile. */
import { existsSync, readFileSync } from "node:fs";
import type { Executor } from "../engine/index.ts";
import { replaceFile } from "../pipelines/files/durable.ts";
import {
  actionArray,
  CONTROL,
  cloneBehaviour,
  createEpisodes,
  createFreeEpisodes,
  createHosting,
  decodeRun,
  demonstrationsOf,
  type Episodes,
  encodeRun,
  type FreeEpisodes,
  type Hosting,
  isHosted,
  type Learner,
  type Metrics,
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
  type Warning,
} from "../pipelines/index.ts";
import { encodeTensor } from "../protocol/encodeTensor.ts";
import { Refusal, toWireError } from "../protocol/errors.ts";
import { encodeMessage } from "../protocol/framing.ts";
import { decodeTensor, type TensorValue } from "../protocol/tensor.ts";
import { plainStep } from "./plainStep.ts";
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
const SAVING_SHARE = 0.05;

/** A run once it is open. */
interface Open {
  readonly id: string;
  readonly spec: RunSpec;
  readonly learner: Learner;
  readonly episodes: Episodes;
  /** Of a run inside. */
  readonly environment: VectorEnvironment | null;
  /** Of a host's. */
  readonly hosting: Hosting | null;
  readonly free: FreeEpisodes | null;
  readonly checkpointPath: string | null;
  record: PolicyModel;
  publishedAt: number;
  /** Where a training that was interrupted began and ends. */
  horizon: RunState["horizon"];
  seconds: number;
  /** When it was saved last, after how many updates, and from when on it may be again. */
  saved: { readonly at: number; readonly updates: number; readonly next: number };
}

/** What a host's run keeps, besides its learner. */
interface HostState {
  readonly learner: RunState["learner"];
  readonly hosting: unknown;
}

export interface Desk {
  readonly calls: RunDesk;
  /** Learns one piece of what single episodes gave. @returns whether there is more */
  learn(): boolean;
}

export function createRunDesk({ registry, roots, control, executor, notify }: RunSetting): Desk {
  let run: Open | null = null;
  let opening: RunCalls["open"]["request"] | null = null;

  /** Of a host's run, until they are told with an answer: it has no job whose events would tell them. */
  let warnings: Warning[] = [];

  function warn(warning: Warning): void {
    if (run?.hosting) warnings.push(warning);
    else notify({ kind: "event", type: "warning", data: { ...warning } });
  }

  function warned(): { warnings?: readonly Warning[] } {
    if (warnings.length === 0) return {};
    const all = warnings;
    warnings = [];
    return { warnings: all };
  }

  function opened(): Open {
    if (run !== null) return run;
    throw new Refusal("INVALID_STATE", "the run could not be opened", { hint: "create another with `rl.create`" });
  }

  function publish(own: Open): PolicyModel {
    const mean = meanReturnOf(own);
    own.record = snapshotPolicy(own.record, own.learner, own.record.weights, mean);
    own.publishedAt = performance.now();
    notify({ kind: "published", record: own.record });
    return own.record;
  }

  function write(own: Open, state: RunState | HostState): void {
    if (own.checkpointPath === null) return;
    const began = performance.now();
    replaceFile(own.checkpointPath, encodeRun(state), PRIVATE);
    const took = performance.now() - began;
    own.saved = { updates: own.learner.updates, next: began + took / SAVING_SHARE, at: began };
    notify({ kind: "event", type: "checkpoint.saved", data: { step: own.learner.steps } });
  }

  /** After an update of a host's run. Saving never takes more than its share of the time. */
  function saveIfDue(own: Open): void {
    const { everyUpdates, everySeconds } = own.spec.checkpoint;
    const now = performance.now();
    const isDue =
      (everyUpdates !== null && own.learner.updates - own.saved.updates >= everyUpdates) ||
      (everySeconds !== null && now - own.saved.at >= everySeconds * 1000);
    if (!isDue || own.checkpointPath === null || (everyUpdates === null && now < own.saved.next)) return;
    publish(own);
    write(own, stateOf(own));
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

  /** What the last updates were like, until it is told. */
  let latest: Metrics | null = null;

  function learn(): boolean {
    if (run === null || !run.learner.pending) return false;
    const { learner, free } = run;
    try {
      const figures = learning(run, () => learner.advance());
      if (figures !== null) latest = free?.told(figures) ?? figures;
    } catch (thrown) {
      const { message, data } = toWireError(thrown);
      warn({ code: data.reason, message, hint: data.hint ?? "" });
      return false;
    }
    if (latest !== null && performance.now() - run.publishedAt > PUBLISH_MILLISECONDS) publish(run);
    if (!run.learner.pending) saveIfDue(run);
    return run.learner.pending;
  }

  /** The update that was made since it was asked last. */
  function told(): { update?: Metrics } {
    const update = latest;
    latest = null;
    return { ...(update === null ? {} : { update }), ...warned() };
  }

  /** Learns. A learner that has diverged is of no more use: another goes on from the last checkpoint, or from the weights published last. */
  function learning<T>(own: Open, piece: () => T): T {
    try {
      return piece();
    } catch (thrown) {
      if (toWireError(thrown).data.reason === "DIVERGED") {
        run = null;
        own.learner.release();
        calls.open({ ...opening!, record: own.record });
      }
      throw thrown;
    }
  }

  function freeOf(own: Open): FreeEpisodes {
    if (own.free === null) throw insideAlready();
    return own.free;
  }

  const calls: RunDesk = {
    open(request) {
      const { id, raw, record, checkpointPath } = request;
      opening = request;
      const spec = parseRun(registry, raw);
      const learner = openLearner(registry, executor, spec, record);
      const hosting = isHosted(spec) ? createHosting(spec, learner, warn) : null;
      const environment =
        hosting === null ? makeEnvironment(registry, spec.environment, spec.count, spec.autoreset) : null;
      const episodes = hosting?.episodes ?? createEpisodes(spec.count, spec.autoreset === "nextStep");
      const own: Open = {
        id,
        spec,
        learner,
        episodes,
        environment,
        hosting,
        free: hosting === null ? null : createFreeEpisodes(spec, learner, warn),
        checkpointPath,
        record,
        publishedAt: 0,
        horizon: null,
        seconds: 0,
        saved: { updates: 0, next: 0, at: performance.now() },
      };
      if (checkpointPath !== null && existsSync(checkpointPath)) {
        restore(own, checkpointPath);
        own.saved = { ...own.saved, updates: learner.updates };
        if (learner.updates > 0) publish(own);
      } else if (environment !== null) {
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
      const result = learning(own, () =>
        runInside({
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
        }),
      );
      return { ...result, record: own.record };
    },

    imitate({ dataset, options }) {
      const own = opened();
      const { learner, spec } = own;
      const recorded = demonstrationsOf(dataset, spec.policy);
      notify({ kind: "started" });
      const { epochs, metrics, word } = cloneBehaviour(
        { registry, executor, learner, policy: spec.policy, seed: spec.seed },
        recorded,
        options,
        {
          epoch(done, figures) {
            notify({ kind: "event", type: "rl.update", data: { ...figures, epoch: done } });
            const progress = { done, total: options.epochs, unit: "epochs" };
            notify({ kind: "event", type: "train.progress", data: progress });
          },
          word: () => wordFor(control),
        },
      );
      const outcome = ({ go: "completed", keep: "cancelled", drop: "checkpointed" } as const)[word];
      if (word === "drop") return { outcome, epochs, rows: recorded.rows, metrics, record: own.record };
      write(own, stateOf(own));
      return { outcome, epochs, rows: recorded.rows, metrics, record: publish(own) };
    },

    step({ group = 0, reset, form, ...sent }) {
      const own = opened();
      const { hosting } = own;
      if (hosting === null) throw insideAlready();
      const decoded = Object.fromEntries(Object.entries(sent).map(([field, value]) => [field, tensor(value, field)]));
      const { actions, update } = learning(own, () => hosting.step({ ...decoded, group, reset } as never));
      if (update !== null && performance.now() - own.publishedAt > PUBLISH_MILLISECONDS) publish(own);
      if (update !== null) saveIfDue(own);
      return {
        actions: encodeTensor(actions as TensorValue, { form: form as "values" }),
        ...(update === null ? {} : { update }),
        ...warned(),
      };
    },

    line({ id, text }) {
      const params = plainStep(text, id, opened().id);
      return params === null ? null : encodeMessage({ jsonrpc: "2.0", id, result: calls.step(params) });
    },

    act({ episodes, observations, mask, form }) {
      const own = opened();
      const sentMask = mask === undefined ? undefined : tensor(mask, "mask");
      const { choice, count, steps } = freeOf(own).act(
        episodes as string[],
        tensor(observations, "observations") as never,
        sentMask as never,
      );
      const rows = (data: Float32Array) =>
        encodeTensor({ dtype: "F32", shape: [count], data }, { form: form as "values" });
      const actions = actionArray(choice.applied, { policy: own.spec.policy, count });
      return {
        actions: encodeTensor(actions as TensorValue, { form: form as "values" }),
        values: rows(choice.values),
        logProbs: rows(choice.logProbs),
        steps,
        ...told(),
      };
    },

    reward({ episode, reward, step }) {
      return { ...freeOf(opened()).reward(episode as string, Number(reward), step as number), ...told() };
    },

    end({ episode, reward, truncated, observations }) {
      const last = observations === undefined ? undefined : tensor(observations, "observations");
      const gain = reward === undefined ? undefined : Number(reward);
      return { ...freeOf(opened()).end(episode as string, gain, truncated === true, last as never), ...told() };
    },

    save() {
      const own = opened();
      const { learner } = own;
      if (learner.updates > 0) publish(own);
      write(own, stateOf(own));
      return { steps: learner.steps, updates: learner.updates };
    },

    settle() {
      const own = opened();
      const { learner, hosting } = own;
      if (hosting !== null) write(own, stateOf(own));
      return { record: learner.updates > 0 || own.record.weights !== null ? publish(own) : own.record };
    },
  };
  return { calls, learn };
}

/** Everything that a run goes on from. */
function stateOf({ learner, environment, episodes, hosting, horizon, seconds }: Open): RunState | HostState {
  if (hosting !== null) return { learner: learner.save(), hosting: hosting.save() };
  return {
    learner: learner.save(),
    environment: environment!.snapshot(),
    episodes: episodes.save(),
    horizon,
    seconds,
  };
}

/** What the main thread wants of an imitation; waits while it is paused. One that is to go on later begins anew then. */
function wordFor(control: Int32Array): "go" | "keep" | "drop" {
  while (Atomics.load(control, 0) === CONTROL.pause) Atomics.wait(control, 0, CONTROL.pause);
  const word = Atomics.load(control, 0);
  return word === CONTROL.cancel ? "keep" : word === CONTROL.checkpointAndStop ? "drop" : "go";
}

function meanReturnOf({ episodes, free }: Open): number | null {
  const own = free !== null && free.episodes.count > 0 ? free.episodes : episodes;
  return own.count === 0 ? null : own.recentReturn;
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
