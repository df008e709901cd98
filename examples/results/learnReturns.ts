/**
 * @file Policies trained from several seeds each, two at a time, and judged by episodes played greedily: mean and standard
 * error over the seeds, and the curves of training as a picture.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Sidecar, startSidecar } from "../../clients/typescript/index.ts";
import { axes, colourOf, line, page } from "../lessons/draw/index.ts";
import type { Returns } from "./returns.ts";

const EPISODES = 100;
/** Of an evaluation: far from those of training. */
const EVALUATION_SEED = 1_000_000;
const SIDE_BY_SIDE = 2;
/** Places of a curve at which seeds are averaged. */
const PLACES = 100;

interface Trained {
  readonly seed: number;
  /** Mean of the episodes played greedily. */
  readonly score: number;
  readonly stepsPerSecond: number;
  /** Steps and the mean return of the episodes that ended since the last point. */
  readonly curve: readonly (readonly [steps: number, episodicReturn: number])[];
}

async function train(sidecar: Sidecar, { run: spec, totalSteps }: Returns, seed: number): Promise<Trained> {
  const { run, model } = await sidecar.rl.create({ ...spec, seed } as never);
  const { job: started } = await sidecar.rl.train({ run: run.id, totalSteps });
  const job = await sidecar.job(started.id);
  const curve: [number, number][] = [];
  for await (const { type, data } of job) {
    const figures = data as Record<string, number>;
    const episodicReturn = figures["charts/episodic_return"];
    if (type === "rl.update" && episodicReturn !== undefined) curve.push([figures.global_step!, episodicReturn]);
  }
  const { stepsPerSecond } = (await job.result()) as unknown as { stepsPerSecond: number };
  const { meanReturn } = await sidecar.policy.evaluate({ model: model.id, episodes: EPISODES, seed: EVALUATION_SEED });
  await sidecar.rl.close({ run: run.id });
  process.stderr.write(`  seed ${seed}: ${Number(meanReturn).toFixed(1)} at ${stepsPerSecond.toFixed(0)} steps/s\n`);
  return { seed, score: Number(meanReturn), stepsPerSecond, curve };
}

/** Trains from seeds 1, 2, … and says what came out. @returns whether the mean is what was wanted */
export async function learnReturns(name: string, task: Returns, seeds: number, folder: string): Promise<boolean> {
  console.log(`${name}: ${task.description}, ${task.totalSteps.toLocaleString("en")} steps, ${seeds} seeds`);
  // One thread each, as their updates are too small to share.
  const sidecar = await startSidecar({ options: ["--threads", "1"] });
  const trained: Trained[] = [];
  try {
    const waiting = Array.from({ length: seeds }, (_, index) => index + 1);
    const worker = async () => {
      for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift())
        trained.push(await train(sidecar, task, seed));
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  } finally {
    await sidecar.close();
  }
  trained.sort((a, b) => a.seed - b.seed);
  const { mean, error } = spreadOf(trained.map(({ score }) => score));
  const isReached = mean >= task.atLeast;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.svg`), draw(task, trained));
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ ...task, mean, error, trained }, null, 1)}\n`);
  const rate = spreadOf(trained.map(({ stepsPerSecond }) => stepsPerSecond)).mean;
  const figures = `${mean.toFixed(1)} ± ${error.toFixed(1)} over ${seeds} seeds, ${EPISODES} greedy episodes each`;
  console.log(`  ${isReached ? "✓" : "✗"} ${figures}, wanted ${task.atLeast}`);
  console.log(`  ${trained.map(({ score }) => score.toFixed(1)).join(", ")}`);
  console.log(`  ${rate.toFixed(0)} steps a second, ${SIDE_BY_SIDE} at a time; ${join(folder, `${name}.svg`)}`);
  return isReached;
}

/** Mean and its standard error, from the unbiased variance. */
function spreadOf(values: readonly number[]): { mean: number; error: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, error: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1) / values.length) };
}

/** A curve's height at some number of steps, by straight lines; before its first point and after its last, theirs. */
function heightAt(curve: Trained["curve"], steps: number): number {
  const next = curve.findIndex(([at]) => at >= steps);
  if (next <= 0) return (next === 0 ? curve[0] : curve.at(-1))![1];
  const [[fromStep, from], [toStep, to]] = [curve[next - 1]!, curve[next]!];
  return from + ((to - from) * (steps - fromStep)) / (toStep - fromStep);
}

function draw({ description, totalSteps, atLeast }: Returns, trained: readonly Trained[]): string {
  const curves = trained.map(({ curve }) => curve).filter((curve) => curve.length > 0);
  const begin = Math.max(...curves.map((curve) => curve[0]![0]));
  const places = Array.from({ length: PLACES }, (_, at) => begin + ((totalSteps - begin) * at) / (PLACES - 1));
  const spreads = places.map((steps) => spreadOf(curves.map((curve) => heightAt(curve, steps))));
  const { mean, error } = spreadOf(trained.map(({ score }) => score));
  const marks = [
    line({
      name: `wanted: ${atLeast}`,
      colour: colourOf(7),
      dashed: true,
      points: [
        [0, atLeast],
        [totalSteps, atLeast],
      ],
    }),
    line({
      name: "mean return in training, band of a standard error",
      colour: colourOf(0),
      points: spreads.map((spread, index) => [places[index]!, spread.mean]),
      band: spreads.map((spread, index) => [places[index]!, spread.mean - spread.error, spread.mean + spread.error]),
    }),
  ];
  return page({
    title: `${description}: ${mean.toFixed(1)} ± ${error.toFixed(1)}`,
    subtitle: `mean and standard error of ${trained.length} seeds, each judged by ${EPISODES} greedy episodes after training; the curve is of training itself, exploration included`,
    lines: [
      {
        height: 340,
        panels: [axes({ x: { label: "environment steps", domain: [0, totalSteps] }, y: { label: "return" }, marks })],
      },
    ],
  });
}
