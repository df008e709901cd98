/** @file Learners at work for tests: a policy's spec from an algorithm's plan, and a loop that steps an environment inside. */
import { createMachine, type Executor, type TensorType } from "../../../src/engine/index.ts";
import { parseConfigured } from "../../../src/pipelines/registry/parse.ts";
import { createRegistry } from "../../../src/pipelines/registry/registry.ts";
import { openActing } from "../../../src/pipelines/rl/acting.ts";
import type { Algorithm, Learner, Metrics } from "../../../src/pipelines/rl/algorithm.ts";
import type { AutoresetMode, VectorEnvironment } from "../../../src/pipelines/rl/environment.ts";
import type { PolicySpec } from "../../../src/pipelines/rl/policy.ts";
import type { Space } from "../../../src/pipelines/rl/spaces.ts";

export const registry = createRegistry();

export const machine = (): Executor => createMachine();

export interface Driven {
  readonly environment: string;
  readonly options?: object;
  readonly backbone?: object;
  readonly seed?: number;
  readonly autoreset?: AutoresetMode;
  /** Of the whole training, for what falls along it. */
  readonly total?: number;
}

export function specOf(
  algorithm: Algorithm,
  options: object,
  spaces: { readonly observation: Space; readonly action: Space; readonly masked?: boolean },
  backbone?: object,
): PolicySpec {
  const plan = algorithm.plan(algorithm.options.parse(options));
  const form = plan.form?.({ action: spaces.action, memory: null }) ?? {
    distribution: spaces.action.type === "box" ? ("gaussian" as const) : ("categorical" as const),
  };
  return {
    observation: spaces.observation,
    action: spaces.action,
    backbone: parseConfigured(registry.backbones, backbone ?? plan.backbone, "backbone", "mlp"),
    memory: null,
    sharedBackbone: plan.sharedBackbone ?? false,
    orthogonalInit: plan.orthogonalInit,
    logStdInit: plan.logStdInit,
    masked: spaces.masked ?? false,
    normaliser: plan.normaliser,
    ...form,
  };
}

export interface Driver {
  readonly learner: Learner;
  readonly environment: VectorEnvironment;
  readonly spec: PolicySpec;
  readonly told: Metrics[];
  /** Goes on until so many steps are done in all. */
  until(steps: number): void;
  release(): void;
}

export function drive(
  executor: Executor,
  algorithm: Algorithm,
  { environment: type, options = {}, backbone, seed = 1, autoreset = "nextStep", total = 10_000 }: Driven,
): Driver {
  const parsed = algorithm.options.parse(options);
  const { numEnvs } = algorithm.plan(parsed);
  const environment = makeEnvironment(type, numEnvs, autoreset);
  const { observationSpace: observation, actionSpace: action, mask } = environment;
  const spec = specOf(algorithm, options, { observation, action, masked: mask !== undefined }, backbone);
  const context = { registry, executor, policy: spec, seed, count: numEnvs, groups: 1, autoreset };
  const learner = algorithm.create(context, parsed);
  learner.horizon = { from: 0, to: total };
  environment.reset(seed);
  learner.begin(0, environment.observations, mask ?? null);
  const told: Metrics[] = [];
  return {
    learner,
    environment,
    spec,
    told,
    until(steps) {
      while (learner.steps < steps) {
        while (learner.pending) {
          const metrics = learner.advance();
          if (metrics !== null) told.push(metrics);
        }
        environment.step(learner.act(0));
        const { rewards, terminated, truncated, observations, finalObservations } = environment;
        const final = autoreset === "sameStep" ? finalObservations : null;
        learner.observe(0, {
          rewards,
          terminated,
          truncated,
          observations,
          finalObservations: final,
          mask: mask ?? null,
        });
      }
    },
    release: () => learner.release(),
  };
}

export function makeEnvironment(type: string, count: number, autoreset: AutoresetMode): VectorEnvironment {
  const definition = registry.environments.get(type)!;
  return definition.make(definition.options.parse({}), { count, autoreset });
}

/** What the policy thinks best for each of some observations. */
export function bestActions({ learner, spec }: Driver, seen: readonly (readonly number[])[]): number[] {
  const executor = machine();
  const { acting, release } = openBest(executor, { learner, spec }, seen.length);
  acting.observations.set(seen.flat());
  acting.run(0);
  const actions = [...acting.applied];
  release();
  executor.close();
  return actions;
}

function openBest(executor: Executor, { learner, spec }: Pick<Driver, "learner" | "spec">, count: number) {
  const weights = learner.weights();
  const types = Object.fromEntries(
    Object.entries(weights).map(([path, { dtype, shape }]) => [path, { dtype, shape } as TensorType]),
  );
  const state = executor.createState(types);
  for (const [path, value] of Object.entries(weights)) state.write(path, value);
  const acting = openActing(executor, registry, { spec, state, seed: 0, count, isGreedy: true });
  return {
    acting,
    release() {
      acting.release();
      state.release();
    },
  };
}

/** Mean return of `episodes` episodes in which the policy does what it thinks best. */
export function evaluate(executor: Executor, { learner, spec }: Driver, type: string, episodes = 20): number {
  const count = episodes;
  const environment = makeEnvironment(type, count, "nextStep");
  environment.reset(10_000);
  const { acting, release } = openBest(executor, { learner, spec }, count);
  const returns: (number | undefined)[] = new Array(count).fill(undefined);
  for (let step = 0; returns.includes(undefined) && step < 1000; step++) {
    acting.observations.set(environment.observations);
    acting.mask?.set(environment.mask!);
    acting.run(step);
    environment.step(acting.applied.slice());
    for (let copy = 0; copy < count; copy++) {
      if (environment.terminated[copy] === 1 || environment.truncated[copy] === 1) {
        returns[copy] ??= environment.episodeReturns[copy];
      }
    }
  }
  release();
  return returns.reduce<number>((sum, each) => sum + (each ?? Number.NaN), 0) / count;
}
