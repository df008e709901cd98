/** @file Results on the small tables under `data/`, in five folds that any program can make again: row k of a class is in fold k mod 5. */
import { readFileSync } from "node:fs";
import type { Part, Setting, Task } from "./task.ts";

const FOLDS = 5;

type Row = Readonly<Record<string, number | string>>;

/** The rows of a CSV file without quotes. */
function readTable(name: string): Row[] {
  const text = readFileSync(new URL(`../../data/${name}.csv`, import.meta.url), "utf8");
  const [names, ...rows] = text
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  const value = (cell: string): number | string => (Number.isNaN(Number(cell)) ? cell : Number(cell));
  return rows.map((cells) => Object.fromEntries(cells.map((cell, column) => [names![column]!, value(cell)])));
}

/** @param byClass whether each class is spread evenly; numbers are spread as they come */
function foldsOf(name: string, target: string, byClass: boolean): Part[] {
  const rows = readTable(name);
  const seen = new Map<unknown, number>();
  const folds = rows.map((row) => {
    const key = byClass ? row[target] : null;
    const place = seen.get(key) ?? 0;
    seen.set(key, place + 1);
    return place % FOLDS;
  });
  return Array.from({ length: FOLDS }, (_, fold) => ({
    training: { rows: rows.filter((_row, index) => folds[index] !== fold), target },
    test: { rows: rows.filter((_row, index) => folds[index] === fold), target },
  }));
}

/**
 * The same for each table: hidden units and initial weights are scikit-learn's; columns as they are or standardised, much L2 or
 * less, is for each part to choose.
 */
const CLASSIFYING: readonly Setting[] = ["none", "standardise"].flatMap((preprocess) =>
  [0.03, 0.01, 0.001].map((l2) => ({
    model: {
      pipeline: "classification",
      preprocess,
      backbone: { type: "mlp", hidden: [100], init: "xavierUniform" },
    },
    training: {
      epochs: 60,
      batchSize: 16,
      optimizer: { type: "adam", learningRate: 0.005, l2 },
      schedule: { type: "cosine" },
    },
  })),
);

const classifying = (name: string, target: string, description: string, atLeast: number): Task => ({
  description: `${description}, five folds`,
  metric: "accuracy",
  atLeast,
  because: "scikit-learn 1.9.1, MLPClassifier() on the same folds, mean of ten seeds: bench/peers/sklearn_results.py",
  withinSeconds: 120,
  parts: () => foldsOf(name, target, true),
  settings: CLASSIFYING,
  seeds: 3,
});

export const TABLES: Readonly<Record<string, Task>> = {
  iris: classifying("iris", "species", "150 flowers", 0.974),
  wine: classifying("wine", "cultivar", "178 wines", 0.986),
  "breast-cancer": classifying("breast-cancer", "diagnosis", "569 tumours", 0.9744),
  diabetes: {
    description: "442 patients, progression of the disease after a year, five folds",
    metric: "r2",
    atLeast: 0.4659,
    because: "0.03 below scikit-learn 1.9.1, Ridge() on the same folds: bench/peers/sklearn_results.py",
    withinSeconds: 60,
    parts: () => foldsOf("diabetes", "progression", false),
    settings: [16, 64].flatMap((hidden) =>
      [0.1, 1].map((weightDecay) => ({
        model: { pipeline: "regression", backbone: { type: "mlp", hidden: [hidden], activation: "tanh" } },
        training: { epochs: 40, batchSize: 16, optimizer: { type: "adamw", learningRate: 0.002, weightDecay } },
      })),
    ),
  },
};
