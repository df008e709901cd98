/** @file A run that diverges: twelve residual layers without norms at a bold learning rate, and what rescues it. */
import { axes, bars, colourOf, line, page, words } from "./draw/index.ts";
import { type Lesson, mean, percent, range } from "./lesson.ts";
import { type Run, type Training, trainAll } from "./train.ts";

const SEEDS = [1, 2, 3];
const EPOCHS = 12;
const RATE = 0.02;
const WARMUP_STEPS = 100;

const VARIANTS = {
  nothing: {},
  "cosine alone": { schedule: { type: "cosine" } },
  clipping: { clipNorm: 1 },
  "warm-up": { schedule: { type: "constant", warmupSteps: WARMUP_STEPS } },
  "clipping and cosine": { clipNorm: 1, schedule: { type: "cosine" } },
  "warm-up and cosine": { schedule: { type: "cosine", warmupSteps: WARMUP_STEPS } },
  "one cycle": { schedule: { type: "oneCycle" } },
} as const;
type Variant = keyof typeof VARIANTS;
const NAMES = Object.keys(VARIANTS) as Variant[];

const training = (variant: Variant, seed: number): Training => ({
  model: {
    pipeline: "classification",
    preprocess: { default: { type: "minMax", over: "tensor" } },
    backbone: { type: "mlp", hidden: range(12).map(() => 64), residual: true },
    seed,
  },
  training: {
    data: { builtin: "digits" },
    validation: 0.2,
    epochs: EPOCHS,
    batchSize: 32,
    optimizer: { type: "sgd", learningRate: RATE, momentum: 0.9 },
    ...VARIANTS[variant],
    seed,
  },
});

const isDiverged = (run: Run): boolean => run.failure !== undefined;
const finalLoss = (runs: readonly Run[]): number => mean(runs.map(({ epochs }) => Number(epochs.at(-1)!.loss)));
const accuracyOf = (runs: readonly Run[]): number =>
  mean(runs.map(({ epochs }) => Number(epochs.at(-1)!.validation!.metrics!.accuracy)));

export const stability: Lesson = {
  question: "what rescues a training that diverges?",
  async run(open) {
    const all = await trainAll(
      await open(),
      NAMES.flatMap((name) => SEEDS.map((seed) => training(name, seed))),
    );
    const of = (name: Variant): readonly Run[] => {
      const from = NAMES.indexOf(name) * SEEDS.length;
      return all.slice(from, from + SEEDS.length);
    };
    const lost = NAMES.filter((name) => of(name).some(isDiverged));
    const saved = NAMES.filter((name) => !lost.includes(name));
    const loss = (name: Variant) => finalLoss(of(name));
    const rescuers = ["clipping", "warm-up", "one cycle"] as const;
    const areSaved = rescuers.every((name) => saved.includes(name));
    const told = (name: Variant) => (saved.includes(name) ? loss(name).toFixed(3) : "diverged");
    return {
      finding:
        `At a learning rate of ${RATE} every run diverges in its first epoch. Clipping the gradients' norm at 1, a warm-up of ` +
        `${WARMUP_STEPS} steps or a one-cycle schedule rescues it; the cosine alone, which begins at the full rate, does not, but behind either ` +
        `it ends at a lower loss: ${told("clipping and cosine")} for ${told("clipping")}, ${told("warm-up and cosine")} for ${told("warm-up")}.`,
      table: [
        ["with", "diverged", "loss in training", "held-out accuracy"],
        ...NAMES.map((name) => [
          name,
          `${of(name).filter(isDiverged).length} of ${SEEDS.length}`,
          saved.includes(name) ? loss(name).toFixed(3) : "–",
          saved.includes(name) ? percent(accuracyOf(of(name))) : "–",
        ]),
      ],
      checks: [
        {
          claim: "without help, and with the cosine alone, runs diverge",
          holds: of("nothing").every(isDiverged) && of("cosine alone").some(isDiverged),
          got: lost.map((name) => `${name}: ${of(name).filter(isDiverged).length} of ${SEEDS.length}`).join(", "),
        },
        {
          claim: "clipping, warm-up and one cycle each rescue every run, to 80 % of held-out digits or more",
          holds: areSaved && rescuers.every((name) => accuracyOf(of(name)) > 0.8),
          got: saved.map((name) => `${name} ${percent(accuracyOf(of(name)))}`).join(", "),
        },
        {
          claim: "the cosine then lowers the loss",
          holds: loss("clipping and cosine") < loss("clipping") && loss("warm-up and cosine") < loss("warm-up"),
          got: (["clipping", "clipping and cosine", "warm-up", "warm-up and cosine"] as const).map(told).join(", "),
        },
      ],
      picture: draw(of, saved, lost),
    };
  },
};

function draw(of: (name: Variant) => readonly Run[], saved: readonly Variant[], lost: readonly Variant[]): string {
  const at = (name: Variant, read: (epoch: Run["epochs"][number]) => number) =>
    range(EPOCHS).map((epoch) => [epoch + 1, mean(of(name).map(({ epochs }) => read(epochs[epoch]!)))] as const);
  const look = (name: Variant) => ({ name, colour: colourOf(NAMES.indexOf(name)) });
  const curves = saved.map((name) => line({ ...look(name), points: at(name, ({ loss }) => Number(loss)) }));
  const rates = saved
    .filter((name) => name !== "clipping" && name !== "clipping and cosine")
    .map((name) => line({ ...look(name), dots: true, points: at(name, ({ learningRate }) => Number(learningRate)) }));
  const accuracies = bars({
    colour: colourOf(0),
    colours: NAMES.map((_, index) => colourOf(index)),
    width: 0.66,
    points: NAMES.map((name, index) => [index, saved.includes(name) ? accuracyOf(of(name)) : 0]),
    labels: NAMES.map((name) => (saved.includes(name) ? `${Math.round(accuracyOf(of(name)) * 100)} %` : "diverged")),
  });
  return page({
    title: "Clipping, warm-up or one cycle rescues a training that diverges",
    subtitle: `8 × 8 digits, 12 residual layers of 64 without norms, SGD with momentum at ${RATE}; mean of ${SEEDS.length} seeds. Helped by ${lost.join(" or ")}, it diverges in the first epoch.`,
    width: 1080,
    lines: [
      {
        height: 330,
        panels: [
          axes({
            title: "Loss in training",
            x: { label: "epochs" },
            y: { label: "cross-entropy", kind: "log" },
            marks: curves,
          }),
          axes({
            title: "Learning rates at the ends of epochs",
            x: { label: "epochs" },
            y: { label: "learning rate", domain: [0, 0.022] },
            marks: [...rates, words("clipping: as without it", { at: [8.2, 0.0208], size: 11, colour: "#667080" })],
          }),
        ],
      },
      {
        height: 230,
        panels: [
          axes({
            title: "Held-out accuracy",
            x: { domain: [-0.6, 6.6], ticks: NAMES.map((label, value) => ({ value, label })) },
            y: {
              label: "accuracy",
              domain: [0, 1.06],
              ticks: [0, 0.5, 1].map((value) => ({ value, label: `${value * 100} %` })),
            },
            marks: [accuracies],
          }),
        ],
      },
    ],
  });
}
