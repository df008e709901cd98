/** @file How close the machine's elementary functions are to the float64 answer rounded once, over all magnitudes. */
import { describe, expect, test } from "vitest";
import { createMachine, type Executor, type Tensor, trace } from "../../../src/engine/index.ts";
import { erf } from "../../../src/engine/ops/erf.ts";

type UnaryName = "exp" | "expm1" | "log" | "log1p" | "tanh" | "sigmoid" | "erf" | "sin" | "cos";

const FUNCTIONS: Readonly<Record<UnaryName, (x: number) => number>> = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  tanh: Math.tanh,
  sigmoid: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  erf,
  sin: Math.sin,
  cos: Math.cos,
};

/** Every 70,001st float there is: all signs, exponents and kinds, subnormals, infinities and NaN among them. */
const EVERYWHERE = new Float32Array(Uint32Array.from({ length: 2 ** 32 / 70_001 }, (_, i) => i * 70_001).buffer);
/** Where most arguments are. */
const NEAR = Float32Array.from({ length: 80_000 }, (_, i) => (i - 40_000) / 400);
const SPECIAL = Float32Array.of(
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1,
  -1,
  1e-45,
  -1e-45,
);

/** Floats in order as consecutive integers. */
const float = new Float32Array(1);
const integer = new Int32Array(float.buffer);
function ordinal(value: number): number {
  float[0] = value;
  const bits = integer[0]!;
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}

function worstOf(name: UnaryName, arguments_: Float32Array, machine: Executor): { ulps: number; at: number } {
  const state = machine.createState({});
  const program = machine.compile(
    trace((t) => {
      const x: Tensor = t.input("x", { dtype: "F32", shape: [arguments_.length] });
      return { outputs: { y: x[name]() } };
    }),
    state,
  );
  (program.inputs.x as Float32Array).set(arguments_);
  program.run();
  const got = program.outputs.y as Float32Array;
  let worst = { ulps: 0, at: 0 };
  arguments_.forEach((x, i) => {
    const wanted = Math.fround(FUNCTIONS[name](x));
    const isSame = Number.isNaN(wanted) ? Number.isNaN(got[i]!) : Math.abs(ordinal(wanted) - ordinal(got[i]!)) <= 4;
    const ulps = isSame && Number.isNaN(wanted) ? 0 : Math.abs(ordinal(wanted) - ordinal(got[i]!));
    if (!isSame || ulps > worst.ulps)
      worst = { ulps: Number.isNaN(ulps) || (!isSame && ulps <= 4) ? 1e9 : ulps, at: x };
  });
  program.release();
  state.release();
  return worst;
}

describe.each([true, false])("with relaxed SIMD: %s", (relaxedSimd) => {
  const machine = createMachine({ relaxedSimd });
  test.each(Object.keys(FUNCTIONS) as UnaryName[])("%s is within 4 units in the last place", (name) => {
    for (const range of [EVERYWHERE, NEAR, SPECIAL]) {
      const { ulps, at } = worstOf(name, range, machine);
      expect(ulps, `${name}(${at})`).toBeLessThanOrEqual(4);
    }
  });
});
