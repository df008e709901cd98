/** @file Depth: networks of 2 to 48 layers with and without residual connections and norms, all else equal. */
import { axes, colourOf, line, page, words } from "./draw/index.ts";
import { type Lesson, mean, percent, range } from "./lesson.ts";
import { type Run, type Training, trainAll } from "./train.ts";

const DEPTHS = [2, 4, 8, 16, 32, 48];
const SHOWN_DEPTH = 32;
const SEEDS = [1, 2, 3];
const EPOCHS = 10;
const CHANCE = 0.1;

const VARIANTS = {
  plain: {},
  residuals: { residual: true },
  norms: { norm: "layer" },
  "residuals and norms": { residual: true, norm: "layer" },
} as const;
type Variant = keyof typeof VARIANTS;
const NAMES = Object.keys(VARIANTS) as Variant[];

const training = (variant: Variant, depth: number, seed: number): Training => ({
  model: {
    pipeline: "classification",
    preprocess: { default: { type: "minMax", over: "tensor" } },
    backbone: { type: "mlp", hidden: range(depth).map(() => 32), activation: "relu", ...VARIANTS[variant] },
    seed,
  },
  training: {
    data: { builtin: "digits" },
    validation: 0.2,
    epochs: EPOCHS,
    batchSize: 64,
    optimizer: { type: "sgd", learningRate: 0.02, momentum: 0.9 },
    seed,
  },
});

/** On held-out rows at the end; a run that diverged knows nothing. */
const accuracyOf = ({ epochs, failure }: Run): number =>
  failure === undefined ? Number(epochs.at(-1)?.validation?.metrics?.accuracy ?? CHANCE) : CHANCE;

export const depth: Lesson = {
  question: "how deep can a network be, with and without residual connections and norms?",
  async run(open) {
    const grid = NAMES.flatMap((name) => DEPTHS.flatMap((layers) => SEEDS.map((seed) => training(name, layers, seed))));
    const runs = await trainAll(await open(), grid);
    const at = (name: Variant, layers: number): readonly Run[] => {
      const from = (NAMES.indexOf(name) * DEPTHS.length + DEPTHS.indexOf(layers)) * SEEDS.length;
      return runs.slice(from, from + SEEDS.length);
    };
    const accuracy = (name: Variant, layers: number) => mean(at(name, layers).map(accuracyOf));
    const isDiverged = (name: Variant, layers: number) => at(name, layers).some(({ failure }) => failure !== undefined);
    const both = DEPTHS.map((layers) => accuracy("residuals and norms", layers));
    const alone = (["plain", "residuals", "norms"] as const).map((name) => accuracy(name, SHOWN_DEPTH));
    const diverged = DEPTHS.filter((layers) => isDiverged("residuals", layers));
    return {
      finding:
        `At ${SHOWN_DEPTH} layers only the network with both learns: ${percent(accuracy("residuals and norms", SHOWN_DEPTH))} of held-out digits, ` +
        `where the others get at most ${percent(Math.max(...alone))}. Residuals without norms add up until they diverge; norms ` +
        "without residuals still lose the gradient on its way.",
      table: [
        ["held-out accuracy at a depth of", ...DEPTHS],
        ...NAMES.map((name) => [
          name,
          ...DEPTHS.map((layers) => (isDiverged(name, layers) ? "diverged" : percent(accuracy(name, layers)))),
        ]),
      ],
      checks: [
        {
          claim: "with residuals and norms every depth reaches 90 %",
          holds: Math.min(...both) > 0.9,
          got: both.map(percent).join(", "),
        },
        {
          claim: `without either or with one alone, ${SHOWN_DEPTH} layers stay under 60 %`,
          holds: Math.max(...alone) < 0.6,
          got: alone.map(percent).join(", "),
        },
        {
          claim: "residuals alone diverge from 16 layers on",
          holds: DEPTHS.filter((layers) => layers >= 16).every((layers) => diverged.includes(layers)),
          got: `diverged at ${diverged.join(", ")}`,
        },
      ],
      picture: draw(accuracy, at),
    };
  },
};

function draw(
  accuracy: (name: Variant, layers: number) => number,
  at: (name: Variant, layers: number) => readonly Run[],
): string {
  const byDepth = NAMES.map((name, index) =>
    line({
      name,
      colour: colourOf(index),
      dots: true,
      width: name === "residuals and norms" ? 3 : 2,
      points: DEPTHS.map((layers) => [layers, accuracy(name, layers)]),
      band: DEPTHS.map((layers) => {
        const all = at(name, layers).map(accuracyOf);
        return [layers, Math.min(...all), Math.max(...all)];
      }),
    }),
  );
  const chance = line({
    colour: "#8a929e",
    dashed: true,
    width: 1.2,
    points: [
      [2, CHANCE],
      [48, CHANCE],
    ],
  });
  const curves = NAMES.map((name, index) => {
    const seeds = at(name, SHOWN_DEPTH).filter(({ failure }) => failure === undefined);
    const points = range(seeds.length === 0 ? 0 : EPOCHS).map(
      (epoch) => [epoch + 1, mean(seeds.map(({ epochs }) => Number(epochs[epoch]!.loss)))] as const,
    );
    return line({ name, colour: colourOf(index), width: name === "residuals and norms" ? 3 : 2, points });
  });
  const gone = words("residuals alone: diverged", { at: [3.6, 5], colour: colourOf(1), size: 11.5 });
  return page({
    title: "Residual connections carry depth, but only together with norms",
    subtitle: `8 × 8 digits, layers of 32 ReLU units, SGD with momentum at a rate of 0.02, ${EPOCHS} epochs; mean of ${SEEDS.length} seeds, the band from least to most. A run that diverges counts as chance.`,
    lines: [
      {
        height: 360,
        panels: [
          axes({
            title: "What is right of held-out digits",
            x: {
              label: "hidden layers",
              kind: "log",
              domain: [1.8, 53],
              ticks: DEPTHS.map((value) => ({ value, label: String(value) })),
            },
            y: {
              label: "accuracy",
              domain: [0, 1],
              ticks: [0, 0.25, 0.5, 0.75, 1].map((value) => ({ value, label: `${value * 100} %` })),
            },
            marks: [chance, ...byDepth, words("chance", { at: [1.9, CHANCE - 0.045], colour: "#667080", size: 11 })],
          }),
          axes({
            title: `Learning with ${SHOWN_DEPTH} layers`,
            x: { label: "epochs", domain: [1, EPOCHS] },
            y: { label: "cross-entropy in training", kind: "log", domain: [0.05, 100] },
            marks: [...curves, gone],
          }),
        ],
      },
    ],
  });
}
