/** @file A run once it is open, in its thread: made from what was asked, or put back to where it stood; published and saved. */
import { existsSync, readFileSync } from "node:fs";
import type { Executor } from "../engine/index.ts";
import { replaceFile } from "../pipelines/files/durable.ts";
import {
  createEpisodes,
  createFreeEpisodes,
  createHosting,
  decodeRun,
  type Episodes,
  encodeRun,
  type FreeEpisodes,
  type Hosting,
  isHosted,
  type Learner,
  makeEnvironment,
  openLearner,
  type PolicyModel,
  parseRun,
  puttingBack,
  type Registry,
  type RunSpec,
  type RunState,
  restoreRun,
  snapshotPolicy,
  type VectorEnvironment,
  type Warning,
} from "../pipelines/index.ts";
import type { RunCalls, RunNotice } from "./runCalls.ts";

/** Nobody but the user reads what is kept. */
const PRIVATE = 0o600;
const PUBLISH_MILLISECONDS = 200;
const SAVING_SHARE = 0.05;

/** A run once it is open. */
export interface OpenedRun {
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

export interface Surroundings {
  readonly registry: Registry;
  readonly executor: Executor;
  notify(notice: RunNotice): void;
  warn(warning: Warning): void;
}

/** @throws CHECKPOINT_CORRUPT, OUT_OF_MEMORY */
export function openRun(
  { registry, executor, warn, notify }: Surroundings,
  { id, raw, record, checkpointPath }: RunCalls["open"]["request"],
): OpenedRun {
  const spec = parseRun(registry, raw);
  const learner = openLearner(registry, executor, spec, record);
  const hosting = isHosted(spec) ? createHosting(spec, learner, warn) : null;
  const own: OpenedRun = {
    id,
    spec,
    learner,
    episodes: hosting?.episodes ?? createEpisodes(spec.count, spec.autoreset === "nextStep"),
    environment: hosting === null ? makeEnvironment(registry, spec.environment, spec.count, spec.autoreset) : null,
    hosting,
    free: hosting === null ? null : createFreeEpisodes(spec, learner, warn),
    checkpointPath,
    record,
    publishedAt: Number.NEGATIVE_INFINITY,
    horizon: null,
    seconds: 0,
    saved: { updates: learner.updates, next: 0, at: performance.now() },
  };
  if (checkpointPath !== null && existsSync(checkpointPath)) {
    restore(own, checkpointPath);
    own.saved = { ...own.saved, updates: learner.updates };
    if (learner.updates > 0) publishRun(own, notify);
  } else if (own.environment !== null) {
    own.environment.reset(spec.seed);
    learner.begin(0, own.environment.observations, own.environment.mask ?? null);
  }
  return own;
}

function restore(own: OpenedRun, path: string): void {
  const state = decodeRun(readFileSync(path), path) as RunState & HostState;
  if (own.environment !== null) {
    restoreRun({ learner: own.learner, environment: own.environment, episodes: own.episodes }, state);
    own.horizon = state.horizon;
    own.seconds = state.seconds;
  } else {
    puttingBack(() => {
      own.learner.restore(state.learner);
      own.hosting!.restore(state.hosting);
    });
  }
}

type Notify = Surroundings["notify"];

/** The policy as it is now, for whoever asks the model. */
export function publishRun(own: OpenedRun, notify: Notify): PolicyModel {
  own.record = snapshotPolicy(own.record, own.learner, own.record.weights, meanReturnOf(own));
  own.publishedAt = performance.now();
  notify({ kind: "published", record: own.record });
  return own.record;
}

/** Not with every update: that would cost more than learning. */
export function publishIfDue(own: OpenedRun, notify: Notify): void {
  if (performance.now() - own.publishedAt > PUBLISH_MILLISECONDS) publishRun(own, notify);
}

/** Without a data directory, does nothing. @param state left out: where the run stands now */
export function saveRun(own: OpenedRun, notify: Notify, state: RunState | HostState = stateOf(own)): void {
  if (own.checkpointPath === null) return;
  const began = performance.now();
  replaceFile(own.checkpointPath, encodeRun(state), PRIVATE);
  const took = performance.now() - began;
  own.saved = { updates: own.learner.updates, next: began + took / SAVING_SHARE, at: began };
  notify({ kind: "event", type: "checkpoint.saved", data: { step: own.learner.steps } });
}

/** After an update of a host's run. Saving never takes more than its share of the time. */
export function saveIfDue(own: OpenedRun, notify: Notify): void {
  const { everyUpdates, everySeconds } = own.spec.checkpoint;
  const now = performance.now();
  const isDue =
    (everyUpdates !== null && own.learner.updates - own.saved.updates >= everyUpdates) ||
    (everySeconds !== null && now - own.saved.at >= everySeconds * 1000);
  if (!isDue || own.checkpointPath === null || (everyUpdates === null && now < own.saved.next)) return;
  publishRun(own, notify);
  saveRun(own, notify);
}

/** Everything that a run goes on from. */
function stateOf({ learner, environment, episodes, hosting, horizon, seconds }: OpenedRun): RunState | HostState {
  if (hosting !== null) return { learner: learner.save(), hosting: hosting.save() };
  return {
    learner: learner.save(),
    environment: environment!.snapshot(),
    episodes: episodes.save(),
    horizon,
    seconds,
  };
}

function meanReturnOf({ episodes, free }: OpenedRun): number | null {
  const own = free !== null && free.episodes.count > 0 ? free.episodes : episodes;
  return own.count === 0 ? null : own.recentReturn;
}
