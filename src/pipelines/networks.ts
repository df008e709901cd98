/**
 * @file The networks that the bench trains and `ml-sidecar profile` looks into, made of the layers that users train: three multilayer perceptrons, LeNet, a
 * small residual network, an LSTM and a GPT. Tests compare their first losses with those of peers/torch_networks.py.
 */
import {
  createMachine,
  type Executor,
  gradients,
  type MachineOptions,
  type Program,
  type Shape,
  type State,
  sizeOf,
  type Tensor,
  type TensorType,
  trace,
} from "../engine/index.ts";
import { batchNorm } from "./layers/batchNorm.ts";
import { conv } from "./layers/conv.ts";
import { dense } from "./layers/dense.ts";
import { embedding } from "./layers/embedding.ts";
import { layerNorm } from "./layers/norm.ts";
import { globalPool, maxPool } from "./layers/pooling.ts";
import { learnedPositions } from "./layers/positions.ts";
import { recurrent } from "./layers/recurrent.ts";
import { createScope, type Declaration, type Scope } from "./layers/scope.ts";
import { transformerBlock } from "./layers/transformer.ts";
import { adam } from "./optimizers/adam.ts";
import { createRandom } from "./random.ts";

/** What is trained: from x to logits [..., classes], under softmax cross-entropy with labels [...]. */
export interface Network {
  /** F32, or I32 below `vocabulary`. */
  readonly x: Shape;
  readonly vocabulary?: number;
  readonly classes: number;
  logits(scope: Scope, x: Tensor): Tensor;
  /** How often one measurement should repeat the step. */
  readonly repeats: number;
}

const perceptron = (batch: number, repeats: number, inputs: number, ...units: number[]): Network => ({
  x: [batch, inputs],
  classes: units.at(-1)!,
  repeats,
  logits: (scope, x) =>
    units.reduce((y, count, index) => {
      const sum = dense(scope.child(`layers.${index}`), y, { units: count });
      return index < units.length - 1 ? sum.relu() : sum;
    }, x),
});

/** Two convolutions with batch norm, and a way around them, convolved too where the shapes differ (He et al. 2016). */
function residualBlock(scope: Scope, x: Tensor, channels: number, strides: number): Tensor {
  const normed = (name: string, y: Tensor, window: number, stride: number): Tensor => {
    const options = { channels, window, strides: stride, padding: (window - 1) / 2, bias: false };
    return batchNorm(scope.child(`${name}.norm`), conv(scope.child(name), y, options));
  };
  const y = normed("conv2", normed("conv1", x, 3, strides).relu(), 3, 1);
  return y.add(strides === 1 && x.shape[1] === channels ? x : normed("shortcut", x, 1, strides)).relu();
}

export const NETWORKS = {
  "mlp-small": perceptron(64, 800, 4, 64, 64, 2),
  "mlp-mnist": perceptron(64, 400, 784, 128, 10),
  "mlp-wide": perceptron(128, 60, 784, 512, 512, 10),
  lenet: {
    x: [64, 1, 28, 28],
    classes: 10,
    repeats: 20,
    logits(scope, x) {
      const features = [16, 32].reduce((image, channels, index) => {
        const layer = scope.child(`conv${index + 1}`);
        return maxPool(layer, conv(layer, image, { channels, window: 3, padding: 1 }).relu(), { window: 2 });
      }, x);
      const flat = features.reshape([x.shape[0]!, -1]);
      return dense(scope.child("dense2"), dense(scope.child("dense1"), flat, { units: 128 }).relu(), { units: 10 });
    },
  },
  resnet8: {
    x: [64, 3, 32, 32],
    classes: 10,
    repeats: 5,
    logits(scope, x) {
      const stem = conv(scope.child("stem"), x, { channels: 16, window: 3, padding: 1, bias: false });
      const first = batchNorm(scope.child("stem.norm"), stem).relu();
      const features = [16, 32, 64].reduce(
        (image, channels, index) => residualBlock(scope.child(`blocks.${index}`), image, channels, index === 0 ? 1 : 2),
        first,
      );
      return dense(scope.child("output"), globalPool(scope, features), { units: 10 });
    },
  },
  lstm: {
    x: [32, 50, 16],
    classes: 10,
    repeats: 60,
    logits(scope, x) {
      const { last } = recurrent(scope.child("lstm"), x, { cell: "lstm", hidden: 64 });
      return dense(scope.child("output"), last[0]![0]!, { units: 10 });
    },
  },
  gpt: {
    x: [16, 64],
    vocabulary: 65,
    classes: 65,
    repeats: 10,
    logits(scope, x) {
      const tokens = embedding(scope.child("tokens"), x, { vocabulary: 65, width: 128 });
      const placed = learnedPositions(scope.child("positions"), tokens, { context: 64 });
      const features = [0, 1, 2, 3].reduce(
        (y, index) => transformerBlock(scope.child(`blocks.${index}`), y, { heads: 4, causal: true }),
        placed,
      );
      return dense(scope.child("output"), layerNorm(scope.child("norm"), features), { units: 65 });
    },
  },
} as const satisfies Record<string, Network>;

