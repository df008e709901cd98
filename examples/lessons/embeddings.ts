/** @file Embeddings: words that stand in the same company end up side by side, though nobody says which belong together. */
import type { Sidecar } from "../../clients/typescript/index.ts";
import { createRandom } from "../../src/pipelines/plugin.ts";
import { axes, colourOf, dots, labels, page } from "./draw/index.ts";
import { type Lesson, mean, percent, range } from "./lesson.ts";
import { trainOne, weightsOf } from "./train.ts";

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  animals: "cat dog horse cow goat sheep".split(" "),
  people: "king queen doctor teacher girl boy".split(" "),
  foods: "bread cheese soup rice apples honey".split(" "),
  vehicles: "car bus train boat plane bike".split(" "),
  colours: "red blue green yellow black white".split(" "),
  places: "paris rome london berlin oslo lima".split(" "),
};

/** A name of a group stands for any of its words. */
const SENTENCES = [
  "the animals sleep near the people",
  "a people eats foods with foods",
  "the people drives a vehicles to places",
  "a colours vehicles leaves places",
  "the colours animals eats foods",
  "the people feeds the colours animals",
  "a people lives in places",
  "the vehicles from places stops in places",
  "the animals runs after a animals",
  "the people paints the vehicles colours",
].map((sentence) => sentence.split(" "));

const WORDS = Object.values(GROUPS).flat();
const OTHERS = [...new Set(SENTENCES.flat())].filter((word) => !(word in GROUPS));
/** Token 0 fills up what lies before and after a sentence. */
const VOCABULARY = ["", ...OTHERS, ...WORDS];
const COUNT = 1500;
const REACH = 2;
const WIDTH = 12;
const EPOCHS = 12;

/** The words around each word of many sentences, and the word. */
function windows(): { x: number[][]; y: string[] } {
  const random = createRandom(7, "sentences");
  const [x, y]: [number[][], string[]] = [[], []];
  for (const _ of range(COUNT)) {
    const pattern = SENTENCES[random.integer(SENTENCES.length)]!;
    const sentence = pattern.map((word) => GROUPS[word]?.[random.integer(GROUPS[word].length)] ?? word);
    for (const [place, word] of sentence.entries()) {
      const around = range(2 * REACH + 1).filter((step) => step !== REACH);
      x.push(around.map((step) => Math.max(0, VOCABULARY.indexOf(sentence[place + step - REACH] ?? ""))));
      y.push(word);
    }
  }
  return { x, y };
}

/** The vectors of `WORDS`, from the saved weights of a model. */
async function vectorsOf(sidecar: Sidecar, model: string): Promise<number[][]> {
  const tensors = await weightsOf(sidecar, model);
  const table = Object.values(tensors).find(({ shape }) => shape[0] === VOCABULARY.length && shape[1] === WIDTH)!;
  const first = VOCABULARY.length - WORDS.length;
  return WORDS.map((_, word) => range(WIDTH).map((axis) => Number(table.data[(first + word) * WIDTH + axis])));
}

const groupOf = (word: number): number => Math.floor(word / (WORDS.length / Object.keys(GROUPS).length));
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, axis) => sum + value * b[axis]!, 0);
const cosine = (a: readonly number[], b: readonly number[]): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

/** Of each word: the others by falling cosine. */
const neighboursOf = (vectors: readonly (readonly number[])[], word: number): number[] =>
  range(vectors.length)
    .filter((other) => other !== word)
    .sort((a, b) => cosine(vectors[word]!, vectors[b]!) - cosine(vectors[word]!, vectors[a]!));

/** How often the nearest word belongs to the same group. */
const agreement = (vectors: readonly (readonly number[])[]): number =>
  mean(WORDS.map((_, word) => Number(groupOf(neighboursOf(vectors, word)[0]!) === groupOf(word))));

