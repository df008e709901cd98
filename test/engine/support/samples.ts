/** @file The op table's samples as data and as programs, for every test that runs each op on some executor. */
import {
  type Attributes,
  type Executor,
  gradients,
  type NdArray,
  type Tensor,
  type Tracer,
  trace,
} from "../../../src/engine/index.ts";
import { OPS, type OpName } from "../../../src/engine/ops/index.ts";
import type { Few, Op, Sample, SampleInput } from "../../../src/engine/ops/op.ts";
import { sizeOf } from "../../../src/engine/shape.ts";
import { apply } from "../../../src/engine/tensor.ts";

export const OP_NAMES = Object.keys(OPS) as OpName[];

/** A small generator of our own (mulberry32), so that a failing case can be run again. */
export function createGenerator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The data of a sample's input; F32 values are exact in float32. */
export function materialize(input: SampleInput, random: () => number): NdArray {
  const { dtype, shape, low = 0, high = 2, values } = input;
  const draw = () => low + random() * (high - low);
  const element = {
    F32: () => Math.fround(draw()),
    I32: () => Math.floor(draw()),
    BOOL: () => Number(random() < 0.5),
  }[dtype];
  const data = values ?? Array.from({ length: sizeOf(shape) }, element);
  const array =
    dtype === "F32" ? Float64Array.from(data) : dtype === "I32" ? Int32Array.from(data) : Uint8Array.from(data);
  return { dtype, shape, data: array };
}

export function materializeAll(sample: Sample<Attributes>, seed = 1): NdArray[] {
  const random = createGenerator(seed);
  return sample.inputs.map((input) => materialize(input, random));
}

export type Build = (inputs: Few<Tensor>, tracer: Tracer) => Readonly<Record<string, Tensor>>;

/** Traces, compiles and runs a program once on inputs `x0`, `x1` …; its outputs by name, as plain numbers. */
export function run(executor: Executor, inputs: readonly NdArray[], build: Build): Record<string, number[]> {
  const program = executor.compile(
    trace((tracer) => {
      const tensors = inputs.map((array, i) => tracer.input(`x${i}`, array));
      return { outputs: build(tensors as readonly Tensor[] as Few<Tensor>, tracer) };
    }),
    executor.createState({}),
  );
  inputs.forEach(({ data }, i) => {
    (program.inputs[`x${i}`] as Float64Array).set(data as Float64Array);
  });
  program.run();
  return Object.fromEntries(
    Object.entries(program.outputs).map(([name, view]) => [name, Array.from(view as Float64Array)]),
  );
}

/** A node of the op, whatever its name: what tests that walk the table need. */
export function applyByName(name: OpName, inputs: Few<Tensor>, attributes: Attributes): Tensor {
  return apply(name, inputs as readonly [Tensor, ...Tensor[]], attributes as never);
}

/** All results of a node, one for most ops. */
export function resultsOf(tensor: Tensor): Record<string, Tensor> {
  const parts = tensor.node.parts?.map((_, index) => tensor.part(index)) ?? [tensor];
  return Object.fromEntries(parts.map((part, index) => [`y${index}`, part]));
}

/** The op's results on a sample, on any executor. */
export function runOp(
  executor: Executor,
  name: OpName,
  { attributes }: Pick<Sample<Attributes>, "attributes">,
  inputs: readonly NdArray[],
) {
  return run(executor, inputs, (tensors) => resultsOf(applyByName(name, tensors, attributes)));
}

/** One number that all real results have a share in, each element with a weight of its own, so that no error cancels. */
export function project(results: readonly Tensor[], tracer: Pick<Tracer, "constant">, seed: number): Tensor {
  const random = createGenerator(seed);
  const weighted = results
    .filter(({ dtype }) => dtype === "F32")
    .map((result) => {
      const weights = materialize({ dtype: "F32", shape: result.shape, low: 0.5, high: 1.5 }, random);
      return result.mul(tracer.constant(weights)).sum();
    });
  return weighted.reduce((sum, term) => sum.add(term));
}

export interface Disagreement {
  readonly input: number;
  readonly element: number;
  readonly analytic: number;
  readonly numeric: number;
}

/**
 * Compares gradients of a function of tensors with central differences in float64: eps 1e-6, within 1e-5 + 1e-3 · |value|.
 * Of an input with more than `most` elements, `most` spread over it are checked.
 * @returns what disagrees
 */
export function checkGradients(
  executor: Executor,
  inputs: readonly NdArray[],
  loss: (inputs: Few<Tensor>, tracer: Tracer) => Tensor,
  most = 12,
): Disagreement[] {
  const real = inputs.flatMap(({ dtype }, i) => (dtype === "F32" ? [i] : []));
  const analytic = run(executor, inputs, (tensors, tracer) => {
    const found = gradients(
      loss(tensors, tracer),
      real.map((i) => tensors[i]!),
    );
    return Object.fromEntries(found.map((gradient, i) => [`${real[i]!}`, gradient]));
  });
  const program = executor.compile(
    trace((tracer) => {
      const tensors = inputs.map((array, i) => tracer.input(`x${i}`, array));
      return { outputs: { loss: loss(tensors as readonly Tensor[] as Few<Tensor>, tracer) } };
    }),
    executor.createState({}),
  );
  const views = inputs.map(({ data }, i) => {
    const view = program.inputs[`x${i}`] as Float64Array;
    view.set(data as Float64Array);
    return view;
  });
  const lossAt = (view: Float64Array, element: number, value: number) => {
    const before = view[element]!;
    view[element] = value;
    program.run();
    view[element] = before;
    return program.outputs.loss![0] as number;
  };
  const eps = 1e-6;
  return real.flatMap((input) => {
    const view = views[input]!;
    const stride = Math.max(1, Math.floor(view.length / most));
    const elements = Array.from({ length: Math.min(most, view.length) }, (_, i) => (i * stride) % view.length);
    return elements.flatMap((element) => {
      const x = view[element]!;
      const numeric = (lossAt(view, element, x + eps) - lossAt(view, element, x - eps)) / (2 * eps);
      const value = analytic[input]![element]!;
      const agrees = Math.abs(value - numeric) <= 1e-5 + 1e-3 * Math.abs(numeric);
      return agrees ? [] : [{ input, element, analytic: value, numeric }];
    });
  });
}

/** Whether any gradient flows through an op at all. */
export function isDifferentiable(name: OpName): boolean {
  const op: Op = OPS[name];
  return realSamples(name, 5).length > 0 && (op.gradient?.some((rule) => rule !== null) ?? true);
}

/** Samples with at least one F32 input and one F32 result, for which a gradient can be asked. */
export function realSamples(name: OpName, size: number): readonly Sample<Attributes>[] {
  const op: Op = OPS[name];
  return op.samples(size).filter(({ inputs, attributes }) => {
    const type = op.type(inputs as readonly SampleInput[] as Few<SampleInput>, attributes);
    return [inputs, type.parts ?? [type]].every((types) => types.some(({ dtype }) => dtype === "F32"));
  });
}

/** Largest difference relative to max(1, |expected|); NaN and infinities must stand in the same places. */
export function largestDifference(got: readonly number[], expected: readonly number[]): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  return expected.reduce((largest, value, i) => {
    if (Object.is(got[i], value) || got[i] === value) return largest;
    const difference = Math.abs(got[i]! - value) / Math.max(1, Math.abs(value));
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference);
  }, 0);
}