export type NetworkName = keyof typeof NETWORKS;
export const NETWORK_NAMES = Object.keys(NETWORKS) as NetworkName[];

/** A network in the middle of its training; every `step` sees the same batch. */
export interface NetworkTraining {
  readonly executor: Executor;
  readonly program: Program;
  readonly state: State;
  readonly parameters: number;
  /** How long tracing and compiling took, in milliseconds. */
  readonly compileMilliseconds: number;
  step(): void;
  /** Of the last step, before its update. */
  loss(): number;
  close(): void;
}

/** What a training begins with. */
export interface Beginning {
  weights(declaration: Declaration): ArrayLike<number>;
  x(network: Network): ArrayLike<number>;
  labels(network: Network, shape: Shape): ArrayLike<number>;
}

/** The layers' own initial values, and a batch of noise. */
const FROM_SEED: Beginning = {
  weights: ({ path, type, initialiser }) => initialiser(type.shape, createRandom(7, path)),
  x({ x, vocabulary }) {
    const random = createRandom(7, "x");
    return Array.from({ length: sizeOf(x) }, () => (vocabulary ? random.integer(vocabulary) : random.uniform()));
  },
  labels: ({ classes }, shape) => Array.from({ length: sizeOf(shape) }, (_, row) => row % classes),
};

const LEARNING_RATE = 1e-3;

/** A whole training step, forward, backward and Adam at its defaults, compiled on `executor`. */
export function trainNetwork(name: NetworkName, executor: Executor, beginning: Beginning = FROM_SEED): NetworkTraining {
  const network: Network = NETWORKS[name];
  const options = adam.options.parse({ learningRate: LEARNING_RATE });
  const types: Record<string, TensorType> = {};
  const declared: Declaration[] = [];
  const started = performance.now();
  const traced = trace((t) => {
    const { scope, declarations } = createScope(t, { training: true });
    const x = t.input("x", { dtype: network.vocabulary === undefined ? "F32" : "I32", shape: network.x });
    const logits = network.logits(scope, x);
    const loss = logits.crossEntropy(t.input("labels", { dtype: "I32", shape: logits.shape.slice(0, -1) })).mean();
    declared.push(...declarations.leaves.values());
    const trained = declared.filter(({ trainable }) => trainable);
    const slopes = gradients(
      loss,
      trained.map(({ tensor }) => tensor),
    );
    const scalar = (path: string) => t.input(path, { dtype: "F32", shape: [] });
    const scalars = { stepSize: scalar("stepSize"), rootScale: scalar("rootScale") };
    const updates = Object.fromEntries(declarations.updates);
    for (const [index, { path, type, tensor }] of trained.entries()) {
      const slots = { mean: t.state(`mean.${path}`, type), square: t.state(`square.${path}`, type) };
      const updated = adam.update({ parameter: tensor, gradient: slopes[index]!, slots, scalars }, options);
      updates[path] = updated.parameter;
      updates[`mean.${path}`] = updated.slots.mean!;
      updates[`square.${path}`] = updated.slots.square!;
    }
    return { outputs: { loss }, updates };
  });
  const tracing = performance.now() - started;
  for (const [path, { dtype, shape }] of Object.entries(traced.states)) types[path] = { dtype, shape };
  const state = executor.createState(types);
  for (const declaration of declared) {
    state.write(declaration.path, { ...declaration.type, data: Float32Array.from(beginning.weights(declaration)) });
  }
  const compiling = performance.now();
  const program = executor.compile(traced, state);
  const compileMilliseconds = performance.now() - compiling + tracing;

  (program.inputs.x as Float32Array).set(beginning.x(network));
  (program.inputs.labels as Int32Array).set(beginning.labels(network, traced.inputs.labels!.shape));
  const scalarsAt = adam.scalars(options);
  let steps = 0;
  return {
    executor,
    program,
    state,
    parameters: declared.reduce((sum, { trainable, type }) => sum + (trainable ? sizeOf(type.shape) : 0), 0),
    compileMilliseconds,
    step() {
      const { stepSize, rootScale } = scalarsAt(++steps, LEARNING_RATE);
      program.inputs.stepSize![0] = stepSize!;
      program.inputs.rootScale![0] = rootScale!;
      program.run();
    },
    loss: () => Number(program.outputs.loss![0]),
    close() {
      program.release();
      state.release();
      executor.close();
    },
  };
}

/** A network as a case of the bench. */
export function networkCase(name: NetworkName) {
  return {
    name,
    repeats: NETWORKS[name].repeats,
    build: (options: MachineOptions = {}) => trainNetwork(name, createMachine(options)),
  };
}
