/**
 * @file The cases of the bench on the bare engine: whole training steps, a policy's forward, and matrix products, timed.
 * `npx tsx bench/engine.ts [threads] [case ...]` prints one line a case.
 */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  createMachine,
  type Executor,
  gradients,
  type MachineOptions,
  type NdArray,
  type Program,
  type State,
  type Tensor,
  type TensorType,
  type Tracer,
  trace,
} from "../src/engine/index.ts";
import { NETWORK_NAMES, networkCase } from "../src/pipelines/networks.ts";

/** A case in memory: `step` runs it once. */
export interface BuiltCase {
  readonly program: Program;
  readonly state: State;
  readonly executor: Executor;
  /** How long tracing and compiling took, in milliseconds. */
  readonly compileMilliseconds: number;
  step(): void;
  /** The loss of the last step; NaN where there is none. */
  loss(): number;
  close(): void;
}

export interface EngineCase {
  readonly name: string;
  /** How often one measurement should repeat the step. */
  readonly repeats: number;
  /** Multiplications and additions of one step, both counted, where that is what the case measures. */
  readonly flops?: number;
  build(options?: MachineOptions): BuiltCase;
}

type Activation = (x: Tensor) => Tensor;

/** Repeatable numbers in [0, 1). */
export function sequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Layer {
  readonly weight: string;
  readonly bias: string;
  readonly inputs: number;
  readonly outputs: number;
}

function layersOf(sizes: readonly number[]): Layer[] {
  return sizes.slice(1).map((outputs, index) => ({
    weight: `layers.${index}.weight`,
    bias: `layers.${index}.bias`,
    inputs: sizes[index]!,
    outputs,
  }));
}

function parametersOf(layers: readonly Layer[]): Record<string, TensorType> {
  return Object.fromEntries(
    layers.flatMap(({ weight, bias, inputs, outputs }) => [
      [weight, { dtype: "F32", shape: [inputs, outputs] }],
      [bias, { dtype: "F32", shape: [outputs] }],
    ]),
  );
}

function forward(t: Tracer, x: Tensor, layers: readonly Layer[], activation: Activation): Tensor {
  return layers.reduce((value, { weight, bias, inputs, outputs }, index) => {
    const product = value.matmul(t.state(weight, { dtype: "F32", shape: [inputs, outputs] }));
    const sum = product.add(t.state(bias, { dtype: "F32", shape: [outputs] }));
    return index < layers.length - 1 ? activation(sum) : sum;
  }, x);
}

/** Adam (Kingma and Ba 2015, algorithm 1) on every parameter; the moments and the step count are states too. */
export function adam(
  t: Tracer,
  loss: Tensor,
  parameters: Readonly<Record<string, TensorType>>,
  rate = 1e-3,
): Record<string, Tensor> {
  const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
  const count = t.state("adam.step", { dtype: "F32", shape: [] }).add(1);
  const unbiased = (beta: number) => t.constant(1).sub(t.constant(beta).pow(count));
  const stepSize = unbiased(beta1).reciprocal().mul(rate);
  const rootScale = unbiased(beta2).rsqrt();
  const leaves = Object.entries(parameters).map(([path, type]) => ({ path, type, value: t.state(path, type) }));
  const slopes = gradients(
    loss,
    leaves.map(({ value }) => value),
  );
  const updates: Record<string, Tensor> = { "adam.step": count };
  leaves.forEach(({ path, type, value }, index) => {
    const slope = slopes[index]!;
    const mean = t
      .state(`adam.mean.${path}`, type)
      .mul(beta1)
      .add(slope.mul(1 - beta1));
    const square = t
      .state(`adam.square.${path}`, type)
      .mul(beta2)
      .add(slope.square().mul(1 - beta2));
    updates[`adam.mean.${path}`] = mean;
    updates[`adam.square.${path}`] = square;
    const step = mean.div(square.sqrt().mul(rootScale).add(epsilon));
    updates[path] = value.sub(step.mul(stepSize));
  });
  return updates;
}

function adamStates(parameters: Readonly<Record<string, TensorType>>): Record<string, TensorType> {
  const slots = Object.entries(parameters).flatMap(([path, type]) => [
    [`adam.mean.${path}`, type],
    [`adam.square.${path}`, type],
  ]);
  return { ...parameters, ...Object.fromEntries(slots), "adam.step": { dtype: "F32", shape: [] } };
}

/** Uniform in ±1/√inputs, as PyTorch starts its linear layers; the same on every executor. */
function initialize(state: State, layers: readonly Layer[]): void {
  const next = sequence(7);
  for (const { weight, bias, inputs, outputs } of layers) {
    const fill = (shape: readonly number[]): NdArray => {
      const length = shape.reduce((product, size) => product * size, 1);
      return { dtype: "F32", shape, data: Float32Array.from({ length }, () => (2 * next() - 1) / Math.sqrt(inputs)) };
    };
    state.write(weight, fill([inputs, outputs]));
    state.write(bias, fill([outputs]));
  }
}

