/** @file Attention on dates: from "november 21, 2026" to "2026-11-21", and where each written sign looked. */
import type { Tensor } from "../../src/engine/index.ts";
import { createRandom, dense, embedding, type RandomStream, recurrent } from "../../src/pipelines/plugin.ts";
import { axes, colourOf, heat, line, page } from "./draw/index.ts";
import { type Build, createLearner } from "./learner.ts";
import { type Lesson, mean, percent, range } from "./lesson.ts";

const MONTHS = "january february march april may june july august september october november december".split(" ");
const READ = " ,abcdefghijklmnopqrstuvwxyz0123456789";
const WRITTEN = "0123456789-";
const LONGEST = "september 28, 2026".length;
const LENGTH = "2026-11-21".length;
const BATCH = 64;
const STEPS = 300;
const SEEDS = [1, 2];
const HIDDEN = 32;
const WIDTH = 2 * HIDDEN;

interface DatePair {
  readonly read: string;
  readonly written: string;
}

function writeDate(day: number, month: number, year: number, { short = false, american = false } = {}): DatePair {
  const name = short ? MONTHS[month]!.slice(0, 3) : MONTHS[month]!;
  const two = (number: number) => String(number).padStart(2, "0");
  return {
    read: american ? `${name} ${day}, ${year}` : `${day} ${name} ${year}`,
    written: `${year}-${two(month + 1)}-${two(day)}`,
  };
}

const drawDate = (random: RandomStream): DatePair =>
  writeDate(1 + random.integer(28), random.integer(12), 1900 + random.integer(200), {
    short: random.integer(2) === 1,
    american: random.integer(2) === 1,
  });

function encoded(dates: readonly DatePair[]) {
  const [x, y] = [new Int32Array(BATCH * LONGEST), new Int32Array(BATCH * LENGTH)];
  for (const [row, { read, written }] of dates.entries()) {
    x.set(
      Array.from(read, (sign) => READ.indexOf(sign)),
      row * LONGEST,
    );
    y.set(
      Array.from(written, (sign) => WRITTEN.indexOf(sign)),
      row * LENGTH,
    );
  }
  return { x, y, lengths: Int32Array.from({ length: BATCH }, (_, row) => dates[row]?.read.length ?? 1) };
}

/**
 * A reader of signs, and for each sign to be written a learned query. With attention a query sees the states at all signs
 * read (Bahdanau et al. 2015, scores as in Vaswani et al. 2017); without, the reader's last state alone.
 */
const network =
  (attends: boolean): Build =>
  (t, scope) => {
    const x = t.input("x", { dtype: "I32", shape: [BATCH, LONGEST] });
    const lengths = t.input("lengths", { dtype: "I32", shape: [BATCH] });
    const signs = embedding(scope.child("signs"), x, { vocabulary: READ.length, width: 24 });
    const reader = recurrent(scope.child("reader"), signs, {
      cell: "gru",
      hidden: HIDDEN,
      bidirectional: true,
      lengths,
    });
    const queries = scope.parameter("queries", [LENGTH, WIDTH], (_, random) =>
      Float32Array.from({ length: LENGTH * WIDTH }, () => random.normal()),
    );
    const keys = dense(scope.child("keys"), reader.outputs, { units: WIDTH });
    const seen = attends ? attend(queries, keys, reader.outputs, lengths) : null;
    const [forward, backward] = reader.last[0]!.length === 2 ? reader.last[0]! : reader.last.map(([state]) => state!);
    const summary = forward!.concat([backward!], 1).reshape([BATCH, 1, WIDTH]).broadcastTo([BATCH, LENGTH, WIDTH]);
    const mixed = dense(scope.child("mix"), seen?.context ?? summary, { units: WIDTH })
      .add(queries)
      .relu();
    const logits = dense(scope.child("written"), mixed, { units: WRITTEN.length });
    return { logits, ...(seen === null ? {} : { weights: seen.weights }) };
  };

/** @param queries [written, width] @param keys, values [batch, read, width] @returns weights [batch, written, read]: rows sum to 1 */
function attend(queries: Tensor, keys: Tensor, values: Tensor, lengths: Tensor): { weights: Tensor; context: Tensor } {
  const places = keys.constant({ dtype: "I32", shape: [1, LONGEST], data: Int32Array.from(range(LONGEST)) }, "I32");
  const exists = places.less(lengths.reshape([BATCH, 1])).reshape([BATCH, 1, LONGEST]);
  const scores = keys
    .matmul(queries.transpose())
    .permute([0, 2, 1])
    .mul(1 / Math.sqrt(WIDTH));
  const weights = exists.where(scores, -1e9).softmax(-1);
  return { weights, context: weights.matmul(values) };
}

interface Learned {
  readonly losses: readonly number[];
  /** Share of unseen dates written without a mistake. */
  readonly correct: number;
  /** Of what the four signs of a year look at: the share that falls on that very digit. */
  readonly onTheYear: number;
  /** For each of `SHOWN`: [written][read]. */
  readonly maps: readonly (readonly number[][])[];
}

const SHOWN = [
  writeDate(21, 10, 2026, { american: true }),
  writeDate(5, 2, 1984),
  writeDate(17, 7, 1969, { short: true }),
];

