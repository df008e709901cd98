/** @file A language model on the beginning of a book (Herman Melville, Moby-Dick, in the public domain). */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createMachine } from "../../../src/engine/index.ts";
import { evaluate } from "../../../src/pipelines/index.ts";
import { learn, load, registry } from "../training/rig.ts";

const text = readFileSync(new URL("../../vectors/moby-dick.txt", import.meta.url), "utf8");
const [seen, held] = [text.slice(0, 12_000), text.slice(12_000)];

/** The loss of counted pairs, each once more than it was seen (Laplace). */
function pairs(): number {
  const size = new Set(text).size;
  const counts = new Map<string, number>();
  const count = (key: string): number => counts.get(key) ?? 0;
  for (let place = 1; place < seen.length; place++) {
    for (const key of [seen[place - 1]!, seen.slice(place - 1, place + 1)]) counts.set(key, count(key) + 1);
  }
  let loss = 0;
  for (let place = 1; place < held.length; place++)
    loss -= Math.log((count(held.slice(place - 1, place + 1)) + 1) / (count(held[place - 1]!) + size));
  return loss / (held.length - 1);
}

/** Of about as many parameters each. */
const NETWORKS = {
  transformer: { backbone: { type: "transformer", width: 32, heads: 2, layers: 2, positions: "rotary" }, rate: 0.006 },
  lstm: { backbone: { type: "lstm", width: 32, hidden: 64 }, rate: 0.02 },
};

it.each(Object.entries(NETWORKS))(
  "%s: tells what follows better than counted pairs, on pages that it has not seen",
  async (_, { backbone, rate }) => {
    const record = learn({
      dataset: await load({ text: { value: seen } }),
      executor: createMachine(),
      spec: { pipeline: "language", backbone, head: { type: "language", context: 32 }, seed: 1 },
      train: { epochs: 8, batchSize: 8, optimizer: { type: "adam", learningRate: rate }, schedule: "cosine" },
    }).result.record;
    const known = [...held].map((character) => (seen.includes(character) ? character : " ")).join("");
    const context = { registry, executor: createMachine(), record };
    const { metrics } = evaluate(context, await load({ text: { value: known } }));
    expect(metrics.loss).toBeLessThan(pairs() - 0.1);
    expect(metrics.perplexity).toBeCloseTo(Math.exp(metrics.loss!), 6);
  },
);