function built(executor: Executor, state: State, started: number, program: Program): BuiltCase {
  const compileMilliseconds = performance.now() - started;
  const loss = program.outputs.loss as Float32Array | undefined;
  return {
    program,
    state,
    executor,
    compileMilliseconds,
    step: () => {
      program.run();
    },
    loss: () => loss?.[0] ?? Number.NaN,
    close() {
      program.release();
      state.release();
      executor.close();
    },
  };
}

/** A whole training step of a multilayer perceptron: ReLU, softmax cross-entropy, Adam, data in place. */
export function trainingCase(name: string, sizes: readonly number[], batch: number, repeats: number) {
  const layers = layersOf(sizes);
  const parameters = parametersOf(layers);
  const classes = sizes.at(-1)!;
  function on(executor: Executor): BuiltCase {
    const state = executor.createState(adamStates(parameters));
    initialize(state, layers);
    const started = performance.now();
    const traced = trace((t) => {
      const x = t.input("x", { dtype: "F32", shape: [batch, sizes[0]!] });
      const y = t.input("y", { dtype: "I32", shape: [batch] });
      const loss = forward(t, x, layers, (value) => value.relu())
        .crossEntropy(y)
        .mean();
      return { outputs: { loss }, updates: adam(t, loss, parameters) };
    });
    const program = executor.compile(traced, state);
    const next = sequence(1);
    (program.inputs.x as Float32Array).set(Array.from({ length: batch * sizes[0]! }, next));
    (program.inputs.y as Int32Array).set(Array.from({ length: batch }, (_, row) => row % classes));
    return built(executor, state, started, program);
  }
  return { name, repeats, on, build: (options: MachineOptions = {}) => on(createMachine(options)) };
}

function policyCase(): EngineCase {
  const layers = layersOf([4, 64, 64, 2]);
  return {
    name: "policy",
    repeats: 20_000,
    build(options = {}) {
      const executor = createMachine(options);
      const state = executor.createState(parametersOf(layers));
      initialize(state, layers);
      const started = performance.now();
      const traced = trace((t) => {
        const x = t.input("x", { dtype: "F32", shape: [1, 4] });
        return { outputs: { logits: forward(t, x, layers, (value) => value.tanh()) } };
      });
      return built(executor, state, started, executor.compile(traced, state));
    },
  };
}

function productCase(size: number): EngineCase {
  return {
    name: `gemm-${size}`,
    repeats: Math.ceil(2e8 / size ** 3),
    flops: 2 * size ** 3,
    build(options = {}) {
      const executor = createMachine(options);
      const state = executor.createState({});
      const started = performance.now();
      const type: TensorType = { dtype: "F32", shape: [size, size] };
      const traced = trace((t) => ({ outputs: { c: t.input("a", type).matmul(t.input("b", type)) } }));
      const program = executor.compile(traced, state);
      const next = sequence(3);
      for (const view of Object.values(program.inputs))
        (view as Float32Array).forEach((_, i, all) => {
          all[i] = next() - 0.5;
        });
      return built(executor, state, started, program);
    },
  };
}

export const engineCases: readonly EngineCase[] = [
  ...NETWORK_NAMES.map(networkCase),
  policyCase(),
  productCase(64),
  productCase(256),
  productCase(1024),
];

/** Milliseconds a step: the median of five rounds, after a warm-up that lets the kernels be optimised. */
function timeCase(
  engineCase: EngineCase,
  options: MachineOptions = {},
): { milliseconds: number; compileMilliseconds: number } {
  const instance = engineCase.build(options);
  const rounds: number[] = [];
  for (let step = 0; step < Math.min(engineCase.repeats, 300); step++) instance.step();
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    for (let step = 0; step < engineCase.repeats; step++) instance.step();
    rounds.push((performance.now() - started) / engineCase.repeats);
  }
  instance.close();
  return { milliseconds: rounds.sort((a, b) => a - b)[2]!, compileMilliseconds: instance.compileMilliseconds };
}

function main(): void {
  const [threads = "1", ...names] = process.argv.slice(2);
  for (const engineCase of engineCases) {
    if (names.length > 0 && !names.includes(engineCase.name)) continue;
    const { milliseconds, compileMilliseconds } = timeCase(engineCase, { threads: Number(threads) });
    const rate =
      engineCase.flops === undefined ? "" : `  ${(engineCase.flops / milliseconds / 1e6).toFixed(1)} GFLOP/s`;
    console.log(
      `${engineCase.name.padEnd(10)} ${threads} thread(s)  ${(milliseconds * 1000).toFixed(2).padStart(10)} µs a step  compile ${compileMilliseconds.toFixed(1)} ms${rate}`,
    );
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) main();
