/** @file Dropout, L1 and L2 against overfitting: a network far too large for sixty points of two noisy moons. */
import { decodeTensor, isTensorObject, type Sidecar } from "../../clients/typescript/index.ts";
import { createRandom } from "../../src/pipelines/plugin.ts";
import { axes, bars, colourOf, dots, field, line, page } from "./draw/index.ts";
import { type Lesson, mean, percent, range } from "./lesson.ts";
import { type Training, trainAll, weightsOf } from "./train.ts";

const ROWS = 60;
const NOISE = 0.3;
const EPOCHS = 400;
const SEEDS = [1, 2, 3];

const VARIANTS = {
  nothing: { backbone: {}, optimizer: {} },
  "dropout 0.5": { backbone: { dropout: 0.5 }, optimizer: {} },
  "L1 0.001": { backbone: {}, optimizer: { l1: 0.001 } },
  "L2 0.01": { backbone: {}, optimizer: { l2: 0.01 } },
} as const;
type Variant = keyof typeof VARIANTS;
const NAMES = Object.keys(VARIANTS) as Variant[];

/** Points on two half circles, every other one on each. */
function moons(count: number, seed: number): { x: number[][]; y: string[] } {
  const random = createRandom(seed, "moons");
  const x = range(count).map((row) => {
    const angle = random.uniform() * Math.PI;
    const [across, up] = [Math.cos(angle), Math.sin(angle)];
    const point = row % 2 === 0 ? [across, up] : [1 - across, 0.5 - up];
    return point.map((value) => value + NOISE * random.normal());
  });
  return { x, y: x.map((_, row) => (row % 2 === 0 ? "upper" : "lower")) };
}

const unseen = moons(2000, 99);

const training = (variant: Variant, seed: number): Training => ({
  model: {
    pipeline: "classification",
    preprocess: "none",
    backbone: { type: "mlp", hidden: [128, 128], ...VARIANTS[variant].backbone },
    seed,
  },
  training: {
    data: moons(ROWS, seed),
    validation: unseen,
    epochs: EPOCHS,
    batchSize: 30,
    optimizer: { type: "adam", learningRate: 0.003, ...VARIANTS[variant].optimizer },
    seed,
  },
});

const ACROSS = [-1.7, 2.7] as const;
const UP = [-1.3, 1.8] as const;
const COLUMNS = 56;
const LINES = 42;

/** The probability of `upper` on a grid, [line from below][column]. */
async function regions(sidecar: Sidecar, model: string): Promise<number[][]> {
  const at = ([low, high]: readonly [number, number], count: number, index: number) =>
    low + ((high - low) * (index + 0.5)) / count;
  const inputs = range(LINES * COLUMNS).map((place) => [
    at(ACROSS, COLUMNS, place % COLUMNS),
    at(UP, LINES, Math.floor(place / COLUMNS)),
  ]);
  const { outputs } = await sidecar.predict({ model, inputs });
  const { model: card } = await sidecar.models.get({ model });
  const wire = outputs.probabilities;
  if (!isTensorObject(wire)) throw new TypeError("`probabilities` is not a tensor");
  const { data } = decodeTensor(wire);
  const upper = (card.classes ?? ["lower", "upper"]).indexOf("upper");
  return range(LINES).map((row) => range(COLUMNS).map((column) => Number(data[(row * COLUMNS + column) * 2 + upper])));
}

/** How many of a model's weights are as good as nothing. */
async function shareOfZeros(sidecar: Sidecar, model: string): Promise<number> {
  const tensors = await weightsOf(sidecar, model);
  const weights = Object.values(tensors).flatMap(({ shape, data }) =>
    shape.length === 2 ? Array.from(data, Number) : [],
  );
  return mean(weights.map((weight) => Number(Math.abs(weight) < 0.005)));
}

interface Judged {
  /** Cross-entropy on unseen points by epoch, mean of the seeds. */
  readonly curve: readonly number[];
  readonly training: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly zeros: number;
  readonly regions: readonly (readonly number[])[];
}

