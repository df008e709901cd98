/** @file A handle on a node of the graph, with an expression's vocabulary. It owns no memory and is never disposed. */
import { type DType, isStored } from "./dtype.ts";
import { Fault } from "./fault.ts";
import type { Graph, Node } from "./graph.ts";
import type { ConvolutionAttributes } from "./ops/convolution.ts";
import { type AttributesOf, OPS, type OpName } from "./ops/index.ts";
import { row } from "./ops/moments.ts";
import type { Few, Op } from "./ops/op.ts";
import type { PoolingAttributes } from "./ops/pooling.ts";
import type { ScanAttributes } from "./ops/scan.ts";
import { adaptiveShares, adaptiveWindows, type SlidingOptions, slidingOf } from "./ops/window.ts";
import {
  broadcastShapes,
  type NdArray,
  normalizeAxes,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
  slicedAxis,
  type TensorType,
} from "./shape.ts";

/** A number stands for a scalar of the other operand's dtype. */
export type Operand = Tensor | number;
export type Axes = number | readonly number[];
export interface ReduceOptions {
  /** Reduced axes stay, with size 1. */
  readonly keepDims?: boolean;
}

/** The ops that take values of dtypes that are only stored. */
const FOR_STORED: readonly OpName[] = ["cast", "checkpoint", "again"];

/** Adds an op to the graph of its inputs; its type rule decides the output. Shapes must already fit: nothing broadcasts. */
export function apply<Name extends OpName>(
  name: Name,
  inputs: readonly [Tensor, ...Tensor[]],
  attributes: AttributesOf<Name>,
): Tensor {
  const { graph } = inputs[0];
  for (const input of inputs) {
    if (input.graph !== graph) {
      throw new Fault("INVALID_STATE", `${name}: its inputs belong to different traces`, {
        hint: "make every tensor from the tracer of the trace that uses it",
      });
    }
  }
  const nodes = inputs.map((input) => input.node);
  if (name !== "part" && nodes.some((node) => node.parts !== undefined)) {
    throw new Fault("INVALID_STATE", `${name}: an input has several results`, { hint: "choose one with .part(index)" });
  }
  const stored = nodes.find(({ dtype }) => isStored(dtype));
  if (stored !== undefined && !FOR_STORED.includes(name)) {
    throw new Fault(
      "DTYPE_UNSUPPORTED",
      `${name}: nothing is computed in ${stored.dtype}, values are only kept in it`,
      {
        hint: 'use .cast("F32") on the tensor first',
      },
    );
  }
  const entry: Op = OPS[name];
  try {
    return new Tensor(graph, graph.add(name, nodes, attributes, entry.type(nodes as unknown as Few<Node>, attributes)));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { violations, hint, cause } = error;
    throw new Fault(error.reason, `${name}: ${error.message}`, {
      violations,
      cause,
      ...(hint !== undefined && { hint }),
    });
  }
}

/** Rejects what `Number.isInteger` would accept only by mistake: a fractional number beside integers. */
function scalarLike(tensor: Tensor, value: number): Tensor {
  if (tensor.dtype === "I32" && !Number.isInteger(value)) {
    throw new Fault("DTYPE_UNSUPPORTED", `${value} is not an integer, and the other operand is I32`, {
      hint: 'use .cast("F32") on the tensor first',
    });
  }
  return tensor.constant(value, tensor.dtype);
}

/** Applies a pointwise op after broadcasting its operands to one shape. */
function applyBroadcast<Name extends OpName>(
  name: Name,
  operands: readonly [Tensor, ...Tensor[]],
  attributes: AttributesOf<Name>,
): Tensor {
  const shape = broadcastShapes(...operands.map((operand) => operand.shape));
  const [first, ...rest] = operands;
  return apply(name, [first.broadcastTo(shape), ...rest.map((operand) => operand.broadcastTo(shape))], attributes);
}

export class Tensor {
  readonly graph: Graph;
  readonly node: Node;

  constructor(graph: Graph, node: Node) {
    this.graph = graph;
    this.node = node;
  }

  get dtype(): DType {
    return this.node.dtype;
  }
  get shape(): Shape {
    return this.node.shape;
  }
  /** The tensors this one is computed from. */
  get inputs(): readonly Tensor[] {
    return this.node.inputs.map((node) => new Tensor(this.graph, node));
  }
  /** A constant on the same graph: a number is a scalar. */
  constant(value: number | NdArray, dtype: DType = "F32"): Tensor {
    return constantOn(this.graph, value, dtype);
  }

