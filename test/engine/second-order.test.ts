/** @file Second derivatives that train, on the machine: a critic whose slope is held to 1, and weights that learn to learn. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createMachine,
  gradients,
  type Program,
  random,
  type State,
  type Tensor,
  type TensorType,
  type Tracer,
  trace,
} from "../../src/engine/index.ts";

const machine = createMachine();
afterAll(() => machine.close());

const f32 = (...shape: number[]): TensorType => ({ dtype: "F32", shape });

/** Repeatable numbers in [0, 1). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Weights and biases of a multilayer perceptron, and a running mean of each one's squared gradient. */
function typesOf(name: string, sizes: readonly number[]): Record<string, TensorType> {
  return Object.fromEntries(
    sizes.slice(1).flatMap((outputs, i) => [
      [`${name}.${i}.weight`, f32(sizes[i]!, outputs)],
      [`${name}.${i}.bias`, f32(outputs)],
    ]),
  );
}

function createState(parameters: Readonly<Record<string, TensorType>>): State {
  const slots = Object.entries(parameters).map(([path, type]) => [`square.${path}`, type] as const);
  const state = machine.createState({ ...parameters, ...Object.fromEntries(slots) });
  const next = sequence(11);
  for (const [path, { shape }] of Object.entries(parameters)) {
    const length = shape.reduce((product, size) => product * size, 1);
    const scale = shape.length === 2 ? Math.sqrt(3 / shape[0]!) : 0;
    const data = Float32Array.from({ length }, () => (2 * next() - 1) * scale);
    state.write(path, { dtype: "F32", shape, data });
  }
  return state;
}

function leavesOf(t: Tracer, types: Readonly<Record<string, TensorType>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(types).map(([path, type]) => [path, t.state(path, type)]));
}

/** Layers of tanh, the last one linear. Weights [..., inputs, outputs] have a batch of their own, or none. */
function forward(leaves: Readonly<Record<string, Tensor>>, x: Tensor): Tensor {
  const tensors = Object.values(leaves);
  let y = x;
  for (let i = 0; i < tensors.length; i += 2) {
    const bias = tensors[i + 1]!;
    const sum = y.matmul(tensors[i]!).add(bias.reshape([...bias.shape.slice(0, -1), 1, bias.shape.at(-1)!]));
    y = i + 2 < tensors.length ? sum.tanh() : sum;
  }
  return y;
}

/** One step of RMSprop. */
function descend(t: Tracer, loss: Tensor, leaves: Readonly<Record<string, Tensor>>, rate: number) {
  const slopes = gradients(loss, Object.values(leaves));
  return Object.fromEntries(
    Object.entries(leaves).flatMap(([path, value], i) => {
      const slope = slopes[i]!;
      const square = t.state(`square.${path}`, value.node).mul(0.95).add(slope.square().mul(0.05));
      return [
        [path, value.sub(slope.div(square.sqrt().add(1e-4)).mul(rate))],
        [`square.${path}`, square],
      ];
    }),
  );
}

describe("a Wasserstein GAN with gradient penalty (Gulrajani et al. 2017)", () => {
  const [batch, radius] = [64, 2];
  const critic = typesOf("critic", [2, 32, 32, 1]);
  const generator = typesOf("generator", [2, 32, 32, 2]);

  /** Points on a circle, drawn inside the program. */
  function real(rng: Tensor): Tensor {
    const angle = random.uniform(rng, [batch, 1]).mul(2 * Math.PI);
    return angle.cos().concat([angle.sin()], 1).mul(radius);
  }
  function generated(t: Tracer, rng: Tensor): Tensor {
    return forward(leavesOf(t, generator), random.normal(rng, [batch, 2]));
  }
  /** The length of the critic's slope at each point: [batch]. */
  function slopeAt(leaves: Readonly<Record<string, Tensor>>, points: Tensor): Tensor {
    const [slope] = gradients(forward(leaves, points).sum(), [points]);
    return slope!.square().sum(1).add(1e-12).sqrt();
  }

  /** Trains both; means over the last quarter of the rounds. */
  function trained(penaltyWeight: number) {
    const state = createState({ ...critic, ...generator });
    const rngType: TensorType = { dtype: "I32", shape: [4] };
    const criticStep = machine.compile(
      trace((t) => {
        const rng = t.input("rng", rngType);
        const leaves = leavesOf(t, critic);
        const [truth, fake] = [real(rng), generated(t, rng)];
        const between = truth.add(fake.sub(truth).mul(random.uniform(rng, [batch, 1])));
        const slopes = slopeAt(leaves, between);
        const distance = forward(leaves, truth).mean().sub(forward(leaves, fake).mean());
        const loss = slopes.sub(1).square().mean().mul(penaltyWeight).sub(distance);
        return { outputs: { slope: slopes.mean() }, updates: descend(t, loss, leaves, 2e-3) };
      }),
      state,
    );
    const generatorStep = machine.compile(
      trace((t) => {
        const points = generated(t, t.input("rng", rngType));
        const loss = forward(leavesOf(t, critic), points).mean().neg();
        const outputs = { radius: points.square().sum(1).sqrt().mean(), variance: points.variance(0).mean() };
        return { outputs, updates: descend(t, loss, leavesOf(t, generator), 1e-3) };
      }),
      state,
    );
    const [rounds, counted] = [600, 150];
    const means = { slope: 0, radius: 0, variance: 0 };
    let steps = 0;
    const run = (program: Program) => {
      program.inputs.rng![2] = ++steps;
      program.run();
    };
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 4; i++) run(criticStep);
      run(generatorStep);
      if (round < rounds - counted) continue;
      means.slope += Number(criticStep.outputs.slope![0]) / counted;
      means.radius += Number(generatorStep.outputs.radius![0]) / counted;
      means.variance += Number(generatorStep.outputs.variance![0]) / counted;
    }
    criticStep.release();
    generatorStep.release();
    state.release();
    return means;
  }

  let held: ReturnType<typeof trained>;
  beforeAll(() => {
    held = trained(1);
  });
  it("holds the critic's slope between the two near 1", () => expect(Math.abs(held.slope - 1)).toBeLessThan(0.15));
  it("lets it grow when the penalty weighs nothing", () => expect(trained(0).slope).toBeGreaterThan(1.5));
  it("brings the generated points to the circle", () => expect(Math.abs(held.radius - radius)).toBeLessThan(0.4));
  it("spreads them as the circle's points are spread", () =>
    expect(Math.abs(held.variance - radius ** 2 / 2)).toBeLessThan(0.6));
});

