/** @file Activations: the one place to add one. Each is its formula, its source and the initial weights that suit it. */
import type { Tensor } from "../../engine/index.ts";
import type { InitialiserName } from "./initialisers.ts";
import { asLayer, type Scope } from "./scope.ts";

export interface Activation {
  /** Pointwise: the shape stays. */
  apply(x: Tensor): Tensor;
  /** For the weights before it, when the spec leaves `init` out. */
  readonly initialiser: InitialiserName;
  readonly description: string;
}

const silu = {
  apply: (x) => x.mul(x.sigmoid()),
  initialiser: "heUniform",
  description: "x · sigmoid(x) (Elfwing et al. 2018)",
} satisfies Activation;

/** Klambauer et al. 2017, equation 14. */
const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

/** e^x − 1 up to 0; above, where it might overflow, it is not looked at. */
const expm1Below0 = (x: Tensor): Tensor => x.greater(0).where(0, x).expm1();

export const ACTIVATIONS = {
  relu: { apply: (x) => x.relu(), initialiser: "heUniform", description: "max(x, 0)" },
  relu6: { apply: (x) => x.clamp(0, 6), initialiser: "heUniform", description: "clamp(x, 0, 6) (Krizhevsky 2010)" },
  leakyRelu: {
    apply: (x) => x.greater(0).where(x, x.mul(0.01)),
    initialiser: "heUniform",
    description: "x, or 0.01 · x below 0 (Maas et al. 2013)",
  },
  elu: {
    apply: (x) => x.greater(0).where(x, expm1Below0(x)),
    initialiser: "heUniform",
    description: "x, or e^x − 1 below 0 (Clevert et al. 2016)",
  },
  selu: {
    apply: (x) => x.greater(0).where(x, expm1Below0(x).mul(SELU.alpha)).mul(SELU.scale),
    initialiser: "lecunNormal",
    description: "ELU scaled so that layers keep mean 0 and variance 1 (Klambauer et al. 2017)",
  },
  gelu: {
    apply: (x) => x.gelu(),
    initialiser: "heUniform",
    description: "x · Φ(x), exact (Hendrycks and Gimpel 2016)",
  },
  geluTanh: {
    apply: (x) => x.gelu("tanh"),
    initialiser: "heUniform",
    description: "GELU's approximation by tanh (Hendrycks and Gimpel 2016)",
  },
  silu,
  swish: { ...silu, description: "another name for silu (Ramachandran et al. 2017)" },
  mish: {
    apply: (x) => x.mul(x.softplus().tanh()),
    initialiser: "heUniform",
    description: "x · tanh(softplus(x)) (Misra 2019)",
  },
  softplus: { apply: (x) => x.softplus(), initialiser: "heUniform", description: "log(1 + e^x)" },
  tanh: { apply: (x) => x.tanh(), initialiser: "xavierUniform", description: "hyperbolic tangent" },
  sigmoid: { apply: (x) => x.sigmoid(), initialiser: "xavierUniform", description: "1 / (1 + e^−x)" },
  hardSwish: {
    apply: (x) => x.mul(x.add(3).clamp(0, 6)).mul(1 / 6),
    initialiser: "heUniform",
    description: "x · clamp(x + 3, 0, 6) / 6 (Howard et al. 2019)",
  },
  identity: { apply: (x) => x, initialiser: "xavierUniform", description: "x: the layers stay linear" },
} as const satisfies Record<string, Activation>;

export type ActivationName = keyof typeof ACTIVATIONS;
export const ACTIVATION_NAMES = Object.keys(ACTIVATIONS) as [ActivationName, ...ActivationName[]];

/** One of them as a layer. */
export function activate(scope: Scope, x: Tensor, name: ActivationName): Tensor {
  return asLayer(scope, name, x, () => ACTIVATIONS[name].apply(x));
}