/** The two directions in which vectors spread most (Pearson 1901), by power iteration; each vector's place along them. */
function principal(vectors: readonly (readonly number[])[]): { places: [number, number][]; share: number } {
  const centre = range(WIDTH).map((axis) => mean(vectors.map((vector) => vector[axis]!)));
  let left = vectors.map((vector) => vector.map((value, axis) => value - centre[axis]!));
  const all = left.reduce((sum, vector) => sum + dot(vector, vector), 0);
  const along: number[][] = [];
  let kept = 0;
  for (const _ of range(2)) {
    let direction = range(WIDTH).map((axis) => 1 / (1 + axis));
    for (const _round of range(200)) {
      const shares = left.map((vector) => dot(vector, direction));
      const next = range(WIDTH).map((axis) => left.reduce((sum, vector, row) => sum + vector[axis]! * shares[row]!, 0));
      const length = Math.sqrt(dot(next, next));
      direction = next.map((value) => value / length);
    }
    const shares = left.map((vector) => dot(vector, direction));
    kept += dot(shares, shares);
    along.push(shares);
    left = left.map((vector, row) => vector.map((value, axis) => value - shares[row]! * direction[axis]!));
  }
  return { places: vectors.map((_, row) => [along[0]![row]!, along[1]![row]!]), share: kept / all };
}

export const embeddings: Lesson = {
  question: "do words of a kind come to lie together, when a network only learns to guess a missing word?",
  async run(open) {
    const sidecar = await open();
    const data = windows();
    const model = {
      pipeline: "classification",
      backbone: { type: "embedding", vocabulary: VOCABULARY.length, width: WIDTH, padding: 0, hidden: [] },
      seed: 1,
    };
    const optimizer = { type: "adam", learningRate: 0.02 };
    const untouched = { ...data, x: data.x.slice(0, 400), y: data.y.slice(0, 400) };
    const first = await trainOne(sidecar, {
      model,
      training: { data: untouched, epochs: 1, batchSize: 400, optimizer: { type: "sgd", learningRate: 1e-9 }, seed: 1 },
    });
    const trained = await trainOne(sidecar, {
      model,
      training: { data, epochs: EPOCHS, batchSize: 128, optimizer, seed: 1 },
    });
    const [before, after] = [await vectorsOf(sidecar, first.model), await vectorsOf(sidecar, trained.model)];
    const [told, learned] = [agreement(before), agreement(after)];
    const shown = ["cat", "queen", "soup", "train", "green", "oslo"];
    return {
      finding:
        `Guessing a word from the two before and after it, the network puts words of a kind side by side: the nearest neighbour of ` +
        `${percent(learned)} of the words is of its kind, ${percent(told)} before.`,
      table: [
        ["word", "nearest before", "nearest after training"],
        ...shown.map((word) => [
          word,
          ...[before, after].map((vectors) => {
            const nearest = neighboursOf(vectors, WORDS.indexOf(word)).slice(0, 3);
            return nearest.map((other) => WORDS[other]).join(", ");
          }),
        ]),
      ],
      checks: [
        {
          claim: "for 90 % of the words the nearest neighbour is of their kind",
          holds: learned >= 0.9,
          got: percent(learned),
        },
        { claim: "which was not so before", holds: told < 0.5, got: percent(told) },
      ],
      picture: draw(before, after, learned),
    };
  },
};

function draw(before: number[][], after: number[][], learned: number): string {
  const names = Object.keys(GROUPS);
  const size = WORDS.length / names.length;
  const panel = (title: string, vectors: number[][]) => {
    const { places, share } = principal(vectors);
    const reach = Math.max(...places.flat().map(Math.abs)) * 1.25;
    const domain = [-reach, reach] as const;
    return axes({
      title: `${title} (${Math.round(share * 100)} % of the spread)`,
      x: { label: "first principal direction", domain },
      y: { label: "second principal direction", domain },
      marks: [
        ...names.map((name, group) =>
          dots({ name, colour: colourOf(group), points: places.slice(group * size, (group + 1) * size) }),
        ),
        labels(places.map((at, word) => ({ at, label: WORDS[word]!, colour: colourOf(groupOf(word)) }))),
      ],
    });
  };
  return page({
    title: "Words that keep the same company come to lie together",
    subtitle: `${COUNT.toLocaleString("en")} made-up sentences; a word is guessed from the mean vector of the two before and after it (Mikolov et al. 2013). Vectors of ${WIDTH} numbers, shown along their two principal directions. Nearest neighbour of the same kind: ${percent(learned)}.`,
    width: 1080,
    lines: [{ height: 470, panels: [panel("Before", before), panel("After training", after)] }],
  });
}
