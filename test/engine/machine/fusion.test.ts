/** @file Operations made one: the same bits as one by one, special values and tails included. */
import { describe, expect, test } from "vitest";
import { createMachine, type Tensor, trace } from "../../../src/engine/index.ts";

const NAMES = ["parameter", "mean", "square", "gradient", "rate"] as const;
type Inputs = Readonly<Record<(typeof NAMES)[number], Tensor>>;

/** Adam's step, all that it computes on its way. */
function adam({ parameter, mean, square, gradient, rate }: Inputs) {
  const difference = gradient.sub(mean);
  const newMean = mean.add(difference.mul(0.1));
  const squared = gradient.square();
  const kept = square.mul(0.999);
  const newSquare = kept.add(squared.mul(0.001));
  const root = newSquare.sqrt();
  const divisor = root.mul(rate).add(1e-8);
  const quotient = newMean.div(divisor);
  const updated = parameter.sub(quotient.mul(rate));
  return { newMean, newSquare, updated, difference, squared, kept, root, divisor, quotient };
}

const RESULTS = ["newMean", "newSquare", "updated"] as const;

/** @param extra what is asked for beside the results, and so can't be a part of another operation */
function run(size: number, relaxedSimd: boolean, extra: readonly (keyof ReturnType<typeof adam>)[]) {
  const machine = createMachine({ relaxedSimd });
  const traced = trace((t) => {
    const input = (name: string) => t.input(name, { dtype: "F32", shape: name === "rate" ? [] : [size] });
    const all = adam(Object.fromEntries(NAMES.map((name) => [name, input(name)])) as Inputs);
    return { outputs: Object.fromEntries([...RESULTS, ...extra].map((name) => [name, all[name]])) };
  });
  const program = machine.compile(traced, machine.createState({}));
  NAMES.forEach((name, n) => {
    const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, 1e-40];
    const view = program.inputs[name] as Float32Array;
    view.set(view.map((_, i) => special[i - 7 * n] ?? Math.sin(i * (n + 1)) ** 2 + 0.01));
  });
  program.run();
  const bits = RESULTS.map((name) => [
    ...new Int32Array(Float32Array.from(program.outputs[name] as Float32Array).buffer),
  ]);
  machine.close();
  return { bits };
}

describe.each([true, false])("with relaxed SIMD: %s", (relaxedSimd) => {
  test.each([1, 3, 5, 15, 17, 63, 65, 300, 1000])("an optimizer's step of %i elements keeps its bits", (size) => {
    const apart = run(size, relaxedSimd, ["difference", "squared", "kept", "root", "divisor", "quotient"]);
    expect(run(size, relaxedSimd, []).bits).toEqual(apart.bits);
  });
});
