/** @file Every op of the table on the machine, against the float64 reference, at sizes around the vectors' ends. */
import { describe, expect, test } from "vitest";
import type { Executor } from "../../../src/engine/executors/executor.ts";
import { createMachine } from "../../../src/engine/executors/machine/index.ts";
import { createReference } from "../../../src/engine/executors/reference/reference.ts";
import type { Attributes, Traced } from "../../../src/engine/graph.ts";
import { OPS } from "../../../src/engine/ops/index.ts";
import type { Few, Op, Sample, SampleInput } from "../../../src/engine/ops/op.ts";
import { sizeOf } from "../../../src/engine/shape.ts";
import { Tensor } from "../../../src/engine/tensor.ts";
import { trace } from "../../../src/engine/trace.ts";

const SIZES = [0, 1, 3, 4, 5, 15, 16, 17, 63, 64, 65, 300];
const SPECIAL = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, 1, -1, 3.4e38, -3.4e38, 1e-40];

const reference = createReference();
const machines: readonly Executor[] = [
  createMachine(),
  createMachine({ relaxedSimd: false }),
  createMachine({ wideSimd: true }),
];

/** Repeatable numbers in [0, 1). */
function sequence(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function valuesOf({ dtype, shape, low = -2, high = 2, values }: SampleInput, seed: number, special: boolean): number[] {
  const next = sequence(seed);
  return Array.from({ length: sizeOf(shape) }, (_, i) => {
    if (values !== undefined) return values[i % values.length]!;
    if (dtype === "BOOL") return Number(next() < 0.5);
    if (dtype === "I32") return Math.floor(low + next() * (high - low));
    return Math.fround(
      special && i % 3 === 0 ? SPECIAL[Math.floor(next() * SPECIAL.length)]! : low + next() * (high - low),
    );
  });
}

function program(op: Op, name: string, { inputs, attributes }: Sample<Attributes>): Traced {
  return trace((t) => {
    const tensors = inputs.map((type, i) => t.input(`x${i}`, type));
    const { graph } = tensors[0]!;
    const nodes = tensors.map((tensor) => tensor.node);
    const type = op.type(nodes as unknown as Few<(typeof nodes)[number]>, attributes);
    const node = graph.add(name, nodes, attributes, type);
    if (type.parts === undefined) return { outputs: { y: new Tensor(graph, node) } };
    const parts = type.parts.map((part, index) => new Tensor(graph, graph.add("part", [node], { index }, part)));
    return { outputs: Object.fromEntries(parts.map((part, index) => [`y${index}`, part])) };
  });
}

function outputsOf(executor: Executor, traced: Traced, values: readonly number[][]): Record<string, number[]> {
  const state = executor.createState({});
  const compiled = executor.compile(traced, state);
  for (const [i, list] of values.entries()) (compiled.inputs[`x${i}`] as Float32Array | undefined)?.set(list);
  compiled.run();
  const outputs = Object.entries(compiled.outputs).map(([name, view]) => [name, Array.from(view as Float32Array)]);
  compiled.release();
  state.release();
  return Object.fromEntries(outputs);
}

/** Whether `got` is the reference's answer up to single precision's rounding of inputs and sums. */
function agrees(got: number, wanted: number, scale: number): boolean {
  const rounded = Math.fround(wanted);
  if (Object.is(got, rounded) || got === rounded) return true;
  if (Number.isNaN(rounded) || !Number.isFinite(rounded))
    return !Number.isFinite(got) === !Number.isFinite(rounded) && Number.isNaN(got) === Number.isNaN(rounded);
  return Math.abs(got - rounded) <= 1e-5 * Math.max(scale, Math.abs(rounded)) + 1e-37;
}

function compare(name: string, size: number, special: boolean): void {
  const op = OPS[name as keyof typeof OPS] as unknown as Op;
  for (const sample of op.samples(size)) {
    const values = sample.inputs.map((input, i) => valuesOf(input, size * 31 + i, special));
    const traced = program(op, name, sample);
    const wanted = outputsOf(reference, traced, values);
    for (const machine of machines) {
      const got = outputsOf(machine, traced, values);
      for (const [output, list] of Object.entries(wanted)) {
        const scale = Math.max(
          1,
          ...list
            .filter(Number.isFinite)
            .map(Math.abs)
            .filter((v) => v < 1e30),
        );
        list.forEach((value, i) => {
          if (agrees(got[output]![i]!, value, scale)) return;
          const shapes = sample.inputs.map((input) => `[${input.shape}]`).join(" ");
          expect.fail(
            `${name} ${shapes} ${JSON.stringify(sample.attributes)} at ${output}[${i}]: ${got[output]![i]} instead of ${value} of ${values.map((v) => v[i])}`,
          );
        });
      }
    }
  }
}

describe.each(Object.keys(OPS).filter((name) => name !== "part"))("%s", (name) => {
  test("agrees with the reference at every size", () => {
    for (const size of SIZES) compare(name, size, false);
  });
  const op = OPS[name as keyof typeof OPS] as unknown as Op;
  if (op.pointwise)
    test("agrees on NaN, infinities, zeros and extremes", () => {
      for (const size of [5, 17, 64]) compare(name, size, true);
    });
});
