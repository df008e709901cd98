/** @file Ops that compute each element from the same element of their inputs: arithmetic and the usual functions. */
import { type DType, isStored } from "../dtype.ts";
import type { Node } from "../graph.ts";
import { fromBF16, fromF16, toBF16, toF16 } from "../half.ts";
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { erf } from "./erf.ts";
import { expectDType, expectSameDType, expectShape } from "./expect.ts";
import { type CheckedOp, type None, type OnnxForm, op } from "./op.ts";
import { integers, reals } from "./samples.ts";

interface Unary {
  reference: (x: number) => number;
  /** `null`: flat wherever it has a derivative. */
  gradient: ((dy: Tensor, x: Tensor, y: Tensor) => Tensor) | null;
  onnx: OnnxForm<None>;
  simplify?: (x: Tensor) => Tensor | null;
  decompose?: (x: Tensor) => Tensor;
  /** What it takes, and gives; F32 alone where absent. */
  dtypes?: readonly DType[];
  /** Where samples come from, [-2, 2) where absent. */
  domain?: readonly [number, number];
  /** Floating-point operations an element, about. */
  cost?: number;
}

/** An op of one number. */
export function unary({ gradient, dtypes = ["F32"], domain = [-2, 2], cost = 1, ...rest }: Unary): CheckedOp<None> {
  const { simplify, decompose } = rest;
  return op<None>({
    type([x]) {
      expectDType(x, ...dtypes);
      return { dtype: x.dtype, shape: x.shape };
    },
    gradient: [gradient && ((dy, { inputs: [x], output }) => gradient(dy, x, output))],
    reference([x], y) {
      for (let i = 0; i < y.data.length; i++) y.data[i] = rest.reference(x.data[i]!);
    },
    onnx: rest.onnx,
    samples: (size) => [
      { inputs: [reals([size], ...domain)], attributes: {} },
      ...(dtypes.includes("I32") ? [{ inputs: [integers([size])], attributes: {} }] : []),
    ],
    pointwise: true,
    cost: ({ shape }) => cost * sizeOf(shape),
    ...(simplify && { simplify: ({ inputs: [x] }) => simplify(x) }),
    ...(decompose && { decompose: ({ inputs: [x] }) => decompose(x) }),
  });
}

interface Binary {
  reference: (a: number, b: number) => number;
  /** On 32-bit integers, where it differs. */
  integerReference?: (a: number, b: number) => number;
  gradient: readonly [Rule | null, Rule | null];
  onnx: OnnxForm<None>;
  simplify?: (a: Tensor, b: Tensor) => Tensor | null;
  dtypes?: readonly DType[];
  domains?: readonly [readonly [number, number], readonly [number, number]];
  cost?: number;
}

type Rule = (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor;

/** An op of two numbers of one dtype. Inputs have equal shapes: `Tensor`'s methods broadcast them first. */
export function binary(entry: Binary): CheckedOp<None> {
  const { dtypes = ["F32", "I32"], domains = [[-2, 2] as const, [-2, 2] as const], cost = 1, simplify } = entry;
  const integer = entry.integerReference ?? entry.reference;
  return op<None>({
    type([a, b]) {
      expectDType(a, ...dtypes);
      expectSameDType([a, b]);
      expectShape(b, a.shape, "the second operand");
      return { dtype: a.dtype, shape: a.shape };
    },
    gradient: entry.gradient.map((rule) => rule && ((dy, { inputs: [a, b], output }) => rule(dy, a, b, output))),
    reference([a, b], y) {
      const compute = a.dtype === "I32" ? integer : entry.reference;
      for (let i = 0; i < y.data.length; i++) y.data[i] = compute(a.data[i]!, b.data[i]!);
    },
    onnx: entry.onnx,
    samples: (size) => [
      { inputs: [reals([size], ...domains[0]), reals([size], ...domains[1])], attributes: {} },
      ...(dtypes.includes("I32") ? [{ inputs: [integers([size]), integers([size])], attributes: {} }] : []),
    ],
    pointwise: true,
    cost: ({ shape }) => cost * sizeOf(shape),
    ...(simplify && { simplify: ({ inputs: [a, b] }) => simplify(a, b) }),
  });
}

/** Half of the gradient to each where the operands are equal, as PyTorch does; none to the loser. */
function toWinner(dy: Tensor, isLoser: Tensor, isTie: Tensor): Tensor {
  return isLoser.where(0, isTie.where(dy.mul(0.5), dy));
}

/** C's `pow`, which differs from `**` where the base is 1, or −1 to an infinite power: both give 1. */
function power(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b;
}

/** Rounds to the nearest integer, halves to even. */
function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const fraction = x - floor;
  const rounded = fraction < 0.5 || (fraction === 0.5 && floor % 2 === 0) ? floor : floor + 1;
  return rounded === 0 && (x < 0 || Object.is(x, -0)) ? -0 : rounded;
}

