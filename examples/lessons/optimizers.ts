/** @file Optimizers on 3-bit parity: how many steps each needs, at every learning rate of a grid, so that none is handicapped. */
import { axes, colourOf, line, page, words } from "./draw/index.ts";
import { type Lesson, median, range } from "./lesson.ts";
import { type Training, trainAll } from "./train.ts";

const SEEDS = [1, 2, 3];
const STEPS = 1000;
const RATES = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];
/** Rates in everyday use; above them anything works on a task so small. */
const EVERYDAY = [0.01, 0.03, 0.1];
const SHOWN_RATE = 0.03;
/** Solved: the mean loss is this low, so that every row is right by a wide margin. */
const SOLVED = 0.05;

const OPTIMIZERS: Readonly<Record<string, { type: string; momentum?: number }>> = {
  SGD: { type: "sgd" },
  "SGD with momentum": { type: "sgd", momentum: 0.9 },
  RMSprop: { type: "rmsprop" },
  Adam: { type: "adam" },
};

const ROWS = range(8).map((number) => [4, 2, 1].map((bit) => ((number & bit) === 0 ? -1 : 1)));
const PARITY = ROWS.map((bits) => bits.filter((bit) => bit === 1).length % 2);

const training = (optimizer: { type: string }, learningRate: number, seed: number): Training => ({
  model: {
    pipeline: "classification",
    preprocess: "none",
    backbone: { type: "mlp", hidden: [8], activation: "tanh" },
    seed,
  },
  training: {
    data: { x: ROWS, y: PARITY },
    epochs: STEPS,
    batchSize: 8,
    optimizer: { ...optimizer, learningRate },
    seed,
  },
});

/** One optimizer at one rate. */
interface Tried {
  /** Median over the seeds; `STEPS` for a run that does not get there. */
  readonly steps: number;
  /** Losses step by step, one curve a seed. */
  readonly curves: readonly (readonly number[])[];
}

export const optimizers: Lesson = {
  question: "how many steps does each optimizer need to learn the parity of three bits?",
  async run(open) {
    const sidecar = await open();
    const grid = Object.values(OPTIMIZERS).flatMap((optimizer) =>
      RATES.flatMap((rate) => SEEDS.map((seed) => training(optimizer, rate, seed))),
    );
    const runs = await trainAll(sidecar, grid);
    const tried = Object.fromEntries(
      Object.keys(OPTIMIZERS).map((name, row) => [
        name,
        RATES.map((_, column): Tried => {
          const from = (row * RATES.length + column) * SEEDS.length;
          const curves = runs
            .slice(from, from + SEEDS.length)
            .map(({ epochs }) => epochs.map(({ loss }) => loss as number));
          return { curves, steps: median(curves.map(stepsToSolve)) };
        }),
      ]),
    );
    const at = (name: string, rate: number) => tried[name]![RATES.indexOf(rate)]!.steps;
    const best = (name: string) => Math.min(...tried[name]!.map(({ steps }) => steps));
    const timesFewer = EVERYDAY.map((rate) => at("SGD", rate) / at("Adam", rate));
    const [adam, sgd] = [at("Adam", SHOWN_RATE), at("SGD", SHOWN_RATE)];
    const fastest = RATES[tried.SGD!.findIndex(({ steps }) => steps === best("SGD"))];
    return {
      finding:
        `At a learning rate of ${SHOWN_RATE} Adam solves parity in ${adam} steps, SGD in ${shown(sgd)}. ` +
        `On a task of eight rows SGD can catch up, but at a rate of ${fastest}, far above what larger networks bear.`,
      table: [
        ["steps at a rate of", ...RATES],
        ...Object.entries(tried).map(([name, line]) => [name, ...line.map(({ steps }) => shown(steps))]),
      ],
      checks: [
        {
          claim: `at rates of ${EVERYDAY.join(", ")} SGD needs at least ten times Adam's steps`,
          holds: timesFewer.every((times) => times >= 10),
          got: `${timesFewer.map((times) => times.toFixed(0)).join(", ")} times, never counted as ${STEPS}`,
        },
        {
          claim: "momentum lies in between",
          holds: EVERYDAY.every((rate) => at("SGD with momentum", rate) <= at("SGD", rate)),
          got: EVERYDAY.map((rate) => shown(at("SGD with momentum", rate))).join(", "),
        },
      ],
      picture: draw(tried, `At the same learning rate Adam learns parity in ${adam} steps, SGD in ${shown(sgd)}`),
    };
  },
};

const shown = (steps: number): string => (steps >= STEPS ? "never" : String(steps));

function stepsToSolve(losses: readonly number[]): number {
  const step = losses.findIndex((loss) => loss < SOLVED);
  return step < 0 ? STEPS : step + 1;
}

function draw(tried: Readonly<Record<string, readonly Tried[]>>, title: string): string {
  const names = Object.keys(tried);
  const curves = names.map((name, index) => {
    const seeds = tried[name]![RATES.indexOf(SHOWN_RATE)]!.curves;
    const steps = range(STEPS).filter((step) => step < 60 || step % 10 === 0);
    const valuesAt = (step: number) => seeds.map((curve) => curve[step] ?? Number.NaN);
    return line({
      name,
      colour: colourOf(index),
      points: steps.map((step) => [step + 1, median(valuesAt(step))]),
      band: steps.map((step) => [step + 1, Math.min(...valuesAt(step)), Math.max(...valuesAt(step))]),
    });
  });
  const solved = line({
    colour: "#8a929e",
    dashed: true,
    width: 1.2,
    points: [
      [1, SOLVED],
      [STEPS, SOLVED],
    ],
  });
  const needed = names.map((name, index) =>
    line({
      name,
      colour: colourOf(index),
      dots: true,
      points: RATES.map((rate, column) => [rate, tried[name]![column]!.steps]),
    }),
  );
  return page({
    title,
    subtitle:
      "8 rows of three bits, one hidden layer of 8 tanh units, whole batches; medians of three seeds. Never: not within 1,000 steps.",
    lines: [
      {
        height: 340,
        panels: [
          axes({
            title: `Loss at a rate of ${SHOWN_RATE}`,
            x: { label: "steps", kind: "log" },
            y: { label: "cross-entropy", kind: "log", domain: [0.0005, 1.2] },
            marks: [solved, ...curves, words("solved", { at: [1.1, SOLVED * 0.72], colour: "#667080", size: 11 })],
          }),
          axes({
            title: "Steps to solve it, by learning rate",
            x: { label: "learning rate", kind: "log", domain: [0.0025, 4] },
            y: {
              label: "steps",
              kind: "log",
              domain: [2, 1300],
              ticks: [
                ...[3, 10, 30, 100, 300].map((value) => ({ value, label: String(value) })),
                { value: STEPS, label: "never" },
              ],
            },
            marks: needed,
          }),
        ],
      },
    ],
  });
}
