/** @file A run on an environment inside: act, step, store, learn, from wherever it stands to a number of steps. */
import { Fault } from "../../engine/index.ts";
import { atMostEvery, createClock } from "../training/clock.ts";
import { CONTROL } from "../training/training.ts";
import type { Learner, LearnerState, Metrics } from "./algorithm.ts";
import type { VectorEnvironment } from "./environment.ts";
import type { Episodes } from "./episodes.ts";
import { figuresOf } from "./figures.ts";
import { createWatch, type Warning } from "./watch.ts";

/** Everything that a run goes on from. */
export interface RunState {
  readonly learner: LearnerState;
  readonly environment: unknown;
  readonly episodes: unknown;
  /** Of the training that was under way: where it began and where it ends. */
  readonly horizon: { readonly from: number; readonly to: number } | null;
  readonly seconds: number;
}

export interface TrainWishes {
  /** Environment steps to go from here. */
  readonly totalSteps: number;
  /** Ends when the mean return of the last 100 episodes reaches it. */
  readonly stopReturn: number | null;
  readonly seconds: number | null;
  readonly checkpoint: { readonly everySteps: number | null; readonly everySeconds: number | null };
}

export interface RunContext {
  readonly learner: Learner;
  readonly environment: VectorEnvironment;
  readonly episodes: Episodes;
  readonly wishes: TrainWishes;
  /** Where a training that is resumed began and ends. */
  readonly horizon: RunState["horizon"];
  readonly seconds: number;
  /** On a SharedArrayBuffer, as a training's. */
  readonly control: Int32Array;
  update(metrics: Metrics): void;
  progress(progress: RunProgress): void;
  warn(warning: Warning): void;
  publish(): void;
  checkpoint(state: RunState): void;
}

export interface RunProgress {
  readonly done: number;
  readonly total: number;
  readonly rate: number;
  readonly secondsLeft: number;
  readonly unit: "steps";
}

export interface RunResult {
  readonly outcome: "completed" | "cancelled" | "checkpointed";
  readonly stopped?: "return" | "seconds" | "control";
  /** Environment steps and updates of the run so far. */
  readonly steps: number;
  readonly updates: number;
  readonly episodes: number;
  /** Mean over the last 100 episodes; null before the first. */
  readonly meanReturn: number | null;
  readonly seconds: number;
  readonly stepsPerSecond: number;
}

/** In milliseconds. */
const BETWEEN_UPDATES = 50;
const BETWEEN_SNAPSHOTS = 200;
const SNAPSHOTS_SHARE = 0.02;

