/**
 * @file The cases in TensorFlow.js on its WebAssembly backend, which has no threads in Node. Reads lines like
 * {"case":"mlp-small","steps":100} and answers {"milliseconds":2.9}, a step's mean. Started with the folder of its packages.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const packages = process.argv[2];
const require = createRequire(join(packages, "package.json"));
console.log = console.error; // standard output is for answers
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
const answer = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

function layers(sizes) {
  return sizes.slice(1).map((outputs, index) => ({
    weight: tf.variable(tf.randomUniform([sizes[index], outputs], -1, 1).div(Math.sqrt(sizes[index]))),
    bias: tf.variable(tf.zeros([outputs])),
  }));
}

function outputsOf(net, x, activation) {
  return net.reduce((h, { weight, bias }, index) => {
    const z = tf.add(tf.matMul(h, weight), bias);
    return index < net.length - 1 ? activation(z) : z;
  }, x);
}

/** One whole step: forward, softmax cross-entropy, backward, Adam. */
function training(sizes, batch) {
  const net = layers(sizes);
  const x = tf.randomUniform([batch, sizes[0]]);
  const labels = Array.from({ length: batch }, (_, row) => row % sizes.at(-1));
  const y = tf.oneHot(tf.tensor1d(labels, "int32"), sizes.at(-1)).toFloat();
  const optimizer = tf.train.adam(1e-3);
  return () =>
    tf.tidy(() => void optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, outputsOf(net, x, tf.relu))));
}

function forward(sizes, batch, activation) {
  const net = layers(sizes);
  const x = tf.randomUniform([batch, sizes[0]]);
  return () => tf.tidy(() => void outputsOf(net, x, activation).dataSync());
}

/** Channels last, as TF.js has them. */
function lenet() {
  const net = layers([7 * 7 * 32, 128, 10]);
  const windows = [
    [3, 3, 1, 16],
    [3, 3, 16, 32],
  ].map((shape) => tf.variable(tf.randomUniform(shape, -0.3, 0.3)));
  const x = tf.randomUniform([64, 28, 28, 1]);
  return () =>
    tf.tidy(() => {
      const features = windows.reduce((y, window) => tf.maxPool(tf.relu(tf.conv2d(y, window, 1, "same")), 2, 2, 0), x);
      outputsOf(net, features.reshape([64, -1]), tf.relu).dataSync();
    });
}

function product(size) {
  const a = tf.randomUniform([size, size]);
  const b = tf.randomUniform([size, size]);
  return () => tf.tidy(() => void tf.matMul(a, b));
}

const CASES = {
  "mlp-small": () => training([4, 64, 64, 2], 64),
  "mlp-mnist": () => training([784, 128, 10], 64),
  "mlp-wide": () => training([784, 512, 512, 10], 128),
  policy: () => forward([4, 64, 64, 2], 1, tf.tanh),
  "mlp-mnist-forward": () => forward([784, 128, 10], 64, tf.relu),
  "mlp-wide-forward": () => forward([784, 512, 512, 10], 128, tf.relu),
  "lenet-forward": lenet,
  "gemm-64": () => product(64),
  "gemm-1024": () => product(1024),
};

wasm.setWasmPaths(`${join(packages, "node_modules/@tensorflow/tfjs-backend-wasm/dist")}/`);
await tf.setBackend("wasm");
await tf.ready();
answer({ name: `TF.js ${tf.version.tfjs} (${tf.getBackend()})` });
const steps = {};
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  steps[order.case] ??= CASES[order.case]();
  const start = performance.now();
  for (let step = 0; step < order.steps; step++) steps[order.case]();
  answer({ milliseconds: (performance.now() - start) / order.steps });
}
