/**
 * @file `npm run results -- <name>`: one result, from the data or the environment to the figure, over the wire, with fixed seeds.
 * Without a name it lists what there is; `rl` does all that learn by acting (`--seeds` says from how many seeds, `--out` where
 * curves go), `all` everything. Ends with exit code 1 when a figure is missed.
 */
import { parseArgs } from "node:util";
import { type Event, type Sidecar, startSidecar } from "../clients/typescript/index.ts";
import { charLm } from "./results/charLm.ts";
import { learnReturns } from "./results/learnReturns.ts";
import { RETURNS } from "./results/returns.ts";
import { selfPlay } from "./results/selfPlay.ts";
import type { Setting, Task } from "./results/task.ts";
import { TASKS } from "./results/tasks.ts";

interface Result {
  readonly figure: number;
  /** Of all trainings together. */
  readonly seconds: number;
  readonly parameters: number;
}

function tell({ type, data }: Event): void {
  if ((type !== "train.epoch" && type !== "train.progress") || !process.stderr.isTTY) return;
  const { epoch, epochs, loss, secondsLeft } = data;
  process.stderr.write(
    `\r  epoch ${epoch}/${epochs}  loss ${loss?.toFixed(4)}  ${(secondsLeft ?? 0).toFixed(0)} s left   `,
  );
}

/** Trains a model. @returns its id, what held-out rows said where there were any, and the seconds it took */
async function train(sidecar: Sidecar, { model: spec, training }: Setting, data: object, more: object = {}) {
  const { model } = await sidecar.models.create({ ...spec, ...more } as never);
  const started = performance.now();
  const job = await sidecar.train({ model: model.id, data, ...training, ...more } as never);
  for await (const event of job) tell(event);
  const { validation } = (await job.result()) as { validation?: { metrics: Record<string, number> } };
  return { model: model.id, held: validation?.metrics ?? {}, seconds: (performance.now() - started) / 1000 };
}

const INNER_FOLDS = 4;
const INNER_SEEDS = [1, 2];

/** The best setting in cross-validation within rows to train on. */
async function choose(sidecar: Sidecar, { settings, metric }: Task, data: object) {
  let [best, most, seconds] = [settings[0]!, Number.NEGATIVE_INFINITY, 0];
  for (const setting of settings.length === 1 ? [] : settings) {
    const training = { ...setting.training, folds: INNER_FOLDS };
    let sum = 0;
    for (const seed of INNER_SEEDS) {
      const tried = await train(sidecar, { ...setting, training }, data, { seed });
      seconds += tried.seconds;
      sum += tried.held[metric]!;
    }
    if (sum > most) [best, most] = [setting, sum];
  }
  return { setting: best, seconds };
}

async function measure(sidecar: Sidecar, task: Task): Promise<Result> {
  const { metric, parts, seeds = 1 } = task;
  const figures: number[] = [];
  let [seconds, parameters] = [0, 0];
  for (const { training: data, test } of await parts()) {
    const chosen = await choose(sidecar, task, data);
    seconds += chosen.seconds;
    for (let seed = 1; seed <= seeds; seed++) {
      const trained = await train(sidecar, chosen.setting, data, { seed });
      seconds += trained.seconds;
      const { metrics } = await sidecar.evaluate({ model: trained.model, data: test } as never);
      figures.push((metrics as Record<string, number>)[metric]!);
      parameters = (await sidecar.models.get({ model: trained.model })).model.parameters ?? 0;
    }
  }
  return { figure: figures.reduce((sum, figure) => sum + figure, 0) / figures.length, seconds, parameters };
}

async function show(sidecar: Sidecar, name: string, task: Task): Promise<boolean> {
  console.log(`${name}: ${task.description}`);
  const { figure, seconds, parameters } = await measure(sidecar, task);
  const [isReached, isInTime] = [figure >= task.atLeast, seconds <= task.withinSeconds];
  const mark = (holds: boolean) => (holds ? "✓" : "✗");
  console.log(`\r  ${mark(isReached)} ${task.metric} ${figure.toFixed(4)}, wanted ${task.atLeast} (${task.because})`);
  const size = `${parameters.toLocaleString("en")} parameters`;
  console.log(
    `  ${mark(isInTime)} ${seconds.toFixed(1)} s of training, at most ${task.withinSeconds} on two cores; ${size}`,
  );
  return isReached && isInTime;
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "10" },
    out: { type: "string", default: "examples/results/out" },
    steps: { type: "string", default: "1000000" },
  },
});

/** By name: what shows a result, and whether it was reached. */
const RESULTS: Readonly<Record<string, { description: string; show(sidecar: Sidecar): Promise<boolean> }>> = {
  ...Object.fromEntries(
    Object.entries(TASKS).map(([name, task]) => [
      name,
      { description: task.description, show: (sidecar: Sidecar) => show(sidecar, name, task) },
    ]),
  ),
  "char-lm": {
    description: "Moby-Dick character by character: a transformer, an LSTM of its size, and counted pairs",
    show: () => charLm(tell),
  },
  selfplay: {
    description: "PPO on Connect4 against itself and a pool of its past selves, rated by Elo",
    show: (sidecar) => selfPlay(sidecar, Number(options.steps), options.out),
  },
  ...Object.fromEntries(
    Object.entries(RETURNS).map(([name, task]) => [
      name,
      { description: task.description, show: () => learnReturns(name, task, Number(options.seeds), options.out) },
    ]),
  ),
};

const [asked] = positionals;
const isAsked = (name: string) => asked === "all" || name === asked || (asked === "rl" && name.startsWith("rl-"));
const names = Object.keys(RESULTS).filter(isAsked);
if (names.length === 0) {
  console.log("npm run results -- <name>, rl, or all:\n");
  for (const [name, { description }] of Object.entries(RESULTS)) console.log(`  ${name.padEnd(14)} ${description}`);
  process.exitCode = asked === undefined ? 0 : 1;
} else {
  const sidecar = await startSidecar();
  try {
    await sidecar.runtime.initialize({ client: { name: "results" }, limits: { maxLineBytes: 2 ** 26 } });
    for (const name of names) {
      if (!(await RESULTS[name]!.show(sidecar))) process.exitCode = 1;
    }
  } finally {
    await sidecar.close();
  }
}