export const regularisation: Lesson = {
  question: "what keeps a network that is too large from learning noise by heart?",
  async run(open) {
    const sidecar = await open();
    const runs = await trainAll(
      sidecar,
      NAMES.flatMap((name) => SEEDS.map((seed) => training(name, seed))),
    );
    const judged: Judged[] = [];
    for (const index of NAMES.keys()) {
      const own = runs.slice(index * SEEDS.length, (index + 1) * SEEDS.length);
      const last = own.map(({ epochs }) => epochs.at(-1)!);
      judged.push({
        curve: range(EPOCHS).map((epoch) => mean(own.map(({ epochs }) => Number(epochs[epoch]!.validation!.loss)))),
        training: mean(last.map(({ loss }) => Number(loss))),
        loss: mean(last.map(({ validation }) => Number(validation!.loss))),
        accuracy: mean(last.map(({ validation }) => Number(validation!.metrics!.accuracy))),
        zeros: mean(await Promise.all(own.map(({ model }) => shareOfZeros(sidecar, model)))),
        regions: await regions(sidecar, own[0]!.model),
      });
    }
    const of = (name: Variant) => judged[NAMES.indexOf(name)]!;
    const [nothing, dropout, l1, l2] = NAMES.map(of) as [Judged, Judged, Judged, Judged];
    return {
      finding:
        `Left alone, 17,000 parameters learn ${ROWS} points by heart: a loss of ${nothing.training.toFixed(2)} on them, ` +
        `${nothing.loss.toFixed(2)} on unseen ones. Dropout brings that to ${dropout.loss.toFixed(2)}, L1 to ${l1.loss.toFixed(2)} with ` +
        `${percent(l1.zeros)} of the weights at zero, L2 to ${l2.loss.toFixed(2)}.`,
      table: [
        ["against overfitting", "loss in training", "on unseen points", "accuracy there", "weights at zero"],
        ...NAMES.map((name) => [
          name,
          of(name).training.toFixed(3),
          of(name).loss.toFixed(3),
          percent(of(name).accuracy),
          percent(of(name).zeros),
        ]),
      ],
      checks: [
        {
          claim: "without anything the loss on unseen points rises to more than twice its lowest",
          holds: nothing.loss > 2 * Math.min(...nothing.curve),
          got: `${Math.min(...nothing.curve).toFixed(2)}, then ${nothing.loss.toFixed(2)}`,
        },
        {
          claim: "dropout, L1 and L2 each at least halve it, and none is less accurate",
          holds: [dropout, l1, l2].every(
            ({ loss, accuracy }) => loss < nothing.loss / 2 && accuracy >= nothing.accuracy,
          ),
          got: [dropout, l1, l2].map(({ loss }) => loss.toFixed(2)).join(", "),
        },
        {
          claim: "L1 leaves the fewest weights: at least four of five are zero, more than anywhere else",
          holds: l1.zeros > 0.8 && [nothing, dropout, l2].every(({ zeros }) => zeros < l1.zeros),
          got: [nothing, dropout, l1, l2].map(({ zeros }) => percent(zeros)).join(", "),
        },
      ],
      picture: draw(judged),
    };
  },
};

function draw(judged: readonly Judged[]): string {
  const points = moons(ROWS, SEEDS[0]!);
  const of = (label: string) => points.x.filter((_, row) => points.y[row] === label).map(([x, y]) => [x!, y!] as const);
  const maps = NAMES.map((name, index) =>
    axes({
      title: `${name}: ${judged[index]!.loss.toFixed(2)}`,
      x: { domain: ACROSS, ticks: [] },
      y: { domain: UP, ticks: [] },
      marks: [
        field(judged[index]!.regions, { x: ACROSS, y: UP }),
        dots({ colour: "#a84300", points: of("upper"), radius: 3 }),
        dots({ colour: "#0b4f79", points: of("lower"), radius: 3 }),
      ],
    }),
  );
  const curves = NAMES.map((name, index) =>
    line({ name, colour: colourOf(index), points: judged[index]!.curve.map((loss, epoch) => [epoch + 1, loss]) }),
  );
  const zeros = bars({
    colour: colourOf(0),
    colours: NAMES.map((_, index) => colourOf(index)),
    width: 0.6,
    points: judged.map((each, index) => [index, each.zeros]),
    labels: judged.map((each) => `${Math.round(each.zeros * 100)} %`),
  });
  return page({
    title: "Dropout, L1 and L2 each keep a network from learning noise by heart",
    subtitle: `Two noisy half circles, ${ROWS} points, two hidden layers of 128; above what the first seed's networks make of the plane, with the loss on 2,000 unseen points as the mean of ${SEEDS.length} seeds.`,
    width: 1080,
    lines: [
      { height: 225, panels: maps },
      {
        height: 300,
        panels: [
          [
            axes({
              title: "Loss on unseen points",
              x: { label: "epochs" },
              y: { label: "cross-entropy", kind: "log" },
              marks: curves,
            }),
            1.6,
          ],
          axes({
            title: "Weights at zero",
            x: { domain: [-0.5, 3.5], ticks: NAMES.map((label, value) => ({ value, label })) },
            y: {
              label: "share of all",
              domain: [0, 1],
              ticks: [0, 0.5, 1].map((value) => ({ value, label: `${value * 100} %` })),
            },
            marks: [zeros],
          }),
        ],
      },
    ],
  });
}
