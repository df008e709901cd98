/**
 * @file The cases on our own engine: layers, loss and Adam as the pipelines have them, compiled for the machine. A contender like
 * the peers: reads lines like {"case":"mlp-small","steps":100}, answers {"milliseconds":0.08}, a step's mean.
 *
 * usage: ours.ts THREADS
 */
import { createInterface } from "node:readline";
import packageJson from "../package.json" with { type: "json" };
import { createMachine, gradients, type Tensor, type Traced, type Tracer, trace } from "../src/engine/index.ts";
import { dense } from "../src/pipelines/layers/dense.ts";
import { createScope, type Declaration } from "../src/pipelines/layers/scope.ts";
import { adam } from "../src/pipelines/optimizers/adam.ts";
import { createRandom } from "../src/pipelines/random.ts";

type Step = () => void;

const machine = createMachine({ threads: Number(process.argv[2] ?? 1) });
const LEARNING_RATE = 1e-3;
const adamOptions = adam.options.parse({ learningRate: LEARNING_RATE });

/** @returns outputs F32 [batch, last size], and the parameters in the order of the layers. */
function mlp(t: Tracer, x: Tensor, sizes: readonly number[], activation: (z: Tensor) => Tensor) {
  const { scope, declarations } = createScope(t);
  const outputs = sizes.slice(1).reduce((h, units, index) => {
    const z = dense(scope.child(`layers.${index}`), h, { units });
    return index < sizes.length - 2 ? activation(z) : z;
  }, x);
  return { outputs, parameters: [...declarations.leaves.values()] };
}

/** One whole step: forward, softmax cross-entropy, backward, Adam; the data stays in place. */
function training(sizes: readonly number[], batch: number): Step {
  let parameters: readonly Declaration[] = [];
  const correct = adam.scalars(adamOptions);
  const traced = trace((t) => {
    const x = t.input("x", { dtype: "F32", shape: [batch, sizes[0]!] });
    const labels = t.input("labels", { dtype: "I32", shape: [batch] });
    const net = mlp(t, x, sizes, (z) => z.relu());
    parameters = net.parameters;
    const loss = net.outputs.crossEntropy(labels).mean();
    const slopes = gradients(
      loss,
      parameters.map(({ tensor }) => tensor),
    );
    const scalars = Object.fromEntries(
      Object.keys(correct(1, 1)).map((name) => [name, t.input(name, { dtype: "F32", shape: [] })]),
    );
    const updates = parameters.flatMap(({ path, tensor }, index) => {
      const slots = { mean: t.state(`mean.${path}`, tensor), square: t.state(`square.${path}`, tensor) };
      const updated = adam.update({ parameter: tensor, gradient: slopes[index]!, slots, scalars }, adamOptions);
      return [
        [path, updated.parameter],
        [`mean.${path}`, updated.slots.mean!],
        [`square.${path}`, updated.slots.square!],
      ] as const;
    });
    return { outputs: { loss }, updates: Object.fromEntries(updates) };
  });
  const program = prepare(traced, parameters);
  program.inputs.x!.set(uniform(batch * sizes[0]!));
  program.inputs.labels!.set(Int32Array.from({ length: batch }, (_, row) => row % sizes.at(-1)!));
  let step = 0;
  return () => {
    for (const [name, value] of Object.entries(correct(++step, LEARNING_RATE))) program.inputs[name]![0] = value;
    program.run();
  };
}

function forward(sizes: readonly number[], batch: number): Step {
  let parameters: readonly Declaration[] = [];
  const traced = trace((t) => {
    const x = t.input("x", { dtype: "F32", shape: [batch, sizes[0]!] });
    const net = mlp(t, x, sizes, (z) => z.tanh());
    parameters = net.parameters;
    return { outputs: { logits: net.outputs } };
  });
  const program = prepare(traced, parameters);
  program.inputs.x!.set(uniform(batch * sizes[0]!));
  return () => void program.run();
}

function prepare(traced: Traced, parameters: readonly Declaration[]) {
  const types = Object.fromEntries(
    Object.entries(traced.states).map(([path, { dtype, shape }]) => [path, { dtype, shape }]),
  );
  const state = machine.createState(types);
  for (const { path, type, initialiser } of parameters) {
    state.write(path, { ...type, data: initialiser(type.shape, createRandom(0, "weights", path)) });
  }
  return machine.compile(traced, state);
}

const uniform = (length: number) => Float32Array.from({ length }, () => Math.random());

const CASES: Readonly<Record<string, () => Step>> = {
  "mlp-small": () => training([4, 64, 64, 2], 64),
  "mlp-mnist": () => training([784, 128, 10], 64),
  "mlp-wide": () => training([784, 512, 512, 10], 128),
  policy: () => forward([4, 64, 64, 2], 1),
};

const answer = (message: unknown) => process.stdout.write(`${JSON.stringify(message)}\n`);
answer({ name: `ml-sidecar ${packageJson.version}` });
const steps = new Map<string, Step>();
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as { case: string; steps: number };
  const step = steps.get(order.case) ?? CASES[order.case]!();
  steps.set(order.case, step);
  const start = performance.now();
  for (let count = 0; count < order.steps; count++) step();
  answer({ milliseconds: (performance.now() - start) / order.steps });
}