/** NaN if either is NaN, and −0 below +0, as IEEE 754's maximum and minimum have it. */
const maximum = (a: number, b: number) => Math.max(a, b);
const minimum = (a: number, b: number) => Math.min(a, b);

/** The value of a tensor that is one number everywhere, known while tracing. */
export function constantOf({ node: start }: { readonly node: Node }): number | null {
  let node = start;
  while (node.op === "broadcast" || node.op === "reshape") node = node.inputs[0]!;
  const { value } = node.attributes;
  return node.op === "constant" && typeof value === "number" ? value : null;
}

const CASTABLE: readonly DType[] = ["F32", "I32", "BOOL", "F64", "F16", "BF16"];
const same = (x: number) => x;
/** What `cast` takes an element for, and makes of a number, by dtype. */
const READ: Partial<Record<DType, (x: number) => number>> = { F16: fromF16, BF16: fromBF16 };
const WRITTEN: Partial<Record<DType, (x: number) => number>> = {
  BOOL: (x) => Number(x !== 0),
  I32: (x) => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, x)),
  F16: toF16,
  BF16: toBF16,
};

export const pointwise = {
  add: binary({
    reference: (a, b) => a + b,
    gradient: [(dy) => dy, (dy) => dy],
    onnx: "Add",
  }),
  sub: binary({
    reference: (a, b) => a - b,
    gradient: [(dy) => dy, (dy) => dy.neg()],
    onnx: "Sub",
    simplify: (a, b) => (Object.is(constantOf(b), 0) ? a : null),
  }),
  mul: binary({
    reference: (a, b) => a * b,
    integerReference: Math.imul,
    gradient: [(dy, _a, b) => dy.mul(b), (dy, a) => dy.mul(a)],
    onnx: "Mul",
    simplify: (a, b) => (constantOf(b) === 1 ? a : constantOf(a) === 1 ? b : null),
  }),
  /** On integers: toward zero, and 0 when divided by 0. */
  div: binary({
    reference: (a, b) => a / b,
    gradient: [(dy, _a, b) => dy.div(b), (dy, _a, b, y) => dy.mul(y).div(b).neg()],
    onnx(emit, [a, b], { output }) {
      if (output.dtype !== "I32") return emit.node("Div", [a, b]);
      const isZero = emit.node("Equal", [b, emit.scalar(0, "I32")]);
      const quotient = emit.node("Div", [a, emit.node("Where", [isZero, emit.scalar(1, "I32"), b])]);
      return emit.node("Where", [isZero, emit.scalar(0, "I32"), quotient]);
    },
    domains: [
      [-2, 2],
      [0.5, 2],
    ],
    simplify: (a, b) => (constantOf(b) === 1 ? a : null),
    cost: 4,
  }),
  /** As C's `pow`: a negative base has a real power only at an integer exponent, NaN otherwise; anything to the 0 is 1. */
  pow: binary({
    reference: power,
    gradient: [
      (dy, a, b) => b.equal(0).where(0, dy.mul(b).mul(a.pow(b.sub(1)))),
      (dy, a, b, y) => a.equal(0).logicalAnd(b.greaterEqual(0)).where(0, dy.mul(y).mul(a.log())),
    ],
    onnx: "Pow",
    dtypes: ["F32"],
    domains: [
      [0.2, 2],
      [-2, 2],
    ],
    simplify: (a, b) => (constantOf(b) === 1 ? a : constantOf(b) === 2 ? a.square() : null),
    cost: 20,
  }),
  maximum: binary({
    reference: maximum,
    gradient: [(dy, a, b) => toWinner(dy, a.less(b), a.equal(b)), (dy, a, b) => toWinner(dy, b.less(a), a.equal(b))],
    onnx: "Max",
  }),
  minimum: binary({
    reference: minimum,
    gradient: [
      (dy, a, b) => toWinner(dy, a.greater(b), a.equal(b)),
      (dy, a, b) => toWinner(dy, b.greater(a), a.equal(b)),
    ],
    onnx: "Min",
  }),

  neg: unary({ reference: (x) => -x, gradient: (dy) => dy.neg(), onnx: "Neg", dtypes: ["F32", "I32"] }),
  /** The gradient at 0 is 0. */
  abs: unary({ reference: Math.abs, gradient: (dy, x) => dy.mul(x.sign()), onnx: "Abs", dtypes: ["F32", "I32"] }),
  sign: unary({ reference: Math.sign, gradient: null, onnx: "Sign", dtypes: ["F32", "I32"] }),
  square: unary({
    reference: (x) => x * x,
    gradient: (dy, x) => dy.mul(x.mul(2)),
    onnx: (emit, [x]) => emit.node("Mul", [x, x]),
  }),
  sqrt: unary({
    reference: Math.sqrt,
    gradient: (dy, _x, y) => dy.mul(0.5).div(y),
    onnx: "Sqrt",
    domain: [0.2, 3],
    cost: 4,
  }),
  rsqrt: unary({
    reference: (x) => 1 / Math.sqrt(x),
    gradient: (dy, _x, y) => dy.mul(y.square().mul(y).mul(-0.5)),
    onnx: (emit, [x]) => emit.node("Reciprocal", [emit.node("Sqrt", [x])]),
    domain: [0.2, 3],
    cost: 8,
  }),
  reciprocal: unary({
    reference: (x) => 1 / x,
    gradient: (dy, _x, y) => dy.mul(y.square()).neg(),
    onnx: "Reciprocal",
    domain: [0.3, 3],
    cost: 4,
  }),
  exp: unary({ reference: Math.exp, gradient: (dy, _x, y) => dy.mul(y), onnx: "Exp", cost: 10 }),
  expm1: unary({
    reference: Math.expm1,
    gradient: (dy, _x, y) => dy.mul(y.add(1)),
    onnx: (emit, [x]) => emit.node("Sub", [emit.node("Exp", [x]), emit.scalar(1, "F32")]),
    cost: 12,
  }),
  log: unary({ reference: Math.log, gradient: (dy, x) => dy.div(x), onnx: "Log", domain: [0.2, 3], cost: 10 }),
  log1p: unary({
    reference: Math.log1p,
    gradient: (dy, x) => dy.div(x.add(1)),
    onnx: (emit, [x]) => emit.node("Log", [emit.node("Add", [x, emit.scalar(1, "F32")])]),
    domain: [-0.7, 3],
    cost: 12,
  }),
  tanh: unary({
    reference: Math.tanh,
    gradient: (dy, _x, y) => dy.sub(dy.mul(y.square())),
    onnx: "Tanh",
    cost: 12,
  }),
  sigmoid: unary({
    reference: (x) => 1 / (1 + Math.exp(-x)),
    gradient: (dy, _x, y) => dy.mul(y.sub(y.square())),
    onnx: "Sigmoid",
    cost: 12,
  }),
  erf: unary({
    reference: erf,
    gradient: (dy, x) =>
      dy.mul(
        x
          .square()
          .neg()
          .exp()
          .mul(2 / Math.sqrt(Math.PI)),
      ),
    onnx: "Erf",
    cost: 14,
  }),
  floor: unary({ reference: Math.floor, gradient: null, onnx: "Floor" }),
  ceil: unary({ reference: Math.ceil, gradient: null, onnx: "Ceil" }),
  /** To the nearest integer, halves to even. */
  round: unary({ reference: roundHalfToEven, gradient: null, onnx: "Round" }),
  /** The gradient at 0 is 0. */
  relu: unary({
    reference: (x) => Math.max(x, 0),
    // By the result, which others keep anyway.
    gradient: (dy, _x, y) => y.greater(0).where(dy, 0),
    onnx: "Relu",
  }),
  /** Limits to [min, max]; NaN stays. The gradient passes where min ≤ x ≤ max, the ends included, as in PyTorch. */
  clamp: op<{ min: number; max: number }>({
    type([x]) {
      expectDType(x, "F32", "I32");
      return { dtype: x.dtype, shape: x.shape };
    },
    gradient: [
      (dy, { inputs: [x], attributes: { min, max } }) => x.greaterEqual(min).logicalAnd(x.lessEqual(max)).where(dy, 0),
    ],
    reference([x], y, { min, max }) {
      for (let i = 0; i < y.data.length; i++) y.data[i] = Math.min(Math.max(x.data[i]!, min), max);
    },
    onnx: (emit, [x], { output, attributes: { min, max } }) =>
      emit.node("Clip", [x, emit.scalar(min, output.dtype), emit.scalar(max, output.dtype)]),
    samples: (size) => [
      { inputs: [reals([size])], attributes: { min: -0.5, max: 1.25 } },
      { inputs: [integers([size])], attributes: { min: -3, max: 4 } },
    ],
    pointwise: true,
    decompose: ({ inputs: [x], attributes: { min, max } }) => x.maximum(min).minimum(max),
  }),
  /**
   * F32 to I32 toward zero (NaN to 0, limited to the range of I32); to BOOL: not 0; to F16 and BF16: the nearest, ties to
   * even. Dtypes that values are only stored in come from F32 and lead to it. Gradients pass as they are.
   */
  cast: op<{ dtype: DType }>({
    type([x], { dtype }) {
      if (isStored(x.dtype)) expectDType({ dtype, shape: [] }, "F32");
      else if (isStored(dtype)) expectDType(x, "F32");
      for (const type of [x, { dtype, shape: [] }]) expectDType(type, ...CASTABLE);
      return { dtype, shape: x.shape };
    },
    gradient: [(dy) => dy],
    reference([x], y) {
      const [read, write] = [READ[x.dtype] ?? same, WRITTEN[y.dtype] ?? same];
      for (let i = 0; i < y.data.length; i++) y.data[i] = write(read(x.data[i]!));
    },
    onnx: (emit, [x], { attributes: { dtype } }) => emit.cast(x, dtype),
    samples: (size) => [
      { inputs: [reals([size], -9, 9)], attributes: { dtype: "I32" } },
      { inputs: [reals([size])], attributes: { dtype: "BOOL" } },
      { inputs: [integers([size])], attributes: { dtype: "F32" } },
      { inputs: [integers([size], -1, 2)], attributes: { dtype: "BOOL" } },
      { inputs: [{ dtype: "BOOL", shape: [size] }], attributes: { dtype: "F32" } },
      { inputs: [{ dtype: "BOOL", shape: [size] }], attributes: { dtype: "I32" } },
      { inputs: [reals([size])], attributes: { dtype: "F64" } },
    ],
    pointwise: true,
    simplify: ({ inputs: [x], attributes: { dtype } }) => (x.dtype === dtype ? x : null),
  }),
};
