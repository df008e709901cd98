/** @file A network of `networks.ts` on an executor: in the middle of its training, or as a forward pass alone. */
import {
  type Executor,
  gradients,
  type Program,
  type Shape,
  type State,
  sizeOf,
  type TensorType,
  type Traced,
  trace,
} from "../engine/index.ts";
import { createScope, type Declaration } from "./layers/scope.ts";
import type { Network } from "./networks.ts";
import { adam } from "./optimizers/adam.ts";
import { createRandom } from "./random.ts";

/** A network in memory; every `step` sees the same batch. */
export interface RunningNetwork {
  readonly executor: Executor;
  readonly program: Program;
  readonly state: State;
  readonly parameters: number;
  /** How long tracing and compiling took, in milliseconds. */
  readonly compileMilliseconds: number;
  step(): void;
  /** Of the last step, before its update; NaN for a forward pass. */
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
export const FROM_SEED: Beginning = {
  weights: ({ path, type, initialiser }) => initialiser(type.shape, createRandom(7, path)),
  x({ x, vocabulary }) {
    const random = createRandom(7, "x");
    return Array.from({ length: sizeOf(x) }, () => (vocabulary ? random.integer(vocabulary) : random.uniform()));
  },
  labels: ({ classes }, shape) => Array.from({ length: sizeOf(shape) }, (_, row) => row % classes),
};

const LEARNING_RATE = 1e-3;

/** A traced network, what it declared, and how long tracing took. */
interface TracedNetwork {
  readonly network: Network;
  readonly traced: Traced;
  readonly declared: readonly Declaration[];
  readonly tracing: number;
}

/** Compiles it on `executor`, with the weights and the batch that `beginning` says. */
function begin({ network, traced, declared, tracing }: TracedNetwork, executor: Executor, beginning: Beginning) {
  const types = Object.entries(traced.states).map(([path, { dtype, shape }]): [string, TensorType] => [
    path,
    { dtype, shape },
  ]);
  const state = executor.createState(Object.fromEntries(types));
  for (const declaration of declared) {
    state.write(declaration.path, { ...declaration.type, data: Float32Array.from(beginning.weights(declaration)) });
  }
  const compiling = performance.now();
  const program = executor.compile(traced, state);
  const compileMilliseconds = performance.now() - compiling + tracing;
  (program.inputs.x as Float32Array).set(beginning.x(network));
  return {
    executor,
    program,
    state,
    parameters: declared.reduce((sum, { trainable, type }) => sum + (trainable ? sizeOf(type.shape) : 0), 0),
    compileMilliseconds,
    close() {
      program.release();
      state.release();
      executor.close();
    },
  };
}

const xTypeOf = ({ x, vocabulary }: Network): TensorType => ({
  dtype: vocabulary === undefined ? "F32" : "I32",
  shape: x,
});

/** A whole training step, forward, backward and Adam at its defaults, compiled on `executor`. */
export function trainNetwork(network: Network, executor: Executor, beginning: Beginning = FROM_SEED): RunningNetwork {
  const options = adam.options.parse({ learningRate: LEARNING_RATE });
  const declared: Declaration[] = [];
  const started = performance.now();
  const traced = trace((t) => {
    const { scope, declarations } = createScope(t, { training: true });
    const logits = network.logits(scope, t.input("x", xTypeOf(network)));
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
  const running = begin({ network, traced, declared, tracing }, executor, beginning);
  const { inputs, outputs } = running.program;
  (inputs.labels as Int32Array).set(beginning.labels(network, traced.inputs.labels!.shape));
  const scalarsAt = adam.scalars(options);
  let steps = 0;
  return {
    ...running,
    step() {
      const { stepSize, rootScale } = scalarsAt(++steps, LEARNING_RATE);
      inputs.stepSize![0] = stepSize!;
      inputs.rootScale![0] = rootScale!;
      running.program.run();
    },
    loss: () => Number(outputs.loss![0]),
  };
}

/** The forward pass for a batch, as a prediction makes it: input `x`, output `logits`. */
export function traceForward(network: Network, batch = network.x[0]!): TracedNetwork {
  const declared: Declaration[] = [];
  const started = performance.now();
  const { dtype, shape } = xTypeOf(network);
  const traced = trace((t) => {
    const { scope, declarations } = createScope(t, { training: false });
    const logits = network.logits(scope, t.input("x", { dtype, shape: [batch, ...shape.slice(1)] }));
    declared.push(...declarations.leaves.values());
    return { outputs: { logits } };
  });
  return { network, traced, declared, tracing: performance.now() - started };
}

/** A forward pass, compiled on `executor`. */
export function runForward(network: Network, executor: Executor, beginning: Beginning = FROM_SEED): RunningNetwork {
  const running = begin(traceForward(network), executor, beginning);
  return { ...running, step: () => void running.program.run(), loss: () => Number.NaN };
}
