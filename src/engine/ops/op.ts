/** @file What an op is: its type rule, gradient, plain reference, ONNX form and samples, written once, in one table entry. */
import type { DType } from "../dtype.ts";
import type { Attributes, Body, Node, NodeType } from "../graph.ts";
import type { NdArray, Shape, TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** As many as the op takes (the type rule has checked that); typed wide, so that rules can destructure. */
export type Few<T> = readonly [T, T, T, T, T, ...T[]];

/** A value in the reference's precision: F32 as float64, I32 as 32-bit integers, BOOL as 0 or 1, F16 and BF16 as bits. */
export interface ReferenceArray extends TensorType {
  readonly data: Float64Array | Int32Array | Uint8Array | Uint16Array;
}

/** Runs a body on values of its inputs; gives values of its outputs. */
export type Evaluate = (body: Body, inputs: readonly ReferenceArray[]) => readonly ReferenceArray[];

/** An op on its inputs, as gradient rules and decompositions see it. */
export interface Applied<A> {
  readonly inputs: Few<Tensor>;
  readonly output: Tensor;
  readonly attributes: A;
  /** Which input the gradient is asked of; rules of ops with any number of inputs need it. */
  readonly index: number;
  /** Of an op with several results: each result, and its gradient (zeros where nothing depends on it). */
  readonly parts: readonly Tensor[];
  readonly partGradients: readonly Tensor[];
  /** The reverse pass itself, for ops with a body: what flows from `outputs`, given their gradients, back to `of`. */
  pullBack(outputs: readonly Tensor[], gradients: readonly Tensor[], of: readonly Tensor[]): Tensor[];
}

/** An op before its output exists; `output` is only its type. */
export interface Unapplied<A> {
  readonly inputs: Few<Tensor>;
  readonly output: NodeType;
  readonly attributes: A;
}

/** A function compared the way methods are, so that an `Op<{axis: number}>` is an `Op`. */
type Method<P extends unknown[], R> = { method(...parameters: P): R }["method"];

/** The gradient of one input, given the output's: same shape as that input. One to five lines. */
export type GradientRule<A> = Method<[dy: Tensor, at: Applied<A>], Tensor>;

/** Simplest first: an operator's name when inputs and meaning agree one to one, or a function that emits nodes. */
export type OnnxForm<A> =
  | string
  | Method<[emit: OnnxEmitter, inputs: Few<string>, node: OnnxNode<A>], string>
  | { readonly form: "decomposition" }
  /** A loop over sequences, whose body the exporter writes as a graph inside the node. */
  | { readonly form: "scan" }
  | { readonly form: "none"; readonly because: string };

export interface OnnxNode<A> {
  readonly inputs: Few<TensorType>;
  readonly output: TensorType;
  readonly attributes: A;
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  /** A graph inside the node, as `onnx/` has it. */
  | { readonly graph: object };

/** What the exporter offers to the ops' ONNX forms. Values go by the names that the methods return. */
export interface OnnxEmitter {
  readonly opset: number;
  /** Adds a node with one output. An input named "" is one left out. */
  node(operator: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>): string;
  /** Adds a node with `count` outputs. */
  nodes(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>>,
    count: number,
  ): string[];
  cast(value: string, dtype: DType): string;
  constant(value: NdArray): string;
  scalar(value: number, dtype: DType): string;
  /** An I64 vector of numbers that don't depend on the batch size (axes, pads, steps). */
  int64(values: readonly number[]): string;
  /** An I64 vector that holds a shape; the exporter puts the symbolic batch size in its place. */
  shape(shape: Shape): string;
  /** The I64 vector 0 … length − 1, for a length that may be symbolic, too. */
  range(length: number): string;
}

/** A random input: uniform in [low, high), integers for I32, or the given values. */
export interface SampleInput {
  readonly dtype: "F32" | "I32" | "BOOL";
  readonly shape: Shape;
  readonly low?: number;
  readonly high?: number;
  readonly values?: readonly number[];
}

/** One call of the op that tests make: all executors must agree on it, and its gradient is checked. */
export interface Sample<A> {
  readonly inputs: readonly SampleInput[];
  readonly attributes: A;
}

export interface Op<A extends Attributes = Attributes> {
  /** The output's type; a fault where the inputs don't fit. */
  type(inputs: Few<NodeType>, attributes: A): NodeType;
  /**
   * By input; the last rule serves all further inputs; `null` where nothing flows back (integers, steps). A composite
   * may leave it out: its decomposition is differentiated instead.
   */
  readonly gradient?: readonly (GradientRule<A> | null)[];
  /** Writes the output (of an op with several: all `outputs`), by plain loops in float64. */
  reference(
    inputs: Few<ReferenceArray>,
    output: ReferenceArray,
    attributes: A,
    outputs: readonly ReferenceArray[],
    evaluate: Evaluate,
  ): void;
  readonly onnx: OnnxForm<A>;
  /** The first opset that has what the form needs; any that is offered where absent. */
  readonly onnxSince?: number;
  /** Calls whose varying axis has `size` elements; none where the op has no meaning at that size. */
  samples(size: number): readonly Sample<A>[];
  /** Each output element depends on the same element of every input, and of nothing else. */
  readonly pointwise?: boolean;
  /** Estimated floating-point operations of a node; the number of output elements where absent. */
  readonly cost?: (node: Node) => number;
  /** The same in simpler ops: documentation, cross-check, and fallback where an executor has no kernel for the whole. Of an op with several results: all. */
  readonly decompose?: Method<[at: Unapplied<A>], Tensor | readonly Tensor[]>;
  /** The sum of two results of this op where it is had without adding (the reverse pass makes many), or null. */
  readonly sum?: (a: Tensor, b: Tensor) => Tensor | null;
  /** An equal, simpler expression, bit for bit the same, or null. */
  readonly simplify?: Method<[at: Unapplied<A>], Tensor | null>;
}

/** A primitive has a gradient (`[null]` says that nothing flows back), a composite a decomposition, and any op all the rest. */
export type CheckedOp<A extends Attributes = Attributes> = Op<A> &
  (
    | { readonly gradient: readonly (GradientRule<A> | null)[] }
    | { readonly decompose: NonNullable<Op<A>["decompose"]> }
  );

/** Attributes of an op that has none. */
export type None = Record<never, never>;

/** States an op, so that its attributes' type is checked throughout the entry. */
export function op<A extends Attributes>(entry: CheckedOp<A>): CheckedOp<A> {
  return entry;
}
