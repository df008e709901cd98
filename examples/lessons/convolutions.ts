/** @file Convolutions against dense layers on 8×8 digits: what a parameter buys, what a shift costs, and the filters that were learned. */
import { encodeTensor, type Sidecar } from "../../clients/typescript/index.ts";
import { type Digits, SIDE, splitDigits } from "../demo/digits.ts";
import { axes, bars, colourOf, heat, line, page, SIDES } from "./draw/index.ts";
import { type Lesson, mean, percent, range } from "./lesson.ts";
import { type Training, trainAll, weightsOf } from "./train.ts";

const SEEDS = [1, 2, 3];
const WINDOW = 5;

const dense = (...hidden: number[]) => ({
  name: `MLP ${hidden.join("-")}`,
  kind: "MLP",
  backbone: { type: "mlp", hidden },
});
const convolutional = (...channels: number[]) => ({
  name: `CNN ${channels.join("-")}`,
  kind: "CNN",
  backbone: {
    type: "cnn",
    blocks: channels.map((count, block) => ({ channels: count, window: block === 0 ? WINDOW : 3, pool: "max" })),
  },
});
const NETWORKS = [
  dense(16),
  dense(64),
  dense(128, 64),
  convolutional(4, 8),
  convolutional(8, 16),
  convolutional(16, 32),
];

const { training, held } = splitDigits();
const shaped = ({ count, images, labels }: Pick<Digits, "count" | "images" | "labels">) => ({
  x: encodeTensor({ dtype: "U8", shape: [count, 1, SIDE, SIDE], data: images }, { form: "b64" }),
  y: encodeTensor({ dtype: "U8", shape: [count], data: labels }, { form: "b64" }),
});

/** All digits one pixel to the left or right; what comes in at the edge is empty. */
function shifted({ images, ...rest }: Digits, by: -1 | 1): Digits {
  const moved = images.map((_, place) => {
    const from = (place % SIDE) - by;
    return from < 0 || from >= SIDE ? 0 : images[place - by]!;
  });
  return { ...rest, images: moved };
}

interface Judged {
  readonly name: string;
  readonly kind: string;
  readonly parameters: number;
  /** By seed. */
  readonly accuracy: readonly number[];
  readonly afterShift: readonly number[];
  readonly models: readonly string[];
}

async function judge(sidecar: Sidecar): Promise<Judged[]> {
  const jobs = NETWORKS.flatMap(({ backbone }) =>
    SEEDS.map(
      (seed): Training => ({
        model: {
          pipeline: "classification",
          preprocess: { default: { type: "minMax", over: "tensor" } },
          backbone,
          seed,
        },
        training: {
          data: shaped(training),
          epochs: 20,
          batchSize: 32,
          optimizer: { type: "adam", learningRate: 0.003 },
          schedule: "cosine",
          seed,
        },
      }),
    ),
  );
  const runs = await trainAll(sidecar, jobs);
  const accuracyOn = async (model: string, digits: Digits): Promise<number> =>
    Number((await sidecar.evaluate({ model, data: shaped(digits) })).metrics.accuracy);
  const judged: Judged[] = [];
  for (const [index, { name, kind }] of NETWORKS.entries()) {
    const models = runs.slice(index * SEEDS.length, (index + 1) * SEEDS.length).map(({ model }) => model);
    const [accuracy, afterShift]: [number[], number[]] = [[], []];
    for (const model of models) {
      accuracy.push(await accuracyOn(model, held));
      afterShift.push(mean([await accuracyOn(model, shifted(held, -1)), await accuracyOn(model, shifted(held, 1))]));
    }
    const { model } = await sidecar.models.get({ model: models[0]! });
    judged.push({ name, kind, parameters: model.parameters!, accuracy, afterShift, models });
  }
  return judged;
}

/** The windows of a model's first convolution, each [WINDOW][WINDOW], from its saved weights. */
async function filtersOf(sidecar: Sidecar, model: string): Promise<number[][][]> {
  const tensors = await weightsOf(sidecar, model);
  const [, first] = Object.entries(tensors).find(([, { shape }]) => shape.length === 4)!;
  const [count, , height, width] = first.shape as [number, number, number, number];
  return range(count).map((filter) =>
    range(height).map((row) =>
      range(width).map((column) => Number(first.data[(filter * height + row) * width + column])),
    ),
  );
}