/** @throws DIVERGED when the loss is no number any more */
export function runInside(context: RunContext): RunResult {
  const { learner, environment, episodes, wishes, control } = context;
  const clock = createClock(context.seconds);
  const startSteps = learner.steps;
  const horizon = context.horizon ?? { from: startSteps, to: startSteps + wishes.totalSteps };
  learner.horizon = horizon;
  const watch = createWatch(learner.policy, context.warn);
  const own = createClock(0);
  const rate = (): number => (learner.steps - startSteps) / Math.max(own.seconds(), 1e-9);
  let latest: Metrics | null = null;
  let stopped: RunResult["stopped"] | null = null;
  let saved = { steps: learner.steps, seconds: clock.seconds() };

  const told = (): void => {
    if (latest === null) return;
    context.update(figuresOf(latest, { learner, episodes, rate: rate() }));
    latest = null;
    const left = horizon.to - learner.steps;
    context.progress({
      done: learner.steps - horizon.from,
      total: horizon.to - horizon.from,
      rate: rate(),
      secondsLeft: Math.max(0, left / Math.max(rate(), 1e-9)),
      unit: "steps",
    });
  };
  const tell = atMostEvery(BETWEEN_UPDATES, 1, told);
  const show = atMostEvery(BETWEEN_SNAPSHOTS, SNAPSHOTS_SHARE, context.publish);
  const save = (): void => {
    context.checkpoint({
      learner: learner.save(),
      environment: environment.snapshot(),
      episodes: episodes.save(),
      horizon,
      seconds: clock.seconds(),
    });
    saved = { steps: learner.steps, seconds: clock.seconds() };
  };
  const isSaveDue = (): boolean => {
    const { everySteps, everySeconds } = wishes.checkpoint;
    return (
      (everySteps !== null && learner.steps - saved.steps >= everySteps) ||
      (everySeconds !== null && clock.seconds() - saved.seconds >= everySeconds)
    );
  };

  /** One piece of learning, or one step of the environment. */
  const move = (): void => {
    if (!learner.pending) {
      step(context);
      return;
    }
    const metrics = learner.advance();
    if (metrics === null) return;
    latest = metrics;
    watch.update(metrics, episodes.recentSize);
    const now = performance.now();
    tell(now);
    show(now);
    const { stopReturn, seconds } = wishes;
    if (stopReturn !== null && episodes.isFull && episodes.recentReturn >= stopReturn) stopped = "return";
    if (seconds !== null && clock.seconds() >= seconds) stopped = "seconds";
  };

  let word: number = CONTROL.run;
  while ((learner.steps < horizon.to || learner.pending) && stopped === null) {
    word = Atomics.load(control, 0);
    if (word === CONTROL.pause) {
      clock.pausing(() => own.pausing(() => waitWhilePaused(control)));
      continue;
    }
    if (word === CONTROL.cancel || word === CONTROL.checkpointAndStop) break;
    move();
    if (isSaveDue()) save();
  }
  const isStopped = word === CONTROL.cancel || word === CONTROL.checkpointAndStop;
  told();
  if (word !== CONTROL.cancel) save();
  context.publish();
  return {
    outcome: word === CONTROL.cancel ? "cancelled" : word === CONTROL.checkpointAndStop ? "checkpointed" : "completed",
    ...(isStopped ? { stopped: "control" as const } : stopped === null ? {} : { stopped }),
    steps: learner.steps,
    updates: learner.updates,
    episodes: episodes.count,
    meanReturn: episodes.count === 0 ? null : episodes.recentReturn,
    seconds: clock.seconds(),
    stepsPerSecond: rate(),
  };
}

function step({ learner, environment, episodes }: RunContext): void {
  environment.step(learner.act(0));
  const { observations, rewards, terminated, truncated, finalObservations, mask = null, autoreset } = environment;
  episodes.step(0, rewards, terminated, truncated);
  if (autoreset !== "disabled") {
    const final = autoreset === "nextStep" ? null : finalObservations;
    learner.observe(0, { rewards, terminated, truncated, observations, finalObservations: final, mask });
    return;
  }
  const ended = terminated.map((value, copy) => value | truncated[copy]!);
  const outcome = { rewards: rewards.slice(), terminated: terminated.slice(), truncated: truncated.slice() };
  const last = observations.slice();
  if (ended.includes(1)) environment.reset(undefined, ended);
  learner.observe(0, { ...outcome, observations: environment.observations, finalObservations: last, mask });
}

function waitWhilePaused(control: Int32Array): void {
  while (Atomics.load(control, 0) === CONTROL.pause) Atomics.wait(control, 0, CONTROL.pause);
}

/** Puts a run where it stood. @throws CHECKPOINT_CORRUPT */
export function restoreRun(
  { learner, environment, episodes }: Pick<RunContext, "learner" | "environment" | "episodes">,
  state: RunState,
): void {
  puttingBack(() => {
    learner.restore(state.learner);
    environment.restore(state.environment);
    episodes.restore(state.episodes);
  });
}

/** @throws CHECKPOINT_CORRUPT where what was kept, though whole, is another run's */
export function puttingBack(put: () => void): void {
  try {
    put();
  } catch (cause) {
    if (cause instanceof Fault && cause.reason === "CHECKPOINT_CORRUPT") throw cause;
    throw new Fault("CHECKPOINT_CORRUPT", `the checkpoint is not one of this run: ${(cause as Error).message}`, {
      hint: "start a new run with `rl.create`",
      cause,
    });
  }
}