  /** A handle on another node of this graph. */
  handle(node: Node): Tensor {
    return new Tensor(this.graph, node);
  }
  /** A leaf of a body's own graph, whose random draws are counted with this one's. */
  leafOfBody(graph: Graph, name: string, { dtype, shape }: TensorType): Tensor {
    streams.set(graph, streamsOf(this.graph));
    return new Tensor(graph, graph.add("input", [], { name }, { dtype, shape }));
  }

  /** Any op of the table on this and `others`, which must fit as they are: nothing broadcasts. Most ops have a method, too. */
  op<Name extends OpName>(
    name: Name,
    attributes: AttributesOf<Name> = {} as AttributesOf<Name>,
    ...others: Tensor[]
  ): Tensor {
    return apply(name, [this, ...others], attributes);
  }

  private unary(name: OpName): Tensor {
    return apply(name, [this], {});
  }
  private binary(name: OpName, other: Operand): Tensor {
    const right = typeof other === "number" ? scalarLike(this, other) : other;
    return applyBroadcast(name, [this, right], {});
  }
  private reduce(
    name: "sum" | "mean" | "max" | "min" | "prod" | "logSumExp",
    axes?: Axes,
    options?: ReduceOptions,
  ): Tensor {
    return apply(name, [this], { axes: normalizeAxes(axes, this.shape.length), keepDims: options?.keepDims ?? false });
  }
  private axis(axis: number): number {
    return normalizeAxes(axis, this.shape.length)[0]!;
  }

  // Arithmetic. Operands broadcast as in NumPy.
  add(other: Operand): Tensor {
    return this.binary("add", other);
  }
  sub(other: Operand): Tensor {
    return this.binary("sub", other);
  }
  mul(other: Operand): Tensor {
    return this.binary("mul", other);
  }
  div(other: Operand): Tensor {
    return this.binary("div", other);
  }
  pow(exponent: Operand): Tensor {
    return this.binary("pow", exponent);
  }
  maximum(other: Operand): Tensor {
    return this.binary("maximum", other);
  }
  minimum(other: Operand): Tensor {
    return this.binary("minimum", other);
  }
  neg(): Tensor {
    return this.unary("neg");
  }
  abs(): Tensor {
    return this.unary("abs");
  }
  sign(): Tensor {
    return this.unary("sign");
  }
  square(): Tensor {
    return this.unary("square");
  }
  sqrt(): Tensor {
    return this.unary("sqrt");
  }
  rsqrt(): Tensor {
    return this.unary("rsqrt");
  }
  reciprocal(): Tensor {
    return this.unary("reciprocal");
  }
  exp(): Tensor {
    return this.unary("exp");
  }
  expm1(): Tensor {
    return this.unary("expm1");
  }
  log(): Tensor {
    return this.unary("log");
  }
  log1p(): Tensor {
    return this.unary("log1p");
  }
  sin(): Tensor {
    return this.unary("sin");
  }
  cos(): Tensor {
    return this.unary("cos");
  }
  tan(): Tensor {
    return this.unary("tan");
  }
  asin(): Tensor {
    return this.unary("asin");
  }
  acos(): Tensor {
    return this.unary("acos");
  }
  atan(): Tensor {
    return this.unary("atan");
  }
  sinh(): Tensor {
    return this.unary("sinh");
  }
  cosh(): Tensor {
    return this.unary("cosh");
  }
  asinh(): Tensor {
    return this.unary("asinh");
  }
  acosh(): Tensor {
    return this.unary("acosh");
  }
  atanh(): Tensor {
    return this.unary("atanh");
  }
  tanh(): Tensor {
    return this.unary("tanh");
  }
  sigmoid(): Tensor {
    return this.unary("sigmoid");
  }
  erf(): Tensor {
    return this.unary("erf");
  }
  floor(): Tensor {
    return this.unary("floor");
  }
  ceil(): Tensor {
    return this.unary("ceil");
  }
  round(): Tensor {
    return this.unary("round");
  }
  relu(): Tensor {
    return this.unary("relu");
  }
  softplus(): Tensor {
    return this.unary("softplus");
  }
  gelu(approximate: "none" | "tanh" = "none"): Tensor {
    return apply("gelu", [this], { approximate });
  }
  clamp(min: number, max: number): Tensor {
    return apply("clamp", [this], { min, max });
  }
  /** F64, F16 and BF16 are for keeping values in; to compute with them, cast them to F32. */
  cast(dtype: DType): Tensor {
    if (dtype === this.dtype) return this;
    const isFar = this.dtype !== "F32" && dtype !== "F32" && (isStored(dtype) || isStored(this.dtype));
    return isFar ? this.cast("F32").cast(dtype) : apply("cast", [this], { dtype });
  }

