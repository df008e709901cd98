/** @file Operations made one: the same bits as one by one, special values and tails included. */
import { describe, expect, test } from "vitest";
import { createMachine, type Tensor, trace } from "../../../src/engine/index.ts";

const NAMES = ["parameter", "mean", "square", "gradient", "rate"] as const;
type Inputs = Readonly<Record<(typeof NAMES)[number], Tensor>>;

/** Adam's step, all that it computes on its way. @param faint what small averages vanish beside; 0: they stay */
function adam({ parameter, mean, square, gradient, rate }: Inputs, faint: number) {
  const faded = (average: Tensor) => (faint === 0 ? average : average.add(faint).sub(faint));
  const difference = gradient.sub(mean);
  const plainMean = mean.add(difference.mul(0.1));
  const newMean = faded(plainMean);
  const squared = gradient.square();
  const kept = square.mul(0.999);
  const plainSquare = kept.add(squared.mul(0.001));
  const newSquare = faded(plainSquare);
  const root = newSquare.sqrt();
  const divisor = root.mul(rate).add(1e-8);
  const quotient = newMean.div(divisor);
  const updated = parameter.sub(quotient.mul(rate));
  return { newMean, newSquare, updated, difference, plainMean, squared, kept, plainSquare, root, divisor, quotient };
}

const RESULTS = ["newMean", "newSquare", "updated"] as const;

/** @param extra what is asked for beside the results, and so can't be a part of another operation */
function run(size: number, relaxedSimd: boolean, faint: number, extra: readonly (keyof ReturnType<typeof adam>)[]) {
  const machine = createMachine({ relaxedSimd });
  const traced = trace((t) => {
    const input = (name: string) => t.input(name, { dtype: "F32", shape: name === "rate" ? [] : [size] });
    const all = adam(Object.fromEntries(NAMES.map((name) => [name, input(name)])) as Inputs, faint);
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

const APART = ["difference", "plainMean", "squared", "kept", "plainSquare", "root", "divisor", "quotient"] as const;

/** (x − mean) · scale + shift of channels, cut at zero; `apart` asks for what is on the way, too. */
function normalise(shape: readonly [number, number, number], relaxedSimd: boolean, isCut: boolean, apart: boolean) {
  const machine = createMachine({ relaxedSimd });
  const traced = trace((t) => {
    const x = t.input("x", { dtype: "F32", shape });
    const [mean, scale, shift] = ["mean", "scale", "shift"].map((name) =>
      t.input(name, { dtype: "F32", shape: [shape[1], 1] }),
    ) as [Tensor, Tensor, Tensor];
    const difference = x.sub(mean);
    const sum = difference.mul(scale).add(shift);
    return { outputs: { y: isCut ? sum.relu() : sum, ...(apart ? { difference, sum } : {}) } };
  });
  const program = machine.compile(traced, machine.createState({}));
  Object.entries(program.inputs).forEach(([name, view], n) => {
    const special = name === "x" ? [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0] : [];
    (view as Float32Array).set(
      Array.from(view as Float32Array, (_, i) => special[i - 3] ?? Math.sin(i * (n + 1)) + 0.1),
    );
  });
  program.run();
  const bits = [...new Int32Array(Float32Array.from(program.outputs.y as Float32Array).buffer)];
  machine.close();
  return bits;
}

describe.each([true, false])("with relaxed SIMD: %s", (relaxedSimd) => {
  describe.each([0, 2 ** -100])("averages that vanish beside %d", (faint) => {
    test.each([1, 3, 5, 15, 17, 63, 65, 300, 1000])("an optimizer's step of %i elements keeps its bits", (size) => {
      expect(run(size, relaxedSimd, faint, []).bits).toEqual(run(size, relaxedSimd, faint, APART).bits);
    });
  });

  describe.each([true, false])("cut at zero: %s", (isCut) => {
    test.each([
      [1, 1, 4],
      [2, 3, 8],
      [3, 5, 7],
      [2, 7, 100],
      [3, 2, 256],
      [2, 3, 1028],
    ] as const)("channels of [%i, %i, %i] are normalised to the same bits", (...shape) => {
      expect(normalise(shape, relaxedSimd, isCut, false)).toEqual(normalise(shape, relaxedSimd, isCut, true));
    });
  });
});
