/** @file Places that integers name: gather, scatter, one-hot, order, triangles. */
import { Fault } from "../../../fault.ts";
import { type Shape, sizeOf } from "../../../shape.ts";
import { type Tensor, where } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { expectIndices } from "../impossible.ts";
import { expectTable } from "../known.ts";
import { INT64, type Output } from "../value.ts";

/** Negative indices count from the end. */
function positive(indices: Tensor, size: number): Tensor {
  return where(indices.less(0), indices.add(size), indices);
}

/** By whatever dtype the elements have: indexing of booleans goes through their numbers. */
function throughNumbers(x: Tensor, apply: (x: Tensor) => Tensor): Tensor {
  return x.dtype === "BOOL" ? apply(x.cast("I32")).cast("BOOL") : apply(x);
}

function gather(call: Call): Output {
  const [x, indices] = [call.tensor(0), call.tensor(1)];
  const axis = call.axis(x.shape.length, 0);
  expectIndices(indices, x.shape[axis]!);
  return throughNumbers(x, (numbers) => numbers.gather(positive(indices, x.shape[axis]!), axis));
}

function gatherElements(call: Call): Output {
  const [x, indices] = [call.tensor(0), call.tensor(1)];
  const at = call.axis(x.shape.length, 0);
  expectIndices(indices, x.shape[at]!);
  const needed = x.slice([], indices.shape.with(at, x.shape[at]!)); // other axes may be shorter in the indices
  return throughNumbers(needed, (numbers) => numbers.takeAlong(positive(indices, x.shape[at]!), at));
}

/** The last axis of the indices names a place in the axes after `batch_dims`. */
function gatherND(call: Call): Output {
  const [x, indices] = [call.tensor(0), call.tensor(1)];
  const batch = call.int("batch_dims", 0);
  expectIndices(indices, x.shape.slice(batch));
  const own = wrapped(indices, x.shape.slice(batch));
  return throughNumbers(x, (numbers) => numbers.gatherND(batch === 0 ? own : withBatch(own, batch)));
}

/** Each of the last axis's columns made positive. */
function wrapped(indices: Tensor, shape: Shape): Tensor {
  const depth = indices.shape.at(-1)!;
  const sizes = indices.constant({ dtype: "I32", shape: [depth], data: Int32Array.from(shape.slice(0, depth)) });
  return where(indices.less(0), indices.add(sizes), indices);
}

/** The places of the batch axes, in front of each index. */
function withBatch(indices: Tensor, batch: number): Tensor {
  const columns = Array.from({ length: batch }, (_, axis) => {
    const shape = indices.shape.map((size, at) => (at === axis ? size : 1));
    const places = indices.constant({
      dtype: "I32",
      shape,
      data: Int32Array.from({ length: indices.shape[axis]! }, (_, i) => i),
    });
    return places.broadcastTo(indices.shape.with(-1, 1));
  });
  return columns[0]!.concat([...columns.slice(1), indices], -1);
}

type Merge = (old: Tensor, added: Tensor, hits: Tensor) => Tensor;

/** `none` writes: what was there goes where something came. Indices must not repeat there, as ONNX says. */
const MERGES: Readonly<Record<string, Merge>> = {
  none: (old, added, hits) => where(hits.greater(0), added, old),
  add: (old, added) => old.add(added),
};

function mergeOf(call: Call): Merge {
  const name = call.string("reduction", "none");
  const merge = MERGES[name];
  if (merge !== undefined) return merge;
  throw new Fault("ONNX_OPERATOR_UNSUPPORTED", `reduction \`${name}\` is not supported`, {
    violations: [
      { path: "attribute.reduction", message: "not supported", expected: Object.keys(MERGES).join(", "), got: name },
    ],
    hint: 'run the model with `executor: "onnxruntime"`',
  });
}

function scatterElements(call: Call): Output {
  const [x, indices, updates] = [call.tensor(0), call.tensor(1), call.tensor(2)];
  const at = call.axis(x.shape.length, 0);
  const size = x.shape[at]!;
  expectIndices(indices, size);
  const own = positive(indices, size);
  const zeros = x.shape.map(() => 0);
  const spread = (values: Tensor): Tensor => {
    const placed = values.scatterAlong(own, at, size);
    return placed.pad(
      zeros,
      x.shape.map((length, other) => length - placed.shape[other]!),
    );
  };
  return inReals(x, updates, (real) =>
    mergeOf(call)(real[0]!, spread(real[1]!), spread(x.constant(1).broadcastTo(updates.shape))),
  );
}

function scatterND(call: Call): Output {
  const [x, indices, updates] = [call.tensor(0), call.tensor(1), call.tensor(2)];
  expectIndices(indices, x.shape);
  const own = wrapped(indices, x.shape);
  const rows = x.shape.slice(indices.shape.at(-1)!);
  const ones = x.constant(1).broadcastTo([...indices.shape.slice(0, -1), ...rows]);
  return inReals(x, updates, (real) =>
    mergeOf(call)(real[0]!, real[1]!.scatterND(own, x.shape), ones.scatterND(own, x.shape)),
  );
}

/** Scattering adds, and adds in F32: exact for integers up to 2^24. */
function inReals(x: Tensor, updates: Tensor, apply: (real: readonly Tensor[]) => Tensor): Tensor {
  return apply([x.cast("F32"), updates.cast("F32")]).cast(x.dtype);
}

function oneHot(call: Call): Output {
  const indices = call.tensor(0).cast("I32");
  const depth = call.numbers(1)[0]!;
  const [off, on] = call.tensor(2).split([1, 1], 0) as [Tensor, Tensor];
  const rank = indices.shape.length + 1;
  const at = call.axis(rank, -1);
  const ones = positive(indices, depth).oneHot(depth).greater(0);
  const order = Array.from({ length: rank }, (_, place) => (place < at ? place : place === at ? rank - 1 : place - 1));
  return { type: call.type(2), tensor: where(ones, on.reshape([]), off.reshape([])).permute(order) };
}

function topK(call: Call): readonly Output[] {
  const x = call.tensor(0);
  const k = call.has("k") ? call.int("k") : call.numbers(1)[0]!;
  const { values, indices } = x.topK(k, call.axis(x.shape.length, -1), { largest: call.int("largest", 1) === 1 });
  return [values, { type: INT64, tensor: indices }];
}

/** The triangle above (or under) the k-th diagonal of the last two axes. */
function trilu(call: Call): Output {
  const x = call.tensor(0);
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const k = call.inputs[1] === undefined ? 0 : call.numbers(1)[0]!;
  const isUpper = call.int("upper", 1) === 1;
  expectTable(rows * columns);
  const mask = Uint8Array.from({ length: rows * columns }, (_, i) => {
    const distance = (i % columns) - Math.floor(i / columns) - k;
    return Number(isUpper ? distance >= 0 : distance <= 0);
  });
  const kept = x.constant({ dtype: "BOOL", shape: [rows, columns], data: mask });
  return throughNumbers(x, (numbers) => where(kept, numbers, 0));
}

function eyeLike(call: Call): Output {
  const [rows, columns] = call.tensor(0).shape as [number, number];
  const k = call.int("k", 0);
  expectTable(rows * columns);
  const data = Float32Array.from({ length: sizeOf([rows, columns]) }, (_, i) =>
    Number((i % columns) - Math.floor(i / columns) === k),
  );
  return call.constant({ dtype: "F32", shape: [rows, columns], data });
}

export const indexing: Readonly<Record<string, Operator>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  ScatterND: scatterND,
  OneHot: oneHot,
  TopK: topK,
  Trilu: trilu,
  EyeLike: eyeLike,
};
