import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { createMachine, sizeOf } from "../../../src/engine/index.ts";
import { NETWORK_NAMES, NETWORKS } from "../../../src/pipelines/networks.ts";
import { type Beginning, trainNetwork } from "../../../src/pipelines/runNetwork.ts";
import { integers, reals, scaleFor } from "../formula.ts";

const { cases } = JSON.parse(readFileSync(new URL("../../vectors/networks.json", import.meta.url), "utf8")) as {
  cases: Record<string, { parameters: number; losses: readonly number[] }>;
};

/** From names and shapes alone: `scripts/vectors/networks.py` has the same rules. */
const BEGINNING: Beginning = {
  weights({ path, type: { shape } }) {
    if (path.endsWith("runningVariance")) return new Float32Array(sizeOf(shape)).fill(1);
    if (path.endsWith("runningMean")) return new Float32Array(sizeOf(shape));
    if (shape.length === 1) return reals(path, shape, 1 / 4).map((value) => value + (path.endsWith("weight") ? 1 : 0));
    return reals(path, shape, scaleFor(shape.length === 2 ? shape[0]! : sizeOf(shape.slice(1))));
  },
  x: ({ x, vocabulary }) =>
    vocabulary === undefined ? reals("x", x).map((value) => (value + 1) / 2) : integers("x", x, vocabulary),
  labels: ({ classes }, shape) => integers("labels", shape, classes),
};

describe.each(NETWORK_NAMES)("%s on the machine", (name) => {
  const wanted = cases[name]!;
  const losses: number[] = [];
  let parameters = 0;
  beforeAll(() => {
    const training = trainNetwork(NETWORKS[name], createMachine(), BEGINNING);
    parameters = training.parameters;
    for (const _ of wanted.losses) {
      training.step();
      losses.push(training.loss());
    }
    training.close();
  });

  it("has as many parameters as in PyTorch", () => expect(parameters).toBe(wanted.parameters));

  it("has PyTorch's first ten losses within 1e-4", () => {
    for (const [step, loss] of wanted.losses.entries()) {
      const off = Math.abs(losses[step]! - loss) / loss;
      expect(off, `step ${step + 1}: ${losses[step]}, should be ${loss}`).toBeLessThan(1e-4);
    }
  });
});
