/** @file A hundred thousand damaged lines over one process: it answers, goes on, and does not grow. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMessage } from "../../src/protocol/index.ts";
import { type Sidecar, SMALL_CLASSIFIER, startSidecar } from "../support/sidecar.ts";

const LINES = 100_000;
/** The sidecar has this many to itself before the next are written; fewer than may be in flight. */
const ROUND = 200;
/** Compiled code, caches and the heap's slack; a leak of 2 KiB a line would be four times as much. */
const GROWTH_BYTES = 50 * 2 ** 20;

/** What a host may send: well-formed requests, none of which starts long work or ends the process. */
const SEEDS = [
  { jsonrpc: "2.0", id: 1, method: "ping" },
  { jsonrpc: "2.0", id: "a", method: "runtime.health", params: { _meta: { timeoutMs: 100 } } },
  { jsonrpc: "2.0", id: 2, method: "models.create", params: { ...SMALL_CLASSIFIER, name: "again" } },
  { jsonrpc: "2.0", id: 3, method: "models.get", params: { model: "m_1" } },
  { jsonrpc: "2.0", id: 4, method: "jobs.events", params: { jobId: "j_1", afterSeq: 3 } },
  { jsonrpc: "2.0", id: 5, method: "jobs.wait", params: { jobId: "j_1", timeoutMs: 1 } },
  { jsonrpc: "2.0", id: 6, method: "data.delete", params: { handle: "d_1" } },
  {
    jsonrpc: "2.0",
    id: 7,
    method: "train.start",
    params: { model: "m_x", data: { rows: [{ a: 1e3, b: -0.5 }], target: "b" } },
  },
  {
    jsonrpc: "2.0",
    id: 8,
    method: "predict",
    params: { model: "m_x", inputs: { dtype: "F32", shape: [1, 2], b64: "AAAAAAAAAAA=" } },
  },
  { jsonrpc: "2.0", method: "$/cancel", params: { id: 5 } },
  [
    { jsonrpc: "2.0", id: 9, method: "ping" },
    { jsonrpc: "2.0", method: "nothing" },
  ],
].map((message) => JSON.stringify(message));

const TOKENS = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  "\\",
  "null",
  "-",
  "1e999",
  "\\ud800",
  "\u2028",
  "\0",
  "é𝄞",
  "__proto__",
  "NaN",
  "\r",
];

type Mutation = (line: string, at: number, token: string) => string;
const MUTATIONS: readonly Mutation[] = [
  (line, at, token) => line.slice(0, at) + token + line.slice(at),
  (line, at, token) => line.slice(0, at) + line.slice(at + token.length),
  (line, at) => line.slice(0, at),
  (line, at) => line + line.slice(at),
  (line, at, token) => line.slice(0, at) + token.repeat(100) + line.slice(at),
  (line, at) => line.slice(0, at) + String.fromCharCode(33 + ((line.charCodeAt(at) * 7) % 90)) + line.slice(at + 1),
  (line) => line,
];

const damaged = fc
  .tuple(
    fc.constantFrom(...SEEDS),
    fc.array(fc.tuple(fc.constantFrom(...MUTATIONS), fc.nat(), fc.constantFrom(...TOKENS)), { maxLength: 3 }),
  )
  .map(([seed, mutations]) =>
    mutations.reduce((line, [mutate, at, token]) => mutate(line, at % (line.length + 1), token), seed),
  );

/** A mutation might happen to ask for the end, or for a training. */
const isHarmless = (line: string) => !/shutdown/.test(line);

/** How many lines answer a line, as the protocol's own parser reads it. */
function answersTo(line: string): number {
  if (line.trim() === "") return 0;
  const message = parseMessage(line);
  if (message.kind === "batch") return message.messages.some(({ kind }) => kind !== "notification") ? 1 : 0;
  return message.kind === "notification" ? 0 : 1;
}

async function round(sidecar: Sidecar, lines: readonly string[], number: number): Promise<void> {
  sidecar.write(`${lines.join("\n")}\n`);
  await sidecar.ask("ping", {}, `round-${number}`);
}

describe("a fuzzer", () => {
  it("sends 100,000 mutated lines: no crash, no hang, memory flat, one answer each", { timeout: 120_000 }, async () => {
    const sidecar = startSidecar();
    await sidecar.call("runtime.initialize");
    const lines = fc.sample(damaged, { numRuns: LINES, seed: 20_261_121 }).filter(isHarmless);
    const memory = async () => (await sidecar.call("runtime.health")).memory.rss as number;
    let expected = 1;
    let early = 0;
    for (let start = 0, number = 0; start < lines.length; start += ROUND, number++) {
      const part = lines.slice(start, start + ROUND);
      await round(sidecar, part, number);
      expected += part.reduce((sum, line) => sum + answersTo(line.replace(/\r$/, "")), 1);
      if (number === 100) early = await memory();
    }
    const late = await memory();
    await sidecar.next(() => sidecar.messages.filter(({ method }) => method !== "event").length >= expected + 2);
    expect(sidecar.messages.filter(({ error }) => error?.data.reason === "INTERNAL")).toEqual([]);
    expect(sidecar.messages.filter(({ method }) => method !== "event")).toHaveLength(expected + 2);
    expect(late - early).toBeLessThan(GROWTH_BYTES);
    sidecar.endInput();
    expect(await sidecar.exit).toEqual({ code: 0, signal: null });
  });
});
