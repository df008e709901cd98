/** @file Shapes and places: reshape and its kin, slices, joins, pads, constants and ranges. */
import { Fault } from "../../../fault.ts";
import { broadcastShapes, normalizeAxes, type Shape, sizeOf } from "../../../shape.ts";
import { concat, type Tensor } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { expectAxis } from "../impossible.ts";
import { FLOAT, INT64, type Output } from "../value.ts";

const integers = (call: Call, values: readonly number[], shape: Shape = [values.length]): Output => ({
  type: INT64,
  tensor: call.constant({ dtype: "I32", shape, data: Int32Array.from(values) }),
});

/** An attribute in early opsets, an input later. */
const axesOf = (call: Call, index: number): number[] | undefined =>
  call.has("axes") ? call.ints("axes") : call.maybeNumbers(index);

function reshape(call: Call): Output {
  const x = call.tensor(0);
  const asked = call.has("shape") ? call.ints("shape") : call.numbers(1);
  const shape = asked.map((size, axis) => (size === 0 && call.int("allowzero", 0) === 0 ? x.shape[axis]! : size));
  return x.reshape(shape);
}

function flatten(call: Call): Output {
  const x = call.tensor(0);
  const [axis, rank] = [call.int("axis", 1), x.shape.length];
  const at = axis === rank ? rank : expectAxis(axis, rank);
  return x.reshape([sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))]);
}

function squeeze(call: Call): Output {
  const x = call.tensor(0);
  const axes = axesOf(call, 1);
  const dropped = axes === undefined ? null : new Set(normalizeAxes(axes, x.shape.length));
  return x.reshape(x.shape.filter((size, axis) => (dropped === null ? size !== 1 : !dropped.has(axis))));
}

function unsqueeze(call: Call): Output {
  const x = call.tensor(0);
  const axes = axesOf(call, 1) ?? [];
  const rank = x.shape.length + axes.length;
  const added = new Set(normalizeAxes(axes, rank));
  const sizes = x.shape[Symbol.iterator]();
  return x.reshape(Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (sizes.next().value as number))));
}

function expand(call: Call): Output {
  const x = call.tensor(0);
  return x.broadcastTo(broadcastShapes(x.shape, call.numbers(1)));
}

/** Ends beyond the axis stand for its end; a negative step goes backward from `start` down to before `end`. */
function slice(call: Call): Output {
  const x = call.tensor(0);
  const rank = x.shape.length;
  const [starts, ends] = call.has("starts")
    ? [call.ints("starts"), call.ints("ends")]
    : [call.numbers(1), call.numbers(2)];
  const axes = axesOf(call, 3) ?? starts.map((_, axis) => axis);
  const steps = call.maybeNumbers(4) ?? starts.map(() => 1);
  return axes.reduce((result, axis, i) => {
    const at = expectAxis(axis, rank, "axes");
    return sliced(result, at, starts[i]!, ends[i]!, steps[i]!);
  }, x);
}

function sliced(x: Tensor, axis: number, start: number, end: number, step: number): Tensor {
  const size = x.shape[axis]!;
  const place = (position: number, low: number, high: number): number =>
    Math.max(low, Math.min(high, position < 0 ? position + size : position));
  const all = x.shape.map(() => 0);
  if (step > 0) {
    const to = Math.max(place(start, 0, size), place(end, 0, size));
    return x.slice(
      all.with(axis, place(start, 0, size)),
      x.shape.with(axis, to),
      x.shape.map(() => 1).with(axis, step),
    );
  }
  const from = place(start, -1, size - 1);
  const to = Math.min(from, place(end, -1, size - 1));
  const piece = x.slice(all.with(axis, to + 1), x.shape.with(axis, from + 1)).flip(axis);
  return piece.slice(all, piece.shape, x.shape.map(() => 1).with(axis, -step));
}

function split(call: Call): readonly Output[] {
  const x = call.tensor(0);
  const axis = call.axis(x.shape.length, 0);
  const size = x.shape[axis]!;
  const given = call.has("split") ? call.ints("split") : call.maybeNumbers(1);
  const count = call.int("num_outputs", call.outputs);
  if (count > call.outputs) tooMany("num_outputs", count, call.outputs);
  const share = Math.ceil(size / count);
  const sizes = given ?? Array.from({ length: count }, (_, i) => Math.max(0, Math.min(share, size - i * share)));
  return x.split(sizes, axis);
}

const PAD_MODES: Readonly<Record<string, "reflect" | "edge" | "wrap">> = {
  reflect: "reflect",
  edge: "edge",
  wrap: "wrap",
};

