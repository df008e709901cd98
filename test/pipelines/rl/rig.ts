/** A run's parts in the test's own thread, and a training of it. */
import { createMachine, type Executor } from "../../../src/engine/index.ts";
import { createRegistry, decodeRun, encodeRun, parseRun } from "../../../src/pipelines/index.ts";
import type { Metrics } from "../../../src/pipelines/rl/algorithm.ts";
import { createEpisodes } from "../../../src/pipelines/rl/episodes.ts";
import { openLearner } from "../../../src/pipelines/rl/openRun.ts";
import { type RunResult, type RunState, restoreRun, runInside } from "../../../src/pipelines/rl/run.ts";
import { makeEnvironment } from "../../../src/pipelines/rl/worldSpec.ts";

export const registry = createRegistry();
const executor: Executor = createMachine();

export function openTestRun(raw: unknown) {
  const spec = parseRun(registry, raw);
  const learner = openLearner(registry, executor, spec, null);
  const environment = makeEnvironment(registry, spec.environment, spec.count, spec.autoreset);
  const episodes = createEpisodes(spec.count, spec.autoreset === "nextStep");
  environment.reset(spec.seed);
  learner.begin(0, environment.observations, environment.mask ?? null);
  return { spec, learner, environment, episodes };
}

export type TestRun = ReturnType<typeof openTestRun>;

export interface Training {
  readonly result: RunResult;
  readonly updates: readonly Metrics[];
  readonly warnings: readonly string[];
  /** As files hold them. */
  readonly checkpoints: readonly RunState[];
}

/** @param everySteps environment steps between two checkpoints; null: at the end alone. */
export function trainRun(
  run: TestRun,
  totalSteps: number,
  everySteps: number | null = null,
  from?: RunState,
): Training {
  const updates: Metrics[] = [];
  const warnings: string[] = [];
  const checkpoints: RunState[] = [];
  if (from !== undefined) restoreRun(run, from);
  const result = runInside({
    ...run,
    wishes: { totalSteps, stopReturn: null, seconds: null, checkpoint: { everySteps, everySeconds: null } },
    horizon: from?.horizon ?? null,
    seconds: 0,
    control: new Int32Array(new SharedArrayBuffer(4)),
    update: (metrics) => updates.push(metrics),
    progress: () => {},
    warn: ({ code }) => warnings.push(code),
    publish: () => {},
    checkpoint: (state) => checkpoints.push(decodeRun(encodeRun(state), "test") as RunState),
  });
  return { result, updates, warnings, checkpoints };
}

/** All that a run goes on from, as bytes. */
export const bytesOf = (run: TestRun): Buffer =>
  encodeRun({
    learner: { ...run.learner.save(), progress: { ...(run.learner.save().progress as object), horizon: null } },
    environment: run.environment.snapshot(),
    episodes: run.episodes.save(),
  });
