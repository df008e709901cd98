/** @file Activations made of several steps. */
import { sizeOf } from "../shape.ts";
import { erf } from "./erf.ts";
import { expectDType } from "./expect.ts";
import { op } from "./op.ts";
import { unary } from "./pointwise.ts";
import { reals } from "./samples.ts";

const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

export const activation = {
  /** log(1 + exp(x)), as max(x, 0) + log1p(exp(−|x|)) so that it neither overflows nor loses small values. */
  softplus: unary({
    reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    gradient: (dy, x) => dy.mul(x.sigmoid()),
    onnx: "Softplus",
    decompose: (x) => x.relu().add(x.abs().neg().exp().log1p()),
    cost: 25,
  }),
  /**
   * x · Φ(x), Φ the normal distribution (Hendrycks and Gimpel 2016, equation 1): exactly by erf, or by its tanh
   * approximation 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
   */
  gelu: op<{ approximate: "none" | "tanh" }>({
    type([x]) {
      expectDType(x, "F32");
      return { dtype: x.dtype, shape: x.shape };
    },
    reference([x], y, { approximate }) {
      for (let i = 0; i < y.data.length; i++) {
        const v = x.data[i]!;
        const inner =
          approximate === "none" ? erf(v / Math.SQRT2) : Math.tanh(SQRT_2_OVER_PI * (v + 0.044715 * v ** 3));
        y.data[i] = 0.5 * v * (1 + inner);
      }
    },
    onnx: { form: "decomposition" },
    samples: (size) => [
      { inputs: [reals([size], -4, 4)], attributes: { approximate: "none" } },
      { inputs: [reals([size], -4, 4)], attributes: { approximate: "tanh" } },
    ],
    pointwise: true,
    cost: ({ shape }) => 20 * sizeOf(shape),
    decompose({ inputs: [x], attributes: { approximate } }) {
      const inner =
        approximate === "none"
          ? x.mul(Math.SQRT1_2).erf()
          : x.add(x.square().mul(x).mul(0.044715)).mul(SQRT_2_OVER_PI).tanh();
      return x.mul(0.5).mul(inner.add(1));
    },
  }),
};
