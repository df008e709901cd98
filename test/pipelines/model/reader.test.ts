/** @file A reader that remembers expects what one pass over the whole context expects, whatever remembers and however it is read. */
import { describe, expect, it } from "vitest";
import { createMachine } from "../../../src/engine/index.ts";
import { fitted } from "../../../src/pipelines/model/network.ts";
import { openReader, type Reader, rememberingReader, wholeReader } from "../../../src/pipelines/model/reader.ts";
import { learn, load, registry } from "../training/rig.ts";

const executor = createMachine();
const TEXT = "the sea, the sea, and nothing but the sea; a whale that looked at the ship that looked at it. ".repeat(3);
const CONTEXT = 48;

async function model(backbone: object, width = CONTEXT) {
  const spec = { pipeline: "language", backbone, head: { type: "language", context: width }, seed: 3 };
  const dataset = await load({ text: { value: TEXT } });
  const train = { epochs: 2, batchSize: 4, optimizer: { type: "adam", learningRate: 0.01 } };
  const record = fitted(learn({ dataset, executor: createMachine(), spec: spec as never, train }).result.record);
  return {
    context: { registry, executor, record },
    record,
    tokens: Array.from(TEXT, (_, place) => 1 + ((place * 7) % 17)),
  };
}

const BACKBONES = {
  "a transformer with rotary positions": { type: "transformer", kind: "decoder", positions: "rotary", width: 16 },
  "with learned ones": { type: "transformer", positions: "learned", width: 16, layers: 1 },
  "with sinusoidal ones, norms behind": { type: "transformer", positions: "sinusoidal", width: 16, normFirst: false },
  "with none, and shared key heads": { type: "transformer", positions: "none", width: 16, keyHeads: 2, norm: "rms" },
  "stacked LSTMs": { type: "lstm", width: 8, hidden: 12, layers: 2 },
  "a GRU": { type: "gru", width: 8, hidden: 12 },
  "an RNN": { type: "rnn", width: 8, hidden: 12 },
};

/** The largest difference of what two readers expect after each of some beginnings. */
function difference(one: Reader, other: Reader, beginnings: readonly (readonly number[])[]): number {
  const all = beginnings.map((tokens) => {
    const expected = Float32Array.from(one(tokens));
    return other(tokens).map((logit, index) => Math.abs(logit - expected[index]!));
  });
  return Math.max(...all.flatMap((each) => [...each]));
}

describe.each(Object.entries(BACKBONES))("%s", (_, backbone) => {
  it("expects the same as a pass over everything, token by token or in pieces", async () => {
    const { context, record, tokens } = await model(backbone);
    const whole = wholeReader(context, record, CONTEXT);
    const each = Array.from({ length: CONTEXT }, (_, index) => tokens.slice(0, index + 1));
    expect(difference(whole, rememberingReader(context, record, CONTEXT), each)).toBeLessThan(2e-5);
    const late = each.filter(({ length }) => length >= 37);
    expect(difference(whole, rememberingReader(context, record, CONTEXT), late)).toBeLessThan(2e-5);
  });
});

it("a transformer whose context is full goes on from its newer half", async () => {
  const { context, record, tokens } = await model(BACKBONES["a transformer with rotary positions"]);
  const [whole, reader] = [wholeReader(context, record, CONTEXT), rememberingReader(context, record, CONTEXT)];
  reader(tokens.slice(0, CONTEXT));
  const beyond = tokens.slice(0, CONTEXT + 1);
  expect(difference(() => whole(beyond.slice(CONTEXT / 2)), reader, [beyond])).toBeLessThan(2e-5);
});

it("a recurrent network remembers beyond its context, in pieces as token by token", async () => {
  const { context, record, tokens } = await model(BACKBONES["a GRU"], 4);
  const [once, again] = [rememberingReader(context, record, 4), rememberingReader(context, record, 4)];
  const long = tokens.slice(0, 70);
  const inPieces = Float32Array.from(once(long));
  for (let end = 1; end < long.length; end++) again(long.slice(0, end));
  expect(difference(() => inPieces, again, [long])).toBeLessThan(2e-5);
  expect(difference(() => inPieces, wholeReader(context, record, 4), [long])).toBeGreaterThan(1e-4);
});

it("what cannot remember reads the whole context again", async () => {
  const { context, record, tokens } = await model({ type: "tcn", width: 8, channels: [8, 8] });
  const beginnings = [tokens.slice(0, 5), tokens.slice(0, 90)];
  expect(difference(wholeReader(context, record, CONTEXT), openReader(context, record), beginnings)).toBe(0);
});
