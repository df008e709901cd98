/** @file Circular and hyperbolic functions and their inverses. All but the first two have decompositions into the pointwise ops. */
import type { Tensor } from "../tensor.ts";
import { unary } from "./pointwise.ts";

/** From here on x² + 1 is x², and x² may overflow. */
const LARGE = 1e8;

/** log 2x: what asinh and acosh come to. */
function logOfTwice(x: Tensor): Tensor {
  return x.log().add(Math.LN2);
}

/** tan(π/8), up to which the series of the arc tangent converges fast. */
const EIGHTH = Math.SQRT2 - 1;

/** Σ (−1)ᵏ x²ᵏ⁺¹ / (2k + 1), for |x| ≤ tan(π/8): 14 terms leave 2·10⁻¹². */
function arcTangentSeries(x: Tensor): Tensor {
  const square = x.square();
  let sum = x.mul(0);
  for (let k = 13; k >= 0; k--) sum = sum.mul(square).add((-1) ** k / (2 * k + 1));
  return sum.mul(x);
}

/** atan |x| = π/4 + atan((|x| − 1) / (|x| + 1)) in the middle, π/2 − atan(1 / |x|) above. */
function arcTangent(x: Tensor): Tensor {
  const size = x.abs();
  const [isMiddle, isLarge] = [size.greater(EIGHTH), size.greater(1 / EIGHTH)];
  const reduced = isLarge.where(size.reciprocal().neg(), isMiddle.where(size.sub(1).div(size.add(1)), size));
  const start = isLarge.where(size.constant(Math.PI / 2), isMiddle.where(size.constant(Math.PI / 4), 0));
  return start.add(arcTangentSeries(reduced)).mul(x.sign());
}

export const trigonometry = {
  sin: unary({ reference: Math.sin, gradient: (dy, x) => dy.mul(x.cos()), onnx: "Sin", cost: 12 }),
  cos: unary({ reference: Math.cos, gradient: (dy, x) => dy.mul(x.sin()).neg(), onnx: "Cos", cost: 12 }),
  tan: unary({
    reference: Math.tan,
    gradient: (dy, _x, y) => dy.add(dy.mul(y.square())),
    onnx: "Tan",
    domain: [-1.3, 1.3],
    decompose: (x) => x.sin().div(x.cos()),
    cost: 28,
  }),
  asin: unary({
    reference: Math.asin,
    gradient: (dy, x) => dy.mul(x.square().neg().add(1).rsqrt()),
    onnx: "Asin",
    domain: [-0.95, 0.95],
    decompose: (x) => arcTangent(x.div(x.square().neg().add(1).sqrt())),
    cost: 45,
  }),
  acos: unary({
    reference: Math.acos,
    gradient: (dy, x) => dy.mul(x.square().neg().add(1).rsqrt()).neg(),
    onnx: "Acos",
    domain: [-0.95, 0.95],
    decompose: (x) =>
      x
        .asin()
        .neg()
        .add(Math.PI / 2),
    cost: 46,
  }),
  atan: unary({
    reference: Math.atan,
    gradient: (dy, x) => dy.div(x.square().add(1)),
    onnx: "Atan",
    domain: [-6, 6],
    decompose: arcTangent,
    cost: 40,
  }),
  sinh: unary({
    reference: Math.sinh,
    gradient: (dy, x) => dy.mul(x.cosh()),
    onnx: "Sinh",
    decompose: (x) => x.expm1().sub(x.neg().expm1()).mul(0.5),
    cost: 25,
  }),
  cosh: unary({
    reference: Math.cosh,
    gradient: (dy, x) => dy.mul(x.sinh()),
    onnx: "Cosh",
    decompose: (x) => x.exp().add(x.neg().exp()).mul(0.5),
    cost: 22,
  }),
  asinh: unary({
    reference: Math.asinh,
    gradient: (dy, x) => dy.mul(x.square().add(1).rsqrt()),
    onnx: "Asinh",
    decompose(x) {
      const [size, square] = [x.abs(), x.square()];
      const small = size.add(square.div(square.add(1).sqrt().add(1))).log1p();
      return size.greater(LARGE).where(logOfTwice(size), small).mul(x.sign());
    },
    cost: 30,
  }),
  acosh: unary({
    reference: Math.acosh,
    gradient: (dy, x) => dy.mul(x.square().sub(1).rsqrt()),
    onnx: "Acosh",
    domain: [1.2, 4],
    decompose: (x) => x.greater(LARGE).where(logOfTwice(x), x.add(x.sub(1).sqrt().mul(x.add(1).sqrt())).log()),
    cost: 20,
  }),
  atanh: unary({
    reference: Math.atanh,
    gradient: (dy, x) => dy.div(x.square().neg().add(1)),
    onnx: "Atanh",
    domain: [-0.9, 0.9],
    decompose: (x) => x.log1p().sub(x.neg().log1p()).mul(0.5),
    cost: 26,
  }),
};
