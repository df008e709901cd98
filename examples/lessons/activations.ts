/** @file Activations in a deep network: how much of the gradient reaches each layer, and what that does to learning. */
import {
  ACTIVATIONS,
  type ActivationName,
  createRandom,
  dense,
  INITIALISERS,
  permutation,
} from "../../src/pipelines/plugin.ts";
import { splitDigits } from "../demo/digits.ts";
import { axes, colourOf, line, page } from "./draw/index.ts";
import { createLearner } from "./learner.ts";
import { type Lesson, mean, range } from "./lesson.ts";

const SHOWN = ["sigmoid", "tanh", "relu", "gelu"] as const satisfies readonly ActivationName[];
const HIDDEN_LAYERS = 6;
const UNITS = 64;
const BATCH = 64;
const STEPS = 400;
const SEEDS = [1, 2, 3, 4, 5];

const { training: digits } = splitDigits();
const PIXELS = 64;

interface Run {
  /** Root mean square of each layer's gradient before the first step, from the input's side. */
  readonly gradients: readonly number[];
  /** Cross-entropy step by step. */
  readonly losses: readonly number[];
}

function run(name: ActivationName, seed: number): Run {
  const { apply, initialiser } = ACTIVATIONS[name];
  const learner = createLearner({
    seed,
    showGradients: true,
    optimizer: { type: "sgd", learningRate: 0.05, momentum: 0.9 },
    build(t, scope) {
      let x = t.input("x", { dtype: "F32", shape: [BATCH, PIXELS] });
      for (const layer of range(HIDDEN_LAYERS)) {
        x = apply(dense(scope.child(`layers.${layer}`), x, { units: UNITS, init: INITIALISERS[initialiser] }));
      }
      const logits = dense(scope.child(`layers.${HIDDEN_LAYERS}`), x, { units: 10 });
      return { loss: logits.crossEntropy(t.input("y", { dtype: "I32", shape: [BATCH] })).mean() };
    },
  });
  const random = createRandom(seed, "order");
  let gradients: number[] = [];
  const losses = range(STEPS).map((step) => {
    const rows = permutation(digits.count, random).subarray(0, BATCH);
    const x = Float32Array.from({ length: BATCH * PIXELS }, (_, place) => {
      const row = rows[Math.floor(place / PIXELS)]!;
      return digits.images[row * PIXELS + (place % PIXELS)]! / 8 - 1;
    });
    const told = learner.step({ x, y: rows.map((row) => digits.labels[row]!) });
    if (step === 0) gradients = range(HIDDEN_LAYERS + 1).map((layer) => told[`gradient.layers.${layer}.weight`]![0]!);
    return told.loss![0]!;
  });
  learner.close();
  return { gradients, losses };
}

export const activations: Lesson = {
  question: "how much gradient reaches the first of six hidden layers, by activation?",
  async run() {
    const runs = SHOWN.map((name) => SEEDS.map((seed) => run(name, seed)));
    const flow = runs.map((seeds) =>
      range(HIDDEN_LAYERS + 1).map((layer) =>
        Math.exp(mean(seeds.map(({ gradients }) => Math.log(gradients[layer]!)))),
      ),
    );
    const share = flow.map((layers) => layers[0]! / layers.at(-1)!);
    const final = runs.map((seeds) => mean(seeds.flatMap(({ losses }) => losses.slice(-20))));
    const of = (name: (typeof SHOWN)[number], values: readonly number[]): number => values[SHOWN.indexOf(name)]!;
    const shown = (value: number): string => (value < 0.01 ? value.toExponential(1) : value.toFixed(2));
    return {
      finding:
        `Through six sigmoid layers the gradient shrinks to ${shown(of("sigmoid", share))} of what the last layer gets: the first ` +
        `layers do not learn, and the loss stays at ${of("sigmoid", final).toFixed(2)}, chance. ReLU keeps ` +
        `${shown(of("relu", share))} and GELU ${shown(of("gelu", share))} of it, and both learn.`,
      table: [
        ["activation", "gradient, first layer", "last layer", "first / last", `loss after ${STEPS} steps`],
        ...SHOWN.map((name, index) => [
          name,
          flow[index]![0]!.toExponential(1),
          flow[index]!.at(-1)!.toExponential(1),
          shown(share[index]!),
          final[index]!.toFixed(3),
        ]),
      ],
      checks: [
        {
          claim:
            "sigmoid's gradient vanishes: less than 1 % of it reaches the first layer, and the loss stays at chance",
          holds: of("sigmoid", share) < 0.01 && of("sigmoid", final) > 2.2,
          got: `${shown(of("sigmoid", share))}, ${of("sigmoid", final).toFixed(2)}`,
        },
        {
          claim: "ReLU's and GELU's do not: more than 10 %, and the loss falls under 0.2",
          holds: (["relu", "gelu"] as const).every((name) => of(name, share) > 0.1 && of(name, final) < 0.2),
          got: `${shown(of("relu", share))} and ${shown(of("gelu", share))}, ${of("relu", final).toFixed(3)} and ${of("gelu", final).toFixed(3)}`,
        },
      ],
      picture: draw(runs, flow),
    };
  },
};

function draw(runs: readonly (readonly Run[])[], flow: readonly (readonly number[])[]): string {
  const byLayer = SHOWN.map((name, index) =>
    line({
      name,
      colour: colourOf(index),
      dots: true,
      points: flow[index]!.map((value, layer) => [layer + 1, value]),
      band: range(HIDDEN_LAYERS + 1).map((layer) => {
        const all = runs[index]!.map(({ gradients }) => gradients[layer]!);
        return [layer + 1, Math.min(...all), Math.max(...all)];
      }),
    }),
  );
  const curves = SHOWN.map((name, index) => {
    const smooth = (step: number) =>
      runs[index]!.flatMap(({ losses }) => losses.slice(Math.max(0, step - 4), step + 5));
    return line({ name, colour: colourOf(index), points: range(STEPS).map((step) => [step + 1, mean(smooth(step))]) });
  });
  return page({
    title: "Through six layers sigmoid's gradient vanishes; ReLU's and GELU's arrive",
    subtitle: `8 × 8 digits, ${HIDDEN_LAYERS} hidden layers of ${UNITS}, initial weights that suit each activation, SGD with momentum; mean of ${SEEDS.length} seeds, the band from least to most.`,
    lines: [
      {
        height: 360,
        panels: [
          axes({
            title: "Gradient by layer, before the first step",
            x: {
              label: "layer, from input to output",
              domain: [0.7, HIDDEN_LAYERS + 1.3],
              ticks: range(HIDDEN_LAYERS + 1).map((layer) => ({
                value: layer + 1,
                label: layer === HIDDEN_LAYERS ? "output" : String(layer + 1),
              })),
            },
            y: { label: "root mean square of the weights' gradient", kind: "log" },
            marks: byLayer,
          }),
          axes({
            title: "What comes of it",
            x: { label: "steps" },
            y: { label: "cross-entropy", domain: [0, 2.6] },
            marks: curves,
          }),
        ],
      },
    ],
  });
}
