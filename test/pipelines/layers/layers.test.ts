import { describe, expect, it } from "vitest";
import { createReference, type Shape, type Tensor, type Tracer, trace } from "../../../src/engine/index.ts";
import { attention } from "../../../src/pipelines/layers/attention.ts";
import { batchNorm } from "../../../src/pipelines/layers/batchNorm.ts";
import { conv } from "../../../src/pipelines/layers/conv.ts";
import { groupNorm } from "../../../src/pipelines/layers/norm.ts";
import { globalPool, maxPool } from "../../../src/pipelines/layers/pooling.ts";
import { learnedPositions } from "../../../src/pipelines/layers/positions.ts";
import { recurrent } from "../../../src/pipelines/layers/recurrent.ts";
import { createScope, type Scope } from "../../../src/pipelines/layers/scope.ts";
import { transformerBlock } from "../../../src/pipelines/layers/transformer.ts";
import { faultOf } from "../../support/fault.ts";
import { reals } from "../formula.ts";

function traceOn(shape: Shape, build: (scope: Scope, x: Tensor) => Tensor): void {
  trace((t) => {
    build(createScope(t).scope.child("backbone.block"), t.input("x", { dtype: "F32", shape }));
    return { outputs: {} };
  });
}

describe("a layer that is given what it cannot work on says which it is, and what it was given", () => {
  const refusals: [string, Shape, (scope: Scope, x: Tensor) => Tensor, expected: string][] = [
    ["a convolution of rows", [4, 8], (s, x) => conv(s, x, { channels: 2, window: 3 }), "[batch, channels, ...size]"],
    [
      "a convolution of two axes over three",
      [1, 2, 4, 4, 4],
      (s, x) => conv(s, x, { channels: 2, window: [3, 3] }),
      "[batch, channels, and 2 axes of size]",
    ],
    [
      "groups that do not divide the channels",
      [1, 3, 4, 4],
      (s, x) => conv(s, x, { channels: 4, window: 3, groups: 2 }),
      "a divisor of 3",
    ],
    [
      "a window larger than its image",
      [1, 1, 4, 2],
      (s, x) => conv(s, x, { channels: 2, window: 3 }),
      "a larger image",
    ],
    ["pooling that leaves nothing", [1, 1, 4, 1], (s, x) => maxPool(s, x, { window: 2 }), "a larger image"],
    ["global pooling of rows", [4, 8], (s, x) => globalPool(s, x), "[batch, channels, ...size]"],
    [
      "groups of a norm that do not divide the channels",
      [2, 6, 4],
      (s, x) => groupNorm(s, x, { groups: 4 }),
      "a divisor of 6",
    ],
    [
      "a recurrent layer over rows",
      [4, 8],
      (s, x) => recurrent(s, x, { cell: "gru", hidden: 2 }).outputs,
      "[batch, time, features]",
    ],
    ["heads that do not divide the width", [1, 3, 6], (s, x) => attention(s, x, { heads: 4 }), "a divisor of 6"],
    [
      "a sequence longer than the context",
      [1, 9, 4],
      (s, x) => learnedPositions(s, x, { context: 8 }),
      "at most 8 elements",
    ],
  ];
  it.each(refusals)("%s", (_, shape, build, expected) => {
    const fault = faultOf(() => traceOn(shape, build));
    expect(fault.reason).toBe("SHAPE_MISMATCH");
    expect(fault.message).toContain("`backbone.block`");
    expect(fault.violations[0]).toMatchObject({ path: "backbone.block", expected });
  });
});

/** Runs layers of training in float64, every parameter from the formula. */
function computed(build: (scope: Scope, t: Tracer) => Record<string, Tensor>, present?: readonly number[]) {
  const executor = createReference();
  const traced = trace((t) => {
    const rows = present && t.constant({ dtype: "F32", shape: [present.length, 1], data: Float64Array.from(present) });
    const { scope, declarations } = createScope(t, { training: true, present: rows ?? null });
    const outputs = build(scope, t);
    return { outputs: { ...outputs, ...Object.fromEntries(declarations.updates) } };
  });
  const types = Object.fromEntries(
    Object.entries(traced.states).map(([path, { shape }]) => [path, { dtype: "F32" as const, shape }]),
  );
  const state = executor.createState(types);
  for (const [path, type] of Object.entries(types)) state.write(path, { ...type, data: reals(path, type.shape) });
  const program = executor.compile(traced, state);
  program.run();
  return Object.fromEntries(Object.entries(program.outputs).map(([name, view]) => [name, Array.from(view, Number)]));
}
const constant = (t: Tracer, shape: Shape, data: Float64Array) => t.constant({ dtype: "F32", shape, data });

function expectSame(got: Record<string, number[]>, wanted: Record<string, number[]>): void {
  expect(Object.keys(got)).toEqual(Object.keys(wanted));
  for (const [name, values] of Object.entries(wanted)) {
    for (const [i, value] of values.entries()) expect(got[name]![i], name).toBeCloseTo(value, 12);
  }
}

describe("batch norm", () => {
  it("does not see the images that fill up a short batch", () => {
    const images = reals("x", [5, 2, 3, 2]);
    const short = computed((scope, t) => ({ y: batchNorm(scope, constant(t, [3, 2, 3, 2], images.slice(0, 36))) }));
    const filled = computed(
      (scope, t) => ({ y: batchNorm(scope, constant(t, [5, 2, 3, 2], images)).slice([0], [3, 2, 3, 2]) }),
      [1, 1, 1, 0, 0],
    );
    expectSame(filled, short);
  });
});

describe("a recurrent layer", () => {
  it("makes of a sequence in a longer batch what it makes of it alone", () => {
    const x = reals("x", [2, 5, 3]);
    const options = { cell: "lstm", hidden: 2, layers: 2, bidirectional: true } as const;
    const alone = computed((scope, t) => {
      const { outputs, last } = recurrent(scope, constant(t, [1, 3, 3], x.slice(15, 24)), options);
      return { outputs, first: last[0]![0]!, back: last[3]![0]!, cell: last[3]![1]! };
    });
    const together = computed((scope, t) => {
      const lengths = t.constant({ dtype: "I32", shape: [2], data: Int32Array.of(5, 3) });
      const { outputs, last } = recurrent(scope, constant(t, [2, 5, 3], x), { ...options, lengths });
      const second = (value: Tensor) => value.slice([1], [2]);
      return {
        outputs: second(outputs).slice([0, 0], [1, 3]),
        first: second(last[0]![0]!),
        back: second(last[3]![0]!),
        cell: second(last[3]![1]!),
      };
    });
    expectSame(together, alone);
  });

  it("is no longer a program for a longer sequence", () => {
    const nodes = (time: number) =>
      trace((t) => {
        const x = t.input("x", { dtype: "F32", shape: [2, time, 3] });
        return { outputs: { y: recurrent(createScope(t).scope, x, { cell: "gru", hidden: 4 }).outputs } };
      }).graph.nodes.length;
    expect(nodes(500)).toBe(nodes(5));
  });
});

describe("a transformer block", () => {
  it("keeps what comes later from what came before when it is causal", () => {
    const x = reals("x", [1, 6, 8]);
    const changed = x.map((value, i) => (i >= 4 * 8 ? -value : value));
    const options = { heads: 2, causal: true, rotary: {}, norm: "rms" } as const;
    const firstFour = (data: Float64Array) =>
      computed((scope, t) => ({
        y: transformerBlock(scope, constant(t, [1, 6, 8], data), options).slice([0, 0], [1, 4]),
      }));
    expectSame(firstFour(changed), firstFour(x));
  });
});
