/** @file Dtypes that values are kept in but not computed in: F16, BF16 and F64, in the reference and on the machine. */
import { describe, expect, it } from "vitest";
import { bytesOf } from "../../src/engine/executors/machine/storage.ts";
import { fromBF16, fromF16, toBF16, toF16 } from "../../src/engine/half.ts";
import {
  createMachine,
  createReference,
  type DType,
  type Executor,
  gradients,
  type TypedArray,
  trace,
} from "../../src/engine/index.ts";
import { createGenerator } from "./support/samples.ts";

const executors: readonly Executor[] = [createReference(), createMachine(), createMachine({ relaxedSimd: false })];

/** What `cast` makes of values on each executor. */
function castOn(executor: Executor, from: DType, to: DType, values: ArrayLike<number>): number[] {
  const state = executor.createState({});
  const traced = trace((t) => ({ outputs: { y: t.input("x", { dtype: from, shape: [values.length] }).cast(to) } }));
  const program = executor.compile(traced, state);
  (program.inputs.x as Float32Array).set(values);
  program.run();
  return Array.from(program.outputs.y as Float32Array);
}

const everyHalf = Array.from({ length: 65536 }, (_, bits) => bits);
const random = createGenerator(5);
/** Of all magnitudes, those halfway between two halves and those next to them among them. */
const singles = Float32Array.from([
  ...[0, -0, 1, -1, 65504, 65519.99, 65520, 1e38, -1e38, 6e-8, 2.98e-8, 2.99e-8, 1e-40],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ...Array.from({ length: 2000 }, () => (random() - 0.5) * 2 ** (random() * 60 - 40)),
  ...Array.from({ length: 200 }, (_, i) => 1 + (2 * i + 1) / 2048),
  ...Array.from({ length: 200 }, (_, i) => (i + 0.5) * 2 ** -24),
]);

describe.each(executors.map((executor, index) => [`${executor.name} ${index}`, executor] as const))(
  "%s",
  (_, executor) => {
    it("reads every F16 and every BF16 for what it is", () => {
      expect(castOn(executor, "F16", "F32", everyHalf)).toEqual(everyHalf.map(fromF16));
      expect(castOn(executor, "BF16", "F32", everyHalf)).toEqual(everyHalf.map(fromBF16));
    });

    it("writes the nearest half, ties to even", () => {
      expect(castOn(executor, "F32", "F16", singles)).toEqual(Array.from(singles, toF16));
      expect(castOn(executor, "F32", "BF16", singles)).toEqual(Array.from(singles, toBF16));
    });

    it("keeps F64 apart from F32", () => {
      expect(castOn(executor, "F64", "F32", [1.5, -2.25, 1e300])).toEqual([
        1.5,
        -2.25,
        executor.name === "reference" ? 1e300 : Number.POSITIVE_INFINITY,
      ]);
      expect(castOn(executor, "F32", "F64", [1.5, -2.25, 0.5, 7, 9])).toEqual([1.5, -2.25, 0.5, 7, 9]);
    });

    it.each(["F16", "BF16", "F64"] as const)("trains weights that are kept in %s", (dtype) => {
      const type = { dtype, shape: [3] };
      const state = executor.createState({ w: type });
      const traced = trace((t) => {
        const w = t.state("w", type);
        const x = t.input("x", { dtype: "F32", shape: [8, 3] });
        const loss = x.mul(w.cast("F32")).sum(1).sub(x.sum(1)).square().mean();
        const [slope] = gradients(loss, [w]);
        expect(slope!.dtype).toBe("F32");
        return { outputs: { loss }, updates: { w: w.cast("F32").sub(slope!.mul(0.2)).cast(dtype) } };
      });
      const program = executor.compile(traced, state);
      (program.inputs.x as Float32Array).set(Array.from({ length: 24 }, () => random() - 0.5));
      const losses = Array.from({ length: 60 }, () => {
        program.run();
        return Number(program.outputs.loss![0]);
      });
      expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2);
      const { dtype: kept, data } = state.read("w");
      expect(kept).toBe(dtype);
      expect(data.constructor).toBe({ F16: Uint16Array, BF16: Uint16Array, F64: Float64Array }[dtype]);
      state.write("w", { ...type, data: data.slice() as TypedArray });
      expect(state.read("w").data).toEqual(data);
    });
  },
);

describe("stored values", () => {
  it("take half the memory in F16", () => {
    expect(bytesOf({ dtype: "F16", shape: [1000] })).toBe(2000);
    const machine = createMachine({ memoryLimitBytes: 2 ** 21 });
    const shape = [2 ** 19];
    expect(() => machine.createState({ w: { dtype: "F32", shape } })).toThrow(/needs 2.0 MiB/);
    expect(machine.createState({ w: { dtype: "F16", shape } }).read("w").data).toHaveLength(shape[0]!);
  });

  it("may be constants, whole arrays and numbers", () => {
    const halves = { dtype: "F16" as const, shape: [2], data: Uint16Array.of(toF16(0.5), toF16(-3)) };
    for (const executor of executors) {
      const traced = trace((t) => {
        const both = t
          .constant(halves)
          .cast("F32")
          .add(t.constant(1 / 3, "BF16").cast("F32"));
        return { outputs: { y: both.add(t.input("x", { dtype: "F32", shape: [2] })) } };
      });
      const program = executor.compile(traced, executor.createState({}));
      program.run();
      const third = fromBF16(toBF16(1 / 3));
      expect(Array.from(program.outputs.y as Float32Array)).toEqual([0.5 + third, -3 + third]);
    }
  });

  it("are not computed with", () => {
    trace((t) => {
      const w = t.state("w", { dtype: "F16", shape: [2] });
      for (const attempt of [() => w.add(w), () => w.reshape([1, 2]), () => w.sum()]) {
        expect(attempt).toThrow(
          expect.objectContaining({ reason: "DTYPE_UNSUPPORTED", hint: expect.stringContaining('.cast("F32")') }),
        );
      }
      return { outputs: { y: w } };
    });
  });

  it("of F64 keep all digits through the reference, which computes in float64", () => {
    const executor = createReference();
    const type = { dtype: "F64" as const, shape: [1] };
    const state = executor.createState({ w: type });
    state.write("w", { ...type, data: Float64Array.of(1 + 2 ** -40) });
    const traced = trace((t) => {
      const w = t.state("w", type);
      return {
        outputs: {},
        updates: {
          w: w
            .cast("F32")
            .add(2 ** -41)
            .cast("F64"),
        },
      };
    });
    executor.compile(traced, state).run();
    expect(state.read("w").data).toEqual(Float64Array.of(1 + 2 ** -40 + 2 ** -41));
  });
});
