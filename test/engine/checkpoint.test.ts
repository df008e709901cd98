/** @file Gradient checkpointing: the same numbers from less memory. */
import { describe, expect, it } from "vitest";
import { checkpoint, createMachine, createReference, gradients, type Tensor, trace } from "../../src/engine/index.ts";
import { gpt } from "../../src/pipelines/networks.ts";
import { trainNetwork } from "../../src/pipelines/runNetwork.ts";
import { checkGradients, createGenerator, materialize, run } from "./support/samples.ts";

const [ROWS, WIDTH, DEPTH] = [64, 32, 8];
const draw = createGenerator(3);
const reals = (...shape: number[]) => materialize({ dtype: "F32", shape, low: -0.5, high: 0.5 }, draw);

type Wrap = (x: Tensor, build: (x: Tensor) => Tensor) => Tensor;
const plainly: Wrap = (x, build) => build(x);

/** Blocks that widen, bend and narrow again. */
function loss(wrap: Wrap, x: Tensor, weights: readonly Tensor[]): Tensor {
  return weights
    .reduce((y, w) => wrap(y, (z) => z.add(z.matmul(w).tanh().square().sin().matmul(w.transpose()))), x)
    .square()
    .mean();
}

function everything(wrap: Wrap, [x, ...weights]: readonly Tensor[]): Record<string, Tensor> {
  const total = loss(wrap, x!, weights);
  return Object.fromEntries([total, ...gradients(total, [x!, ...weights])].map((tensor, i) => [`${i}`, tensor]));
}

const inputs = [reals(ROWS, WIDTH), ...Array.from({ length: DEPTH }, () => reals(WIDTH, 4 * WIDTH))];

describe("checkpointing", () => {
  it("changes no loss and no gradient", () => {
    const take = (tensors: readonly Tensor[]) => tensors.slice(0, DEPTH + 1);
    const [plain, checked] = [plainly, checkpoint].map((wrap) =>
      run(createReference(), inputs, (tensors) => everything(wrap, take(tensors))),
    );
    expect(checked).toEqual(plain);
  });

  it("has second gradients", () => {
    const small = [reals(2, 3), reals(3, 4)];
    const wrong = checkGradients(createReference(), small, ([x, w]) =>
      gradients(loss(checkpoint, x, [w]), [x, w])
        .map((slope) => slope.square().sum())
        .reduce((sum, term) => sum.add(term)),
    );
    expect(wrong).toEqual([]);
  });

  it("halves what the machine keeps, at least, and gives the same bits there", () => {
    const machine = createMachine();
    const compiled = [plainly, checkpoint].map((wrap) => {
      const traced = trace((t) => ({
        outputs: everything(
          wrap,
          inputs.map((value, i) => t.input(`x${i}`, value)),
        ),
      }));
      return machine.compile(traced, machine.createState({}));
    });
    const [plain, checked] = compiled.map((program) => {
      inputs.forEach(({ data }, i) => {
        (program.inputs[`x${i}`] as Float32Array).set(data as Float32Array);
      });
      program.run();
      const values = Object.values(program.outputs).map((view) => [...view]);
      const own = [...Object.values(program.inputs), ...Object.values(program.outputs)];
      return { values, kept: program.bytes - own.reduce((sum, { byteLength }) => sum + byteLength, 0) };
    }) as [{ values: number[][]; kept: number }, { values: number[][]; kept: number }];
    machine.close();
    expect(checked.values).toEqual(plain.values);
    expect(checked.kept).toBeLessThan(plain.kept / 2);
  });

  it("halves a GPT's working memory, at least", () => {
    const [plain, checked] = [false, true].map((checkpointing) => {
      const training = trainNetwork(gpt(checkpointing), createMachine());
      const { bytes } = training.program;
      training.close();
      return bytes;
    });
    expect(checked!).toBeLessThan(plain! / 2);
  });
});
