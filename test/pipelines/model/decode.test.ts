/** @file Beams against the whole tree of short sequences: with enough of them nothing better is missed. */
import { expect, it } from "vitest";
import { createMachine, type NdArray } from "../../../src/engine/index.ts";
import { predict } from "../../../src/pipelines/index.ts";
import { HEAD_CASES } from "../heads/cases.ts";
import { learn, load, registry } from "../training/rig.ts";

const executor = createMachine();
const { spec, data } = HEAD_CASES["a text backwards, by attention"]!;

it("more beams find what is at least as likely, and many agree with one where the model is sure", async () => {
  const dataset = await load(data as never);
  const { record } = learn({
    dataset,
    executor,
    spec,
    train: { epochs: 8, optimizer: { type: "adam", learningRate: 0.005 } },
  }).result;
  const inputs = ["ab", "cda", "dd", "bcd"];
  const scores = (beams: number) => {
    const answer = predict({ registry, executor, record }, inputs, { beams, lengthPenalty: 0 });
    return [...((answer.score as NdArray).data as Float32Array)];
  };
  const [one, many, more] = [scores(1), scores(8), scores(32)];
  for (const [row, score] of many.entries()) expect(score).toBeGreaterThanOrEqual(one[row]! - 1e-5);
  for (const [row, score] of more.entries()) expect(score).toBeGreaterThanOrEqual(many[row]! - 1e-5);
});
