/**
 * @file A character language model on a book: a transformer against an LSTM of as many parameters and against counted pairs,
 * by the loss on the book's end, which none of them has seen; then some text of the transformer's own.
 */
import type { Event, Sidecar } from "../../clients/typescript/index.ts";
import { book } from "./book.ts";

const HELD_OUT = 0.1;
const CONTEXT = 64;

/** Learning rates: the better of two that were tried for each. */
const LEARNERS = {
  transformer: {
    backbone: { type: "transformer", width: 96, heads: 4, layers: 3, positions: "rotary" },
    training: {
      optimizer: { type: "adamw", learningRate: 0.006, weightDecay: 0.05 },
      schedule: { type: "cosine", warmupSteps: 100 },
    },
  },
  lstm: {
    backbone: { type: "lstm", width: 96, hidden: 238 },
    training: { optimizer: { type: "adam", learningRate: 0.01 }, schedule: { type: "cosine", warmupSteps: 100 } },
  },
} as const;

const SHARED = { epochs: 2, batchSize: 16, clipNorm: 1 } as const;

interface Row {
  readonly model: string;
  readonly parameters: number;
  /** In nats a character. */
  readonly loss: number;
  readonly seconds: number;
}

export async function charLm(sidecar: Sidecar, tell: (event: Event) => void): Promise<boolean> {
  const text = book();
  const cut = Math.floor(text.length * (1 - HELD_OUT));
  const [training, held] = [text.slice(0, cut), text.slice(cut)];
  console.log(
    `char-lm: Moby-Dick, ${training.length.toLocaleString("en")} characters to learn from, ${held.length.toLocaleString("en")} to judge by`,
  );
  const rows: Row[] = [{ model: "bigram", ...bigram(training, held), seconds: 0 }];
  for (const [model, { backbone, training: how }] of Object.entries(LEARNERS)) {
    await sidecar.models.create({
      name: model,
      pipeline: "language",
      backbone,
      head: { type: "language", context: CONTEXT },
      seed: 1,
    } as never);
    const started = performance.now();
    const job = await sidecar.train({
      model,
      data: { text: { value: training } },
      ...how,
      ...SHARED,
      seed: 1,
    } as never);
    for await (const event of job) tell(event);
    await job.result();
    const seconds = (performance.now() - started) / 1000;
    const { metrics } = await sidecar.evaluate({ model, data: { text: { value: held } } } as never);
    const { parameters } = (await sidecar.models.get({ model })).model;
    rows.push({ model, parameters: parameters!, loss: (metrics as { loss: number }).loss, seconds });
  }
  show(rows);
  await write(sidecar);
  const [pairs, transformer, lstm] = rows.map(({ loss }) => loss) as [number, number, number];
  const isBetter = transformer < lstm && transformer < pairs;
  console.log(`\n  ${isBetter ? "✓" : "✗"} the transformer's loss is the lowest`);
  return isBetter;
}

function show(rows: readonly Row[]): void {
  console.log(
    `\r  ${"model".padEnd(12)} ${"parameters".padStart(10)} ${"loss".padStart(7)} ${"perplexity".padStart(10)} ${"bits".padStart(6)} ${"training".padStart(9)}`,
  );
  for (const { model, parameters, loss, seconds } of rows) {
    const figures = [
      parameters.toLocaleString("en").padStart(10),
      loss.toFixed(4).padStart(7),
      Math.exp(loss).toFixed(2).padStart(10),
    ];
    console.log(
      `  ${model.padEnd(12)} ${figures.join(" ")} ${(loss / Math.LN2).toFixed(2).padStart(6)} ${`${seconds.toFixed(0)} s`.padStart(9)}`,
    );
  }
}

const WAYS = [
  { temperature: 0 },
  { temperature: 1 },
  { temperature: 0.8, topK: 10 },
  { temperature: 0.9, topP: 0.9 },
] as const;

async function write(sidecar: Sidecar): Promise<void> {
  for (const way of WAYS) {
    const { text } = await sidecar.generate({
      model: "transformer",
      prompt: "The whale ",
      maxNewTokens: 160,
      seed: 1,
      ...way,
    });
    console.log(`\n  ${JSON.stringify(way)}\n  The whale ${text.replaceAll("\n", " ")}`);
  }
}

/** Counted pairs, each once more than it was seen (Laplace): the probability of a character after another. */
function bigram(training: string, held: string): { loss: number; parameters: number } {
  const characters = [...new Set(training + held)];
  const codes = new Map(characters.map((character, code) => [character, code]));
  const size = characters.length;
  const counts = new Float64Array(size * size).fill(1);
  const totals = new Float64Array(size).fill(size);
  const codesOf = (text: string): number[] => Array.from(text, (character) => codes.get(character)!);
  const seen = codesOf(training);
  for (let place = 1; place < seen.length; place++) {
    counts[seen[place - 1]! * size + seen[place]!]!++;
    totals[seen[place - 1]!]!++;
  }
  const judged = codesOf(held);
  let loss = 0;
  for (let place = 1; place < judged.length; place++)
    loss -= Math.log(counts[judged[place - 1]! * size + judged[place]!]! / totals[judged[place - 1]!]!);
  return { loss: loss / (judged.length - 1), parameters: size * size };
}