describe("model-agnostic meta-learning (Finn et al. 2017)", () => {
  const [tasks, points, innerRate] = [8, 10, 0.05];
  const types = typesOf("network", [1, 32, 32, 1]);
  const batch = f32(tasks, points, 1);

  const errorOf = (leaves: Readonly<Record<string, Tensor>>, x: Tensor, y: Tensor): Tensor =>
    forward(leaves, x).sub(y).square().mean([1, 2]);

  /** Each task's own weights, [tasks, ...], after one step down the error of its own points. */
  function adapted(leaves: Readonly<Record<string, Tensor>>, x: Tensor, y: Tensor): Record<string, Tensor> {
    const paths = Object.keys(leaves);
    const own = Object.values(leaves).map((value) => value.broadcastTo([tasks, ...value.shape]));
    const copies = Object.fromEntries(paths.map((path, i) => [path, own[i]!]));
    const slopes = gradients(errorOf(copies, x, y).sum(), own);
    return Object.fromEntries(paths.map((path, i) => [path, own[i]!.sub(slopes[i]!.mul(innerRate))]));
  }

  /** Sine curves of their own amplitude and phase: some points to adapt to, others to be judged by. */
  function drawTasks(next: () => number, program: Program): void {
    for (let task = 0; task < tasks; task++) {
      const [amplitude, phase] = [0.5 + 2.5 * next(), Math.PI * next()];
      for (let i = 0; i < points; i++) {
        for (const part of ["given", "asked"]) {
          const x = 10 * next() - 5;
          program.inputs[`${part}.x`]![task * points + i] = x;
          program.inputs[`${part}.y`]![task * points + i] = amplitude * Math.sin(x - phase);
        }
      }
    }
  }

  const build = (throughStep: boolean) => (t: Tracer) => {
    const leaves = leavesOf(t, types);
    const [x, y, askedX, askedY] = ["given.x", "given.y", "asked.x", "asked.y"].map((name) => t.input(name, batch)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const before = errorOf(leaves, askedX, askedY).mean();
    const after = errorOf(adapted(leaves, x, y), askedX, askedY).mean();
    return { outputs: { before, after }, updates: descend(t, throughStep ? after : before, leaves, 1e-3) };
  };

  /** Trains on tasks from one stream; then the errors on tasks from another, before and after their inner step. */
  function trained(throughStep: boolean) {
    const state = createState(types);
    const training = machine.compile(trace(build(throughStep)), state);
    const next = sequence(3);
    for (let step = 0; step < 1000; step++) {
      drawTasks(next, training);
      training.run();
    }
    const judged = machine.compile(
      trace((t) => ({ outputs: build(throughStep)(t).outputs })),
      state,
    );
    const unseen = sequence(4);
    const errors = { before: 0, after: 0 };
    for (let round = 0; round < 20; round++) {
      drawTasks(unseen, judged);
      judged.run();
      errors.before += Number(judged.outputs.before![0]) / 20;
      errors.after += Number(judged.outputs.after![0]) / 20;
    }
    training.release();
    judged.release();
    state.release();
    return errors;
  }

  it("learns weights from which one step fits a curve that it has not seen", () => {
    const through = trained(true);
    expect(through.after).toBeLessThan(0.5 * through.before);
  });
  it("needs the derivative through the step for that: the same step spoils weights trained without it", () => {
    const past = trained(false);
    expect(past.after).toBeGreaterThan(past.before);
  });
});
