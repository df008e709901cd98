/**
 * @file A plugin: a backbone with a layer of its own, a loss, and a dataset on which they show what they can do.
 *
 * Start the sidecar with it, `npx ml-sidecar --plugin ./examples/plugins/spirals.mjs`, and ask:
 *
 *     {"jsonrpc":"2.0","id":1,"method":"models.create","params":{"pipeline":"classification","backbone":{"type":"fourier"}}}
 *     {"jsonrpc":"2.0","id":2,"method":"train.start","params":{"model":"m_1","data":{"builtin":"spirals"},"loss":"focal"}}
 *
 * `ml-sidecar/plugin` holds all that our own backbones, losses and datasets are made of.
 */
import {
  concat,
  createRandom,
  defineBackbone,
  defineDataset,
  defineLoss,
  definePlugin,
  dense,
  z,
} from "ml-sidecar/plugin";

/** An initialiser fills a parameter's shape from a random stream: here, frequencies of a given size. */
const frequenciesOf = (scale) => (shape, random) =>
  Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => scale * random.normal());

/**
 * A layer is a function of a scope and a tensor. This one turns coordinates into waves of learned frequencies, so that what
 * follows can bend sharply (Tancik et al. 2020, equation 5).
 * @param x [batch, inputs]; gives [batch, 2 · waves]
 */
function fourierFeatures(scope, x, { waves, scale }) {
  const frequencies = scope.parameter("frequencies", [x.shape[1], waves], frequenciesOf(scale));
  const angles = x.matmul(frequencies).mul(2 * Math.PI);
  return concat([angles.sin(), angles.cos()], 1);
}

/** A backbone is a name, the options with a `.describe()` each (the catalog shows them), and a function. */
const fourier = defineBackbone({
  type: "fourier",
  description: "Waves of learned frequencies, then one dense layer: for few inputs with fine structure",
  options: z.object({
    waves: z.int().min(1).max(4096).default(32).describe("Frequencies, each with a sine and a cosine"),
    scale: z.number().positive().default(0.4).describe("Typical initial frequency, in waves per unit of input"),
    units: z.int().min(1).max(65_536).default(32).describe("Units of the dense layer"),
  }),
  build(scope, x, { units, ...options }) {
    const waves = fourierFeatures(scope.child("waves"), x, options);
    return dense(scope.child("dense"), waves, { units }).tanh();
  },
});

/** A loss gives one number for each row; weighting rows and taking the mean is the training's business. */
const focal = defineLoss({
  type: "focal",
  description: "Cross-entropy that looks away from rows already right (Lin et al. 2017, equation 4)",
  options: z.object({
    gamma: z.number().min(0).default(2).describe("How strongly; 0 is plain cross-entropy"),
  }),
  targets: ["classes"],
  perRow(_t, logits, labels, { gamma }) {
    const loss = logits.crossEntropy(labels);
    const missed = loss.neg().exp().neg().add(1).clamp(1e-7, 1); // 1 − p, kept off zero for the power's derivative
    return missed.pow(gamma).mul(loss);
  },
});

/** A dataset is any data reference, made from options; here, tensors. */
const spirals = defineDataset({
  type: "spirals",
  description: "Points on intertwined spirals, one for each class",
  options: z.object({
    rows: z.int().min(2).max(1_000_000).default(600).describe("Points in all"),
    classes: z.int().min(2).max(16).default(3).describe("Spirals"),
    noise: z.number().min(0).default(0.05).describe("How far the points stray"),
    seed: z.int().min(0).default(0).describe("Decides where they stray"),
  }),
  load({ rows, classes, noise, seed }) {
    const random = createRandom(seed, "spirals");
    const x = new Float32Array(rows * 2);
    const y = Int32Array.from({ length: rows }, (_, row) => row % classes);
    for (let row = 0; row < rows; row++) {
      const radius = Math.sqrt((row + 0.5) / rows);
      const angle = 2 * Math.PI * (1.25 * radius + y[row] / classes);
      x[row * 2] = radius * Math.cos(angle) + noise * random.normal();
      x[row * 2 + 1] = radius * Math.sin(angle) + noise * random.normal();
    }
    return { x: { dtype: "F32", shape: [rows, 2], data: x }, y: { dtype: "I32", shape: [rows], data: y } };
  },
});

export default definePlugin({
  name: "spirals",
  version: "1.0.0",
  backbones: [fourier],
  losses: [focal],
  datasets: [spirals],
});