  // Comparison, logic and selection.
  equal(other: Operand): Tensor {
    return this.binary("equal", other);
  }
  notEqual(other: Operand): Tensor {
    return this.binary("notEqual", other);
  }
  less(other: Operand): Tensor {
    return this.binary("less", other);
  }
  lessEqual(other: Operand): Tensor {
    return this.binary("lessEqual", other);
  }
  greater(other: Operand): Tensor {
    return this.binary("greater", other);
  }
  greaterEqual(other: Operand): Tensor {
    return this.binary("greaterEqual", other);
  }
  logicalAnd(other: Tensor): Tensor {
    return this.binary("logicalAnd", other);
  }
  logicalOr(other: Tensor): Tensor {
    return this.binary("logicalOr", other);
  }
  logicalNot(): Tensor {
    return this.unary("logicalNot");
  }
  isNaN(): Tensor {
    return this.unary("isNaN");
  }
  /** This is BOOL: `ifTrue` where it is true, `ifFalse` elsewhere. */
  where(ifTrue: Operand, ifFalse: Operand): Tensor {
    const like = typeof ifTrue !== "number" ? ifTrue : typeof ifFalse !== "number" ? ifFalse : this.constant(0);
    const [yes, no] = [ifTrue, ifFalse].map((value) => (typeof value === "number" ? scalarLike(like, value) : value));
    return applyBroadcast("where", [this, yes!, no!], {});
  }

  // Reductions. Axes may be negative; all of them when left out.
  sum(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("sum", axes, options);
  }
  mean(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("mean", axes, options);
  }
  max(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("max", axes, options);
  }
  min(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("min", axes, options);
  }
  prod(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("prod", axes, options);
  }
  logSumExp(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.reduce("logSumExp", axes, options);
  }
  /** Over n − `correction` (0 by default: the variance of a population). */
  variance(axes?: Axes, options: ReduceOptions & { readonly correction?: number } = {}): Tensor {
    const { keepDims = false, correction = 0 } = options;
    return apply("variance", [this], { axes: normalizeAxes(axes, this.shape.length), keepDims, correction });
  }
  /** This is [n, channels, ...size]; of the images that are `present`, BOOL [n], all if left out: each channel's mean and variance, [channels]. */
  channelMoments(present?: Tensor): readonly [mean: Tensor, variance: Tensor] {
    const all = present ?? this.constant(1, "BOOL").broadcastTo([this.shape[0]!]);
    const both = apply("channelMoments", [this, all], {});
    return [row(both, 0), row(both, 1)];
  }
  /** Over each channel Σ this, and Σ this · (other − centre), both [channels], as is `centre`. */
  channelProducts(other: Tensor, centre: Tensor): readonly [sum: Tensor, product: Tensor] {
    const both = apply("channelProducts", [this, other, centre], {});
    return [row(both, 0), row(both, 1)];
  }
  /**
   * (Σ |x|^order)^(1 / order) over the axes: the Euclidean length unless told, the largest |x| for Infinity. The gradient of
   * the Euclidean one at 0 is not a number, as that of the square root.
   */
  norm(axes?: Axes, { order = 2, ...options }: ReduceOptions & { readonly order?: number } = {}): Tensor {
    if (order === 2) return this.square().sum(axes, options).sqrt();
    if (order === 1) return this.abs().sum(axes, options);
    if (order === Number.POSITIVE_INFINITY) return this.abs().max(axes, options);
    return this.abs()
      .pow(order)
      .sum(axes, options)
      .pow(1 / order);
  }
  /** I32: the position of the largest element along `axis`, or in C order among all where it is left out. */
  argMax(axis?: number): Tensor {
    return axis === undefined ? this.reshape([-1]).argMax(0) : apply("argMax", [this], { axis: this.axis(axis) });
  }
  argMin(axis?: number): Tensor {
    return axis === undefined ? this.reshape([-1]).argMin(0) : apply("argMin", [this], { axis: this.axis(axis) });
  }