function pad(call: Call): Output {
  const x = call.tensor(0);
  const pads = call.has("pads") ? call.ints("pads") : call.numbers(1);
  const axes = normalizedInOrder(call.maybeNumbers(3) ?? x.shape.map((_, axis) => axis), x.shape.length);
  const sides = (offset: number) =>
    x.shape.map((_, axis) => (axes.includes(axis) ? pads[axes.indexOf(axis) + offset]! : 0));
  const [before, after] = [sides(0), sides(axes.length)];
  const kept = x.slice(
    before.map((n) => Math.max(0, -n)),
    x.shape.map((size, axis) => size - Math.max(0, -after[axis]!)),
  ); // negative pads cut
  const [more, less] = [before.map((n) => Math.max(0, n)), after.map((n) => Math.max(0, n))];
  const mode = call.string("mode", "constant");
  if (mode !== "constant") return kept.padWith(PAD_MODES[mode] ?? unknown("mode", mode), more, less);
  return kept.pad(more, less, call.has("value") ? call.float("value") : (call.maybeNumbers(2)?.[0] ?? 0));
}

function normalizedInOrder(axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => normalizeAxes(axis, rank)[0]!);
}

/** @throws Fault naming the attribute, which says that there is more than the node has */
export function tooMany(attribute: string, got: number, has: number): never {
  throw new Fault("DATA_INVALID", `\`${attribute}\` is ${got}, and the node has ${has}`, {
    violations: [{ path: `attribute.${attribute}`, message: "too many", expected: `at most ${has}`, got: String(got) }],
    hint: "the file is damaged, or the program that wrote it is wrong",
  });
}

/** @throws Fault naming the attribute */
export function unknown(attribute: string, value: string): never {
  throw new Fault("ONNX_OPERATOR_UNSUPPORTED", `\`${attribute}\` ${value} is not supported`, {
    violations: [{ path: `attribute.${attribute}`, message: "not supported", got: value }],
    hint: 'run the model with `executor: "onnxruntime"`',
  });
}

const CONSTANTS: Readonly<Record<string, (call: Call) => Output>> = {
  value_float: (call) => scalar(call, call.float("value_float")),
  value_floats: (call) => floats(call, call.floats("value_floats")),
  value_int: (call) => integers(call, [call.int("value_int")], []),
  value_ints: (call) => integers(call, call.ints("value_ints")),
};

const floats = (call: Call, values: readonly number[], shape: Shape = [values.length]): Output => ({
  type: FLOAT,
  tensor: call.constant({ dtype: "F32", shape, data: Float32Array.from(values) }),
});
const scalar = (call: Call, value: number): Output => floats(call, [value], []);

/** The nine forms of the same thing; the tensor is the usual one. */
function constant(call: Call): Output {
  const form = Object.keys(CONSTANTS).find((name) => call.has(name));
  if (form !== undefined) return CONSTANTS[form]!(call);
  const { type, array } = call.array("value");
  return { type, tensor: call.constant(array) };
}

function constantOfShape(call: Call): Output {
  const shape = call.numbers(0);
  if (!call.has("value"))
    return {
      type: FLOAT,
      tensor: call.constant({ dtype: "F32", shape: [], data: new Float32Array(1) }).broadcastTo(shape),
    };
  const { type, array } = call.array("value");
  return { type, tensor: call.constant(array).reshape([]).broadcastTo(shape) };
}

const MOST_IN_RANGE = 10_000_000;

function range(call: Call): Output {
  const [start, limit, delta] = [call.numbers(0)[0]!, call.numbers(1)[0]!, call.numbers(2)[0]!];
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  if (!(count <= MOST_IN_RANGE)) {
    throw new Fault("LIMIT_EXCEEDED", `a range of ${count} numbers is too long`, {
      violations: [
        { path: "input[1]", message: "too far", expected: `at most ${MOST_IN_RANGE} numbers`, got: String(count) },
      ],
      hint: 'run the model with `executor: "onnxruntime"`',
    });
  }
  const values = Array.from({ length: count }, (_, i) => start + i * delta);
  const dtype = call.tensor(0).dtype;
  return {
    type: call.type(0),
    tensor: call.constant({
      dtype,
      shape: [count],
      data: dtype === "I32" ? Int32Array.from(values) : Float32Array.from(values),
    }),
  };
}

/** A part of the shape, by `start` and `end` as in a slice. */
function shape(call: Call): Output {
  const { shape: whole } = call.tensor(0);
  return integers(call, whole.slice(call.int("start", 0), call.has("end") ? call.int("end") : undefined));
}

export const movement: Readonly<Record<string, Operator>> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  Slice: slice,
  Split: split,
  Pad: pad,
  Concat: (call) => concat(call.tensors(), call.int("axis", 1)),
  Transpose: (call) => {
    const x = call.tensor(0);
    return x.permute(
      call.ints(
        "perm",
        x.shape.map((_, axis) => x.shape.length - 1 - axis),
      ),
    );
  },
  Tile: (call) => call.tensor(0).tile(call.numbers(1)),
  Shape: shape,
  Size: (call) => integers(call, [sizeOf(call.tensor(0).shape)], []),
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  Dropout: (call) => {
    const x = call.tensor(0);
    return [x, { type: 9, tensor: x.constant(1, "BOOL").broadcastTo(x.shape) }];
  },
};