export const convolutions: Lesson = {
  question: "what do convolutions buy over dense layers, by parameter?",
  async run(open) {
    const sidecar = await open();
    const judged = await judge(sidecar);
    const filters = await filtersOf(sidecar, judged.at(-1)!.models[0]!);
    const [largestMlp, middleMlp] = [judged[2]!, judged[1]!];
    const [largestCnn, middleCnn] = [judged[5]!, judged[4]!];
    const fewer = largestMlp.parameters / largestCnn.parameters;
    return {
      finding:
        `With ${largestCnn.parameters.toLocaleString("en")} parameters a CNN reads ${percent(mean(largestCnn.accuracy))} of unseen digits, ` +
        `an MLP with ${largestMlp.parameters.toLocaleString("en")} ${percent(mean(largestMlp.accuracy))}. Moved by one pixel, the CNN still reads ` +
        `${percent(mean(largestCnn.afterShift))}, the MLP ${percent(mean(largestMlp.afterShift))}.`,
      table: [
        ["network", "parameters", "accuracy", "moved by a pixel"],
        ...judged.map(({ name, parameters, accuracy, afterShift }) => [
          name,
          parameters.toLocaleString("en"),
          percent(mean(accuracy)),
          percent(mean(afterShift)),
        ]),
      ],
      checks: [
        {
          claim: "the largest CNN reads at least as well as the largest MLP, with less than half its parameters",
          holds: mean(largestCnn.accuracy) >= mean(largestMlp.accuracy) && fewer > 2,
          got: `${percent(mean(largestCnn.accuracy))} and ${percent(mean(largestMlp.accuracy))}, ${fewer.toFixed(1)} times fewer`,
        },
        {
          claim: "the middle CNN reads at least as well as the middle MLP, with less than half its parameters",
          holds:
            mean(middleCnn.accuracy) >= mean(middleMlp.accuracy) && middleMlp.parameters > 2 * middleCnn.parameters,
          got: `${percent(mean(middleCnn.accuracy))} and ${percent(mean(middleMlp.accuracy))}`,
        },
        {
          claim: "moved by a pixel, the CNN loses less",
          holds: mean(largestCnn.afterShift) > mean(largestMlp.afterShift) + 0.05,
          got: `${percent(mean(largestCnn.afterShift))} and ${percent(mean(largestMlp.afterShift))}`,
        },
      ],
      picture: draw(judged, filters),
    };
  },
};

function draw(judged: readonly Judged[], filters: readonly number[][][]): string {
  const kinds = ["MLP", "CNN"];
  const curves = kinds.map((kind, index) => {
    const own = judged.filter((network) => network.kind === kind);
    return line({
      name: kind,
      colour: colourOf(index),
      dots: true,
      points: own.map(({ parameters, accuracy }) => [parameters, mean(accuracy)]),
      band: own.map(({ parameters, accuracy }) => [parameters, Math.min(...accuracy), Math.max(...accuracy)]),
    });
  });
  const shifts = kinds.map((kind, index) => {
    const own = judged.filter((network) => network.kind === kind);
    const points = own.map(
      ({ afterShift }, place) => [place + (index === 0 ? -0.19 : 0.19), mean(afterShift)] as const,
    );
    return bars({
      name: kind,
      colour: colourOf(index),
      width: 0.34,
      points,
      labels: points.map(([, share]) => `${Math.round(share * 100)} %`),
    });
  });
  const largest = Math.max(...filters.flat(2).map(Math.abs));
  const windows = filters.map((filter) =>
    heat({ values: filter, domain: [-largest, largest], ramp: SIDES, square: true }),
  );
  const half = windows.length / 2;
  const share = (value: number) => ({ value, label: `${Math.round(value * 100)} %` });
  return page({
    title: "The CNN reads better with fewer parameters, and bears a shift",
    subtitle: `8 × 8 digits, every fifth held out; mean of ${SEEDS.length} seeds, the band from least to most. Below: the ${filters.length} filters of ${WINDOW} × ${WINDOW} that the largest CNN learned first, orange where it looks for ink, blue where for none.`,
    lines: [
      {
        height: 320,
        panels: [
          axes({
            title: "Held-out digits, by size of the network",
            x: {
              label: "parameters",
              kind: "log",
              domain: [500, 25_000],
              ticks: [500, 1000, 2000, 5000, 10_000, 20_000].map((value) => ({
                value,
                label: value.toLocaleString("en"),
              })),
            },
            y: { label: "accuracy", domain: [0.9, 1], ticks: [0.9, 0.92, 0.94, 0.96, 0.98, 1].map(share) },
            marks: curves,
          }),
          axes({
            title: "The same digits, moved by one pixel",
            x: {
              label: "size of the network",
              domain: [-0.6, 2.6],
              ticks: ["small", "middle", "large"].map((label, value) => ({ value, label })),
            },
            y: { label: "accuracy", domain: [0, 1], ticks: [0, 0.25, 0.5, 0.75, 1].map(share) },
            marks: shifts,
          }),
        ],
      },
      { height: 104, panels: windows.slice(0, half) },
      { height: 104, panels: windows.slice(half) },
    ],
  });
}