function learn(attends: boolean, seed: number): Learned {
  const build = network(attends);
  const learner = createLearner({
    seed,
    optimizer: { type: "adam", learningRate: 0.005 },
    build(t, scope) {
      const target = t.input("y", { dtype: "I32", shape: [BATCH * LENGTH] });
      const logits = build(t, scope).logits!.reshape([BATCH * LENGTH, WRITTEN.length]);
      return { loss: logits.crossEntropy(target).mean() };
    },
  });
  const random = createRandom(seed, "dates");
  const draw = () => range(BATCH).map(() => drawDate(random));
  const losses = range(STEPS).map(() => learner.step({ ...encoded(draw()) }).loss![0]!);
  const see = learner.program(build);
  const [right, onTheYear]: [number[], number[]] = [[], []];
  for (const _ of range(4)) {
    const dates = draw();
    const { x, lengths } = encoded(dates);
    const { logits, weights } = see({ x, lengths });
    for (const [row, { read, written }] of dates.entries()) {
      right.push(Number(written === spelled(logits!, row)));
      if (weights !== undefined)
        onTheYear.push(mean(range(4).map((sign) => weightOf(weights, row, sign, read.length - 4 + sign))));
    }
  }
  const { x, lengths } = encoded(SHOWN);
  const { weights } = see({ x, lengths });
  const maps =
    weights === undefined
      ? []
      : SHOWN.map(({ read }, row) =>
          range(LENGTH).map((sign) => range(read.length).map((place) => weightOf(weights, row, sign, place))),
        );
  learner.close();
  return { losses, correct: mean(right), onTheYear: attends ? mean(onTheYear) : Number.NaN, maps };
}

const weightOf = (weights: Float32Array, row: number, sign: number, place: number): number =>
  weights[(row * LENGTH + sign) * LONGEST + place]!;

/** What a row of logits writes. */
function spelled(logits: Float32Array, row: number): string {
  return range(LENGTH)
    .map((sign) => {
      const from = (row * LENGTH + sign) * WRITTEN.length;
      const own = logits.subarray(from, from + WRITTEN.length);
      return WRITTEN[own.indexOf(Math.max(...own))];
    })
    .join("");
}

export const attention: Lesson = {
  question: "where does a network look while it writes november 21, 2026 as 2026-11-21?",
  async run() {
    const attending = SEEDS.map((seed) => learn(true, seed));
    const summing = SEEDS.map((seed) => learn(false, seed));
    const correct = mean(attending.map((learned) => learned.correct));
    const without = mean(summing.map((learned) => learned.correct));
    const onTheYear = mean(attending.map((learned) => learned.onTheYear));
    return {
      finding:
        `After ${STEPS} steps it writes ${percent(correct)} of unseen dates without a mistake, and while it writes a digit of the year ` +
        `${percent(onTheYear)} of its attention rests on that digit: nobody told it which belongs to which. ` +
        `Without attention, from the reader's last state alone, it is ${percent(without)}.`,
      table: [
        ["reader", "unseen dates right", "attention on the right digit of the year"],
        ["with attention", percent(correct), percent(onTheYear)],
        ["last state alone", percent(without), "–"],
      ],
      checks: [
        { claim: "with attention 98 % of unseen dates are right", holds: correct >= 0.98, got: percent(correct) },
        {
          claim: "most of the attention rests on the right digit of the year",
          holds: onTheYear >= 0.6,
          got: percent(onTheYear),
        },
        { claim: "without attention fewer are", holds: without < correct - 0.1, got: percent(without) },
      ],
      picture: draw(attending, summing),
    };
  },
};

function draw(attending: readonly Learned[], summing: readonly Learned[]): string {
  const maps = attending[0]!.maps.map((values, index) =>
    heat({
      values,
      rows: [...SHOWN[index]!.written],
      columns: Array.from(SHOWN[index]!.read, (sign) => (sign === " " ? "␣" : sign)),
      domain: [0, 1],
      title: SHOWN[index]!.read,
      ...(index === 2 ? { unit: "attention" } : { xLabel: index === 0 ? "what is read" : "" }),
      ...(index === 0 ? { yLabel: "what is written" } : {}),
    }),
  );
  const curves = [attending, summing].map((runs, index) =>
    line({
      name: ["with attention", "last state alone"][index]!,
      colour: colourOf(index),
      points: range(STEPS / 5).map((fifth) => [
        fifth * 5 + 3,
        mean(runs.flatMap(({ losses }) => losses.slice(fifth * 5, fifth * 5 + 5))),
      ]),
    }),
  );
  return page({
    title: "Attention learns by itself which signs of a date belong together",
    subtitle: `Signs through a bidirectional GRU; each written sign is a learned query over all signs read. The months' numbers come from the few letters that tell them apart. ${STEPS} steps of Adam on made-up dates.`,
    lines: [
      {
        height: 330,
        panels: [
          [maps[0]!, 1.25],
          [maps[1]!, 1],
        ],
      },
      {
        height: 300,
        panels: [
          [maps[2]!, 1],
          [
            axes({
              title: "Learning, with and without",
              x: { label: "steps" },
              y: { label: "cross-entropy of a sign", kind: "log" },
              marks: curves,
            }),
            1,
          ],
        ],
      },
    ],
  });
}
