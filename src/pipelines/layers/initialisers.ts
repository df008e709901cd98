/** @file Initial values: a table of rules from a parameter's shape to numbers, and the choice that suits an activation. */
import type { Shape } from "../../engine/index.ts";
import { sizeOf } from "../../engine/index.ts";
import type { RandomStream } from "../random.ts";

/** Fills a parameter of `shape`. Weights of products are [..., inputs, outputs]. */
export type Initialiser = (shape: Shape, random: RandomStream) => Float32Array;

const fanIn = (shape: Shape): number => sizeOf(shape.slice(0, -1));
const fanOut = (shape: Shape): number => (shape.at(-1) ?? 1) * sizeOf(shape.slice(0, -2));

/** One number after the other, in a plain loop: `Float32Array.from` takes ten times as long. */
function drawn(shape: Shape, draw: () => number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  for (let index = 0; index < values.length; index++) values[index] = draw();
  return values;
}

/** Uniform with standard deviation `deviation(shape)`: its bound is √3 times that. */
const uniform =
  (deviation: (shape: Shape) => number): Initialiser =>
  (shape, random) => {
    const bound = Math.sqrt(3) * deviation(shape);
    return drawn(shape, () => (2 * random.uniform() - 1) * bound);
  };

const normal =
  (deviation: (shape: Shape) => number): Initialiser =>
  (shape, random) => {
    const scale = deviation(shape);
    return drawn(shape, () => random.normal() * scale);
  };

export const constant =
  (value: number): Initialiser =>
  (shape) =>
    new Float32Array(sizeOf(shape)).fill(value);

export const zeros = constant(0);
export const ones = constant(1);

/** He et al. 2015, equation 10: keeps the variance through ReLU. */
const he = (shape: Shape): number => Math.sqrt(2 / fanIn(shape));
/** Glorot and Bengio 2010, equation 16: keeps it through symmetric activations, forward and backward. */
const xavier = (shape: Shape): number => Math.sqrt(2 / (fanIn(shape) + fanOut(shape)));
/** LeCun et al. 1998, section 4.6: keeps it through linear units; SELU needs it. */
const lecun = (shape: Shape): number => Math.sqrt(1 / fanIn(shape));

/** Rows or columns at right angles, of length 1, by Gram and Schmidt, twice for accuracy (Saxe et al. 2014). */
const orthogonal: Initialiser = (shape, random) => {
  const outputs = shape.at(-1) ?? 1;
  const inputs = sizeOf(shape) / outputs;
  const [count, length] = inputs < outputs ? [inputs, outputs] : [outputs, inputs];
  const vectors: Float64Array[] = [];
  while (vectors.length < count) {
    const vector = Float64Array.from({ length }, () => random.normal());
    for (let pass = 0; pass < 2; pass++) {
      for (const other of vectors) {
        const along = other.reduce((sum, value, index) => sum + value * vector[index]!, 0);
        for (let index = 0; index < length; index++) vector[index]! -= along * other[index]!;
      }
    }
    const norm = Math.hypot(...vector);
    vectors.push(vector.map((value) => value / norm));
  }
  return Float32Array.from({ length: inputs * outputs }, (_, index) => {
    const [input, output] = [Math.floor(index / outputs), index % outputs];
    return inputs < outputs ? vectors[input]![output]! : vectors[output]![input]!;
  });
};

/** Uniform within ±`bound`, whatever the shape. */
export const uniformWithin = (bound: number): Initialiser => uniform(() => bound / Math.sqrt(3));
/** Normal with the given standard deviation, whatever the shape. */
export const normalOf = (deviation: number): Initialiser => normal(() => deviation);
/** Within ±1/√inputs: what PyTorch's dense and convolutional layers start from. */
export const fanInUniform: Initialiser = uniform((shape) => 1 / Math.sqrt(3 * fanIn(shape)));

/**
 * The same rule for a convolution's weights, which stand as [outputs, inputs, ...window]: each place of the window is a
 * product of its own.
 */
export function forWindows(rule: Initialiser): Initialiser {
  return ([outputs = 1, inputs = 1, ...window], random) => {
    const places = sizeOf(window);
    const values = rule([...window, inputs, outputs], random);
    const turned = new Float32Array(values.length);
    for (let index = 0; index < turned.length; index++) {
      const place = index % places;
      const input = Math.floor(index / places) % inputs;
      const output = Math.floor(index / (places * inputs));
      turned[index] = values[(place * inputs + input) * outputs + output]!;
    }
    return turned;
  };
}

/** All rules that can be named in a spec. */
export const INITIALISERS = {
  heUniform: uniform(he),
  heNormal: normal(he),
  xavierUniform: uniform(xavier),
  xavierNormal: normal(xavier),
  lecunUniform: uniform(lecun),
  lecunNormal: normal(lecun),
  orthogonal,
} as const satisfies Record<string, Initialiser>;

export type InitialiserName = keyof typeof INITIALISERS;
export const INITIALISER_NAMES = Object.keys(INITIALISERS) as [InitialiserName, ...InitialiserName[]];
