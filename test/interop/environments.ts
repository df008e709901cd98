/**
 * @file Steps our environments for test_gymnasium.py: reads requests from standard input, one JSON line each
 * `{type, options, count, autoreset, seed, actions}`, and answers each with what every step gave.
 */
import { createInterface } from "node:readline";
import { createRegistry } from "../../src/pipelines/registry/registry.ts";
import type { AutoresetMode } from "../../src/pipelines/rl/environment.ts";

interface Asked {
  readonly type: string;
  readonly options: Record<string, unknown>;
  readonly count: number;
  readonly autoreset: AutoresetMode;
  readonly seed: number;
  /** [steps][count · size of an action] */
  readonly actions: readonly (readonly number[])[];
}

const { environments } = createRegistry();

function answer({ type, options, count, autoreset, seed, actions }: Asked) {
  const definition = environments.get(type)!;
  const environment = definition.make(definition.options.parse(options), { count, autoreset });
  const Actions = environment.actionSpace.type === "box" ? Float32Array : Int32Array;
  const seen = () => ({
    observations: [...environment.observations],
    ...(environment.mask === undefined ? {} : { mask: [...environment.mask] }),
  });
  environment.reset(seed);
  const first = seen();
  const steps = actions.map((action) => {
    environment.step(Actions.from(action));
    return {
      ...seen(),
      rewards: [...environment.rewards],
      terminated: [...environment.terminated],
      truncated: [...environment.truncated],
      final: [...environment.finalObservations],
      returns: [...environment.episodeReturns],
      lengths: [...environment.episodeLengths],
    };
  });
  const { observationSpace, actionSpace } = environment;
  const numbers = (_: string, value: unknown) => (typeof value === "number" ? String(value) : value);
  return {
    first,
    steps,
    spaces: JSON.parse(JSON.stringify({ observation: observationSpace, action: actionSpace }, numbers)),
    maxEpisodeSteps: definition.maxEpisodeSteps,
    rewardThreshold: definition.rewardThreshold ?? null,
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)))}\n`);
}
