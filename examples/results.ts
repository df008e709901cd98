/**
 * @file `npm run results -- <name>`: one result on real data, from the data to the figure, over the wire, with a fixed seed. Without
 * a name it lists what there is; `all` does all of it. Ends with exit code 1 when a figure is missed.
 */
import { type Event, type Sidecar, startSidecar } from "../clients/typescript/index.ts";
import { TASKS, type Task } from "./results/tasks.ts";

interface Result {
  readonly figure: number;
  /** Of all trainings together. */
  readonly seconds: number;
  readonly parameters: number;
}

function tell({ type, data }: Event): void {
  if (type !== "train.epoch" || !process.stderr.isTTY) return;
  const { epoch, epochs, loss, secondsLeft } = data;
  process.stderr.write(
    `\r  epoch ${epoch}/${epochs}  loss ${loss?.toFixed(4)}  ${(secondsLeft ?? 0).toFixed(0)} s left   `,
  );
}

async function measure(sidecar: Sidecar, { model: spec, training, metric, parts, seeds = 1 }: Task): Promise<Result> {
  const figures: number[] = [];
  let [seconds, parameters] = [0, 0];
  const runs = parts().flatMap((part) => Array.from({ length: seeds }, (_, index) => ({ ...part, seed: index + 1 })));
  for (const { training: data, test, seed } of runs) {
    const { model } = await sidecar.models.create({ ...spec, seed } as never);
    const started = performance.now();
    const job = await sidecar.train({ model: model.id, data, ...training } as never);
    for await (const event of job) tell(event);
    await job.result();
    seconds += (performance.now() - started) / 1000;
    const { metrics } = await sidecar.evaluate({ model: model.id, data: test } as never);
    figures.push((metrics as Record<string, number>)[metric]!);
    parameters = (await sidecar.models.get({ model: model.id })).model.parameters ?? 0;
  }
  return { figure: figures.reduce((sum, figure) => sum + figure, 0) / figures.length, seconds, parameters };
}

async function show(sidecar: Sidecar, name: string, task: Task): Promise<boolean> {
  console.log(`${name}: ${task.description}`);
  const { figure, seconds, parameters } = await measure(sidecar, task);
  const isReached = figure >= task.atLeast;
  const mark = isReached ? "✓" : "✗";
  console.log(`\r  ${mark} ${task.metric} ${figure.toFixed(4)}, wanted ${task.atLeast} (${task.because})`);
  console.log(`  ${seconds.toFixed(1)} s of training, ${parameters.toLocaleString("en")} parameters`);
  return isReached;
}

const [asked] = process.argv.slice(2);
const names = asked === "all" ? Object.keys(TASKS) : Object.keys(TASKS).filter((name) => name === asked);
if (names.length === 0) {
  console.log("npm run results -- <name>, or all:\n");
  for (const [name, { description }] of Object.entries(TASKS)) console.log(`  ${name.padEnd(14)} ${description}`);
  process.exitCode = asked === undefined ? 0 : 1;
} else {
  const sidecar = await startSidecar();
  try {
    await sidecar.runtime.initialize({ client: { name: "results" }, limits: { maxLineBytes: 2 ** 26 } });
    for (const name of names) {
      if (!(await show(sidecar, name, TASKS[name]!))) process.exitCode = 1;
    }
  } finally {
    await sidecar.close();
  }
}
