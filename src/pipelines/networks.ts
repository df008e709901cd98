/**
 * @file The networks that the bench measures and `ml-sidecar profile` looks into, made of the layers that users train: three
 * multilayer perceptrons, LeNet, a small residual network, an LSTM and a GPT. They are those of bench/peers/torch_networks.py
 * to the last parameter, which is why they are not the registry's backbones; tests compare their first losses.
 */
import type { Shape, Tensor } from "../engine/index.ts";
import { batchNorm } from "./layers/batchNorm.ts";
import { conv } from "./layers/conv.ts";
import { dense } from "./layers/dense.ts";
import { embedding } from "./layers/embedding.ts";
import { layerNorm } from "./layers/norm.ts";
import { globalPool, maxPool } from "./layers/pooling.ts";
import { learnedPositions } from "./layers/positions.ts";
import { recurrent } from "./layers/recurrent.ts";
import type { Scope } from "./layers/scope.ts";
import { transformerBlock } from "./layers/transformer.ts";

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

/** Dense layers with ReLU between them. */
export const perceptron = (batch: number, repeats: number, inputs: number, ...units: number[]): Network => ({
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

/** A decoder of four blocks. @param checkpointing whether the reverse pass computes each block again instead of keeping it */
export const gpt = (checkpointing = false): Network => ({
  x: [16, 64],
  vocabulary: 65,
  classes: 65,
  repeats: 10,
  logits(scope, x) {
    const tokens = embedding(scope.child("tokens"), x, { vocabulary: 65, width: 128 });
    const placed = learnedPositions(scope.child("positions"), tokens, { context: 64 });
    const features = [0, 1, 2, 3].reduce(
      (y, index) => transformerBlock(scope.child(`blocks.${index}`), y, { heads: 4, causal: true, checkpointing }),
      placed,
    );
    return dense(scope.child("output"), layerNorm(scope.child("norm"), features), { units: 65 });
  },
});

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
  gpt: gpt(),
} as const satisfies Record<string, Network>;

export type NetworkName = keyof typeof NETWORKS;
export const NETWORK_NAMES = Object.keys(NETWORKS) as NetworkName[];