  // Movement.
  /** One size may be −1: what is left. */
  reshape(shape: Shape): Tensor {
    const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
    const complete = shape.map((size) => (size === -1 ? sizeOf(this.shape) / known : size));
    return sameShape(complete, this.shape) ? this : apply("reshape", [this], { shape: complete });
  }
  permute(axes: readonly number[]): Tensor {
    return apply("permute", [this], { axes: axes.map((axis) => (axis < 0 ? axis + axes.length : axis)) });
  }
  /** Swaps the last two axes. */
  transpose(): Tensor {
    const axes = this.shape.map((_, axis) => axis);
    return this.permute([...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
  }
  broadcastTo(shape: Shape): Tensor {
    return sameShape(shape, this.shape) ? this : apply("broadcast", [this], { shape });
  }
  /**
   * As `x[start:end:step]` in NumPy, one entry an axis: negative positions count from the end, negative steps go backward,
   * and what is missing or undefined takes the axis whole.
   */
  slice(
    starts: readonly (number | undefined)[],
    ends: readonly (number | undefined)[] = [],
    steps: readonly (number | undefined)[] = [],
  ): Tensor {
    const axes = this.shape.map((size, axis) => slicedAxis(size, starts[axis], ends[axis], steps[axis] ?? 1));
    const backward = axes.flatMap(({ isBackward }, axis) => (isBackward ? [axis] : []));
    return apply("slice", [backward.length > 0 ? this.flip(backward) : this], {
      starts: axes.map(({ from }) => from),
      ends: axes.map(({ to }) => to),
      steps: axes.map(({ step }) => step),
    });
  }
  pad(before: readonly number[], after: readonly number[], value = 0): Tensor {
    return apply("pad", [this], { before, after, value });
  }
  /** Slices along `axis` at the I32 `indices`, whose axes take the place of `axis`. Indices outside give zeros. */
  gather(indices: Tensor, axis: number): Tensor {
    return apply("gather", [this, indices], { axis: this.axis(axis) });
  }
  /** Zeros of `size` along `axis`, this added at the I32 `indices` (which stand at `axis` and on): gather's transpose. */
  scatterAdd(indices: Tensor, axis: number, size: number): Tensor {
    return apply("scatterAdd", [this, indices], { axis, size });
  }
  /** I32 [...] → F32 [..., classes]. */
  oneHot(classes: number): Tensor {
    return apply("oneHot", [this], { classes });
  }

  /** I32 indices of this one's rank, which agree with it but for `axis`: element by element along `axis`. */
  takeAlong(indices: Tensor, axis: number): Tensor {
    return apply("takeAlong", [this, indices], { axis: this.axis(axis) });
  }
  /** Zeros of `size` along `axis`, each element added at its index along it: takeAlong's transpose. */
  scatterAlong(indices: Tensor, axis: number, size: number): Tensor {
    return apply("scatterAlong", [this, indices], { axis: this.axis(axis), size });
  }
  /** The last axis of the I32 `indices` names a place in the first axes of this. */
  gatherND(indices: Tensor): Tensor {
    return apply("gatherND", [this, indices], {});
  }
  /** Zeros of `shape`, this added at the places that `indices` name: gatherND's transpose. */
  scatterND(indices: Tensor, shape: Shape): Tensor {
    return apply("scatterND", [this, indices], { shape });
  }
  flip(axes: Axes): Tensor {
    return apply("flip", [this], { axes: normalizeAxes(axes, this.shape.length) });
  }
  /** The whole repeated `repeats[a]` times along axis a. */
  tile(repeats: readonly number[]): Tensor {
    return apply("tile", [this], { repeats });
  }
  /** Pads with what stands inside: mirrored without the edge, the edge itself, or from the other end. */
  padWith(mode: "reflect" | "edge" | "wrap", before: readonly number[], after: readonly number[]): Tensor {
    return apply("padWith", [this], { mode, before, after });
  }
  /** The others after this one along `axis`. */
  concat(others: readonly Tensor[], axis: number): Tensor {
    return apply("concat", [this, ...others], { axis: this.axis(axis) });
  }
  /** Pieces of the given sizes along `axis`. */
  split(sizes: readonly number[], axis: number): Tensor[] {
    const at = this.axis(axis);
    let start = 0;
    return sizes.map((size) => {
      const from = this.shape.map((_, other) => (other === at ? start : 0));
      start += size;
      return this.slice(from, this.shape.with(at, start));
    });
  }

  // Order along an axis. NaN counts as the largest; equals keep their order.
  cumulativeSum(axis: number, { exclusive = false, reverse = false } = {}): Tensor {
    return apply("cumulativeSum", [this], { axis: this.axis(axis), exclusive, reverse });
  }
  /** I32: which element comes first, second … along `axis`. */
  argSort(axis: number, { descending = false } = {}): Tensor {
    return apply("argSort", [this], { axis: this.axis(axis), descending });
  }
  sort(axis: number, options: { readonly descending?: boolean } = {}): Tensor {
    return this.takeAlong(this.argSort(axis, options), axis);
  }
  /** The k largest along `axis`, in order, and where they stand (I32). */
  topK(k: number, axis: number, { largest = true } = {}): { values: Tensor; indices: Tensor } {
    const at = this.axis(axis);
    const all = this.argSort(at, { descending: largest });
    const indices = all.slice([], this.shape.with(at, k));
    return { values: this.takeAlong(indices, at), indices };
  }

  // Products.
  /** [..., m, k] · [..., k, n] → [..., m, n]; the batch axes broadcast. Many rows times one matrix is one product. */
  matmul(other: Tensor): Tensor {
    const [batch, otherBatch] = [this.shape.slice(0, -2), other.shape.slice(0, -2)];
    if (other.shape.length === 2 && this.shape.length > 2) {
      const rows = this.reshape([sizeOf(this.shape.slice(0, -1)), this.shape.at(-1)!]).matmul(other);
      return rows.reshape([...this.shape.slice(0, -1), other.shape[1]!]);
    }
    const shape = broadcastShapes(batch, otherBatch);
    const stretch = (tensor: Tensor) => tensor.broadcastTo([...shape, ...tensor.shape.slice(-2)]);
    return apply("matmul", [stretch(this), stretch(other)], {});
  }

  // Images: [n, channels, ...size].
  /** Weights are [out, in / groups, ...window]; one, two or three spatial axes, or more. */
  conv(weights: Tensor, { groups = 1, ...sliding }: SlidingOptions & { readonly groups?: number } = {}): Tensor {
    return this.convolve(weights, { ...slidingOf(this.shape.slice(2), weights.shape.slice(2), sliding), groups });
  }
  /**
   * What `conv` with the same weights and options would have made this from: weights are [in, out / groups, ...window].
   * @param options `outputPadding` adds to the end of each axis what a stride above 1 leaves open; padding by numbers only
   */
  convTranspose(
    weights: Tensor,
    options: SlidingOptions & { readonly groups?: number; readonly outputPadding?: number } = {},
  ): Tensor {
    const { groups = 1, outputPadding = 0, ...rest } = options;
    const window = weights.shape.slice(2);
    const sliding = slidingOf(this.shape.slice(2), window, rest);
    const size = this.shape.slice(2).map((places, axis) => {
      const spread = (places - 1) * sliding.strides[axis]! + (window[axis]! - 1) * sliding.dilations[axis]! + 1;
      return spread - sliding.before[axis]! - sliding.after[axis]! + outputPadding;
    });
    return this.imageGradient(weights, { ...sliding, groups, size });
  }
  /** `conv` with everything spelled out. */
  convolve(weights: Tensor, attributes: ConvolutionAttributes): Tensor {
    return apply("conv", [this, weights], attributes);
  }
  /** This being the gradient of `conv`'s output: that of its image. */
  imageGradient(weights: Tensor, attributes: ConvolutionAttributes & { size: Shape }): Tensor {
    return apply("convTranspose", [this, weights], attributes);
  }
  /** This being `conv`'s image, `dy` the gradient of its output: that of its weights. */
  weightGradient(dy: Tensor, attributes: ConvolutionAttributes & { window: Shape }): Tensor {
    return apply("convWeights", [this, dy], attributes);
  }
  /** The stride is the window unless told. */
  maxPool(window: Shape, options: SlidingOptions = {}): Tensor {
    const sliding = slidingOf(this.shape.slice(2), window, { strides: window, ...options });
    return apply("maxPool", [this], { ...sliding, window });
  }
  maxPoolIndices(attributes: PoolingAttributes): Tensor {
    return apply("maxPoolIndices", [this], attributes);
  }
  maxPoolGradient(dy: Tensor, attributes: PoolingAttributes): Tensor {
    return apply("maxPoolGradient", [this, dy], attributes);
  }
  averagePool(
    window: Shape,
    options: Omit<SlidingOptions, "dilations"> & { readonly countPadding?: boolean } = {},
  ): Tensor {
    const { countPadding = true, ...rest } = options;
    const sliding = slidingOf(this.shape.slice(2), window, { strides: window, ...rest });
    return apply("averagePool", [this], { ...sliding, window, countPadding });
  }
  /** The mean of every plane: [n, channels]. */
  globalAveragePool(): Tensor {
    return this.mean(this.shape.flatMap((_, axis) => (axis < 2 ? [] : [axis])));
  }
  /** The largest of every plane: [n, channels]. */
  globalMaxPool(): Tensor {
    return this.max(this.shape.flatMap((_, axis) => (axis < 2 ? [] : [axis])));
  }
  /** As `adaptiveAveragePool`, of which the largest; equals share the gradient. */
  adaptiveMaxPool(size: Shape): Tensor {
    return size.reduce<Tensor>(
      (x, to, spatial) =>
        x.gather(x.constant(adaptiveWindows(this.shape[spatial + 2]!, to)), spatial + 2).max(spatial + 3),
      this,
    );
  }
  /** As many windows as `size` asks, from ⌊i · from / to⌋ up to ⌈(i + 1) · from / to⌉, averaged. */
  adaptiveAveragePool(size: Shape): Tensor {
    return size.reduce<Tensor>((x, to, spatial) => {
      const shares = x.constant(adaptiveShares(this.shape[spatial + 2]!, to));
      const last = x.shape.length - 1;
      const swapped = x.shape.map((_, axis) => (axis === spatial + 2 ? last : axis === last ? spatial + 2 : axis));
      return x.permute(swapped).matmul(shares).permute(swapped);
    }, this);
  }

  // Normalization and losses.
  softmax(axis: number): Tensor {
    return apply("softmax", [this], { axis: this.axis(axis) });
  }
  logSoftmax(axis: number): Tensor {
    return apply("logSoftmax", [this], { axis: this.axis(axis) });
  }
  /** These are logits [..., classes]; labels are I32 [...]. One loss for each row, not reduced. */
  crossEntropy(labels: Tensor): Tensor {
    return apply("crossEntropy", [this, labels], {});
  }
  /** Over the axes that `scale` and `shift` have, the last ones. */
  layerNorm(scale: Tensor, shift: Tensor, { epsilon = 1e-5 }: { readonly epsilon?: number } = {}): Tensor {
    return apply("layerNorm", [this, scale, shift], { axis: this.shape.length - scale.shape.length, epsilon });
  }

  /** One result of an op that has several. */
  part(index: number): Tensor {
    return apply("part", [this], { index });
  }
  /** Over the axes that `scale` has, the last ones. */
  rmsNorm(scale: Tensor, { epsilon = 1e-5 }: { readonly epsilon?: number } = {}): Tensor {
    return apply("rmsNorm", [this, scale], { axis: this.shape.length - scale.shape.length, epsilon });
  }
  /** This is [n, channels, ...size]; moments and parameters are [channels]. In training, `mean` and `variance` of this batch. */
  batchNorm(
    { scale, shift, mean, variance }: Readonly<Record<"scale" | "shift" | "mean" | "variance", Tensor>>,
    { epsilon = 1e-5 }: { readonly epsilon?: number } = {},
  ): Tensor {
    return apply("batchNorm", [this, scale, shift, mean, variance], { epsilon });
  }
  /** This is [n, channels, ...size]. One group is layer normalization of an image, a group a channel instance normalization. */
  groupNorm(
    scale: Tensor,
    shift: Tensor,
    groups: number,
    { epsilon = 1e-5 }: { readonly epsilon?: number } = {},
  ): Tensor {
    return apply("groupNorm", [this, scale, shift], { groups, epsilon });
  }

  // Sequences.
  /**
   * This as queries [batch, heads, t, width], keys [batch, key heads, s, width], values [batch, key heads, s, value width] →
   * [batch, heads, t, value width]. Several query heads may share a key head. A BOOL `mask` that broadcasts to
   * [batch, heads, t, s] is true where a query may look. `causal`: the last query sees all, each one before a key less.
   */
  attention(
    keys: Tensor,
    values: Tensor,
    options: { readonly causal?: boolean; readonly mask?: Tensor; readonly scale?: number } = {},
  ): Tensor {
    const { causal = false, mask, scale = 1 / Math.sqrt(this.shape.at(-1)!) } = options;
    return apply("attention", mask === undefined ? [this, keys, values] : [this, keys, values, mask], {
      causal,
      scale,
    });
  }
  /** I32 [length]: 0 … length − 1, on this tensor's graph; in a file of any length, computed. */
  range(length: number): Tensor {
    return apply("range", [this], { length });
  }
  /** F32 [length, width]: sines and cosines of places, on this tensor's graph. */
  sinusoids(length: number, width: number, { base = 10_000 }: { readonly base?: number } = {}): Tensor {
    return apply("sinusoids", [this], { length, width, base });
  }
  /** BOOL [queries, keys], on this tensor's graph: true where a query may look back. */
  causalMask(queries: number, keys: number): Tensor {
    return apply("causalMask", [this], { queries, keys });
  }
  /** Turns pairs of features of [..., t, width] by angles that grow with the I32 `positions` [t]. */
  rotary(positions: Tensor, { base = 10000 }: { readonly base?: number } = {}): Tensor {
    return apply("rotary", [this, positions], { base });
  }
  /** All results of the op `scan`, with everything spelled out; the function `scan` is how it is written. */
  scan(others: readonly Tensor[], attributes: ScanAttributes): Tensor[] {
    const all = apply("scan", [this, ...others], attributes);
    return all.node.parts!.map((_, index) => all.part(index));
  }
  /** Images [n, channels, ...size] at another size: the nearest pixel to the upper left, or a blend of neighbours. */
  resize(size: Shape, mode: "nearest" | "linear"): Tensor {
    return apply("resize", [this], { size, mode });
  }

  /** This tensor, computed from `given` by all that stands between, as something the reverse pass computes again. */
  checkpoint(given: readonly Tensor[]): Tensor {
    return apply("checkpoint", [this, ...given], {});
  }
  /** The same value; what is computed from it is computed apart. */
  again(): Tensor {
    return this.unary("again");
  }
  /** The same value, through which no gradient flows. */
  stopGradient(): Tensor {
    return this.unary("stopGradient");
  }

  toString(): string {
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

const streams = new WeakMap<Graph, { next: number }>();

/** Where the stream numbers of a trace come from: each draw has its own. */
function streamsOf(graph: Graph): { next: number } {
  const counter = streams.get(graph) ?? { next: 0 };
  streams.set(graph, counter);
  return counter;
}

/**
 * Random tensors. `rng` is I32 [4]: seed low, seed high, step low, step high; each call draws from a stream of its own,
 * numbered in the order of the trace, so that equal seeds and steps give equal numbers.
 */
export const random = {
  /** In [0, 1). */
  uniform(rng: Tensor, shape: Shape): Tensor {
    return apply("uniform", [rng], { stream: streamsOf(rng.graph).next++, shape });
  },
  /** Mean 0, variance 1 (Box and Muller 1958); never beyond ±5.8. */
  normal(rng: Tensor, shape: Shape): Tensor {
    const radius = random.uniform(rng, shape).neg().log1p().mul(-2).sqrt();
    return radius.mul(
      random
        .uniform(rng, shape)
        .mul(2 * Math.PI)
        .cos(),
    );
  },
  /** I32 [...]: a class for each row of logits [..., classes], with the probabilities of their softmax (Gumbel's trick). */
  categorical(rng: Tensor, logits: Tensor): Tensor {
    const noise = random.uniform(rng, logits.shape).log().neg().log().neg();
    return logits.add(noise).argMax(-1);
  },
  /** BOOL: true with the given probability. */
  bernoulli(rng: Tensor, probability: Operand, shape: Shape): Tensor {
    return random.uniform(rng, shape).less(probability);
  },
};
