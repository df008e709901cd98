/** @file A handle on a node of the graph, with an expression's vocabulary. It owns no memory and is never disposed. */
import { type DType, isStored } from "./dtype.ts";
import { Fault } from "./fault.ts";
import type { Graph, Node } from "./graph.ts";
import { type NdArray, normalizeAxes, showShape, type TensorType } from "./shape.ts";
import { Layers } from "./tensor/layers.ts";
import type { Operand } from "./tensor/pointwise.ts";
import { shareStreams } from "./tensor/streams.ts";

export { apply } from "./tensor/handle.ts";
export type { Operand } from "./tensor/pointwise.ts";
export type { Axes, ReduceOptions } from "./tensor/reduced.ts";

export class Tensor extends Layers {
  readonly graph: Graph;
  readonly node: Node;

  constructor(graph: Graph, node: Node) {
    super();
    this.graph = graph;
    this.node = node;
  }

  /** The tensors this one is computed from. */
  get inputs(): readonly Tensor[] {
    return this.node.inputs.map((node) => new Tensor(this.graph, node));
  }
  /** A constant on the same graph: a number is a scalar. */
  override constant(value: number | NdArray, dtype: DType = "F32"): Tensor {
    return constantOn(this.graph, value, dtype);
  }

  /** A handle on another node of this graph. */
  override handle(node: Node): Tensor {
    return new Tensor(this.graph, node);
  }
  /** A leaf of a body's own graph, whose random draws are counted with this one's. */
  leafOfBody(graph: Graph, name: string, { dtype, shape }: TensorType): Tensor {
    shareStreams(this.graph, graph);
    return new Tensor(graph, graph.add("input", [], { name }, { dtype, shape }));
  }

  override toString(): string {
    return `${this.node.op}: ${this.dtype}${showShape(this.shape)}`;
  }
}

/** What a constant of each dtype becomes in a program; the precision of F64 is kept for the reference. */
const ENTERS_AS: Readonly<Partial<Record<DType, DType>>> = {
  F64: "F32",
  F32: "F32",
  I64: "I32",
  I32: "I32",
  I16: "I32",
  I8: "I32",
  U8: "I32",
  BOOL: "BOOL",
  F16: "F16",
  BF16: "BF16",
};

/** A constant: a number makes a scalar; an array's dtype becomes F32, I32 or BOOL, or stays F16 or BF16. */
export function constantOn(graph: Graph, value: number | NdArray, dtype: DType = "F32"): Tensor {
  const from = typeof value === "number" ? dtype : value.dtype;
  const to = ENTERS_AS[from];
  if (to === undefined) {
    throw new Fault("DTYPE_UNSUPPORTED", `a constant cannot be ${from}`, { hint: "convert it to F32 first" });
  }
  if (typeof value === "number" && isStored(to)) return constantOn(graph, value).cast(to);
  if (typeof value === "number")
    return new Tensor(graph, graph.add("constant", [], { value }, { dtype: to, shape: [] }));
  const data = value.data instanceof BigInt64Array ? Int32Array.from(value.data, Number) : value.data;
  return new Tensor(graph, graph.add("constant", [], { value: data }, { dtype: to, shape: [...value.shape] }));
}

/** One after the other along `axis`. */
export function concat([first, ...rest]: readonly Tensor[], axis: number): Tensor {
  if (first === undefined) throw new Fault("SHAPE_MISMATCH", "concat of nothing", { hint: "give at least one tensor" });
  return first.concat(rest, axis);
}

/** Tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis: number): Tensor {
  const rank = (tensors[0]?.shape.length ?? 0) + 1;
  const at = normalizeAxes(axis, rank)[0]!;
  return concat(
    tensors.map((tensor) => tensor.reshape([...tensor.shape.slice(0, at), 1, ...tensor.shape.slice(at)])),
    at,
  );
}

export function where(condition: Tensor, ifTrue: Operand, ifFalse: Operand): Tensor {
  return condition.where(ifTrue, ifFalse);
}
