/**
 * @file A character language model on a book: a transformer against an LSTM of as many parameters and against counted pairs,
 * by the loss on the book's end, which none of them has seen; then some text of the transformer's own.
 */
import { type Event, type Sidecar, startSidecar } from "../../clients/typescript/index.ts";
import { book } from "./book.ts";

const HELD_OUT = 0.1;
const CONTEXT = 128;
/** Windows begin so far apart, so that most characters are seen with several pasts. */
const STRIDE = 45;

/** Learning rates and size of the batch: the best that were tried for each on nine tenths of the training text, by its last tenth. */
const LEARNERS = {
  lstm: {
    backbone: { type: "lstm", width: 96, hidden: 285 },
    optimizer: { type: "adamw", learningRate: 0.007, beta2: 0.99, weightDecay: 0.01 },
  },
  transformer: {
    backbone: { type: "transformer", width: 96, heads: 4, layers: 4, positions: "rotary" },
    optimizer: { type: "adamw", learningRate: 0.004, beta2: 0.99, weightDecay: 0.1 },
  },
} as const;

/** Both see the same windows in the same order. */
const SHARED = {
  epochs: 2,
  batchSize: 8,
  clipNorm: 1,
  schedule: { type: "cosine", warmupSteps: 100, minimum: 0.1 },
  seed: 1,
} as const;

interface Row {
  readonly model: string;
  readonly parameters: number;
  /** In nats a character. */
  readonly loss: number;
  readonly seconds: number;
}

/** Both networks learn at once, on a thread each. */
export async function charLm(tell: (event: Event) => void): Promise<boolean> {
  const text = book();
  const cut = Math.floor(text.length * (1 - HELD_OUT));
  const [training, held] = [text.slice(0, cut), text.slice(cut)];
  const inThousands = (count: number): string => Math.round(count / 1000).toLocaleString("en");
  const seen = Math.ceil((cut - 1 - CONTEXT) / STRIDE + 1) * CONTEXT * SHARED.epochs;
  console.log(
    `char-lm: Moby-Dick, ${inThousands(cut)} thousand characters to learn from, ${inThousands(held.length)} thousand to judge by; ` +
      `each network is shown ${inThousands(seen)} thousand in windows of ${CONTEXT}`,
  );
  const sidecar = await startSidecar({ options: ["--threads", "1"] });
  try {
    const learned = await Promise.all(
      Object.entries(LEARNERS).map(([model, learner]) => learn(sidecar, { model, training, held, ...learner }, tell)),
    );
    const rows = [{ model: "bigram", ...bigram(training, held), seconds: 0 }, ...learned];
    show(rows);
    await write(sidecar);
    const [pairs, lstm, transformer] = rows.map(({ loss }) => loss) as [number, number, number];
    const isBetter = transformer < lstm && transformer < pairs;
    console.log(`\n  ${isBetter ? "✓" : "✗"} the transformer's loss is the lowest`);
    return isBetter;
  } finally {
    await sidecar.close();
  }
}

interface Learner {
  readonly model: string;
  readonly backbone: object;
  readonly optimizer: object;
  readonly training: string;
  readonly held: string;
}

async function learn(
  sidecar: Sidecar,
  { model, backbone, optimizer, training, held }: Learner,
  tell: (event: Event) => void,
): Promise<Row> {
  const head = { type: "language", context: CONTEXT, stride: STRIDE };
  await sidecar.models.create({ name: model, pipeline: "language", backbone, head, seed: 1 } as never);
  const started = performance.now();
  const job = await sidecar.train({ model, data: { text: { value: training } }, optimizer, ...SHARED } as never);
  for await (const event of job) tell(event);
  await job.result();
  const seconds = (performance.now() - started) / 1000;
  const { metrics } = await sidecar.evaluate({ model, data: { text: { value: held } } } as never);
  const { parameters } = (await sidecar.models.get({ model })).model;
  return { model, parameters: parameters!, loss: (metrics as { loss: number }).loss, seconds };
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

/** Samples of the transformer's, and how fast it writes them. */
async function write(sidecar: Sidecar): Promise<void> {
  const prompt = "The whale ";
  for (const way of WAYS) {
    const { text } = await sidecar.generate({ model: "transformer", prompt, maxNewTokens: 240, seed: 1, ...way });
    console.log(`\n  ${JSON.stringify(way)}\n  ${prompt}${text.replaceAll("\n", " ")}`);
  }
  const started = performance.now();
  const { tokens } = await sidecar.generate({ model: "transformer", prompt, maxNewTokens: 5000, seed: 1 });
  console.log(`\n  ${Math.round((tokens.length / (performance.now() - started)) * 1000)} characters a second`);
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
