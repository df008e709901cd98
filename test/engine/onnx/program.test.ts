import { beforeEach, describe, expect, it } from "vitest";
import { createMachine } from "../../../src/engine/executors/machine/index.ts";
import { openOnnx } from "../../../src/engine/executors/onnxruntime/session.ts";
import { gradients } from "../../../src/engine/grad.ts";
import type { Traced } from "../../../src/engine/graph.ts";
import { encodeOnnx } from "../../../src/engine/onnx/codec.ts";
import { exportLoop, exportProgram, nextOf } from "../../../src/engine/onnx/program.ts";
import { type NdArray, sizeOf } from "../../../src/engine/shape.ts";
import type { Tensor } from "../../../src/engine/tensor.ts";
import { trace } from "../../../src/engine/trace.ts";
import { needsOnnxruntime } from "./needs-onnxruntime.ts";

const BATCH = 4;

/** Classification of small images, by gradient descent with momentum. */
function step(logits: (x: Tensor, weight: (name: string, ...shape: number[]) => Tensor) => Tensor): Traced {
  return trace((t) => {
    const names: string[] = [];
    const weights: Tensor[] = [];
    const x = t.input("x", { dtype: "F32", shape: [BATCH, 1, 6, 6] });
    const labels = t.input("labels", { dtype: "I32", shape: [BATCH] });
    const loss = logits(x, (name, ...shape) => {
      names.push(name);
      weights.push(t.state(name, { dtype: "F32", shape }));
      return weights.at(-1)!;
    })
      .crossEntropy(labels)
      .mean();
    const slopes = gradients(loss, weights);
    const updates: Record<string, Tensor> = {};
    weights.forEach((weight, index) => {
      const path = `momentum.${names[index]!}`;
      const momentum = t.state(path, weight).mul(0.9).add(slopes[index]!);
      updates[path] = momentum;
      updates[names[index]!] = weight.sub(momentum.mul(0.1));
    });
    return { outputs: { loss }, updates };
  });
}

const PROGRAMS = {
  "a perceptron": step((x, weight) =>
    x
      .reshape([BATCH, 36])
      .matmul(weight("first", 36, 8))
      .add(weight("bias", 8))
      .tanh()
      .matmul(weight("second", 8, 3)),
  ),
  "a convolution with pooling and batch normalization": step((x, weight) => {
    const image = x.conv(weight("kernel", 4, 1, 3, 3), { padding: 1 });
    const [mean, variance] = [image.mean([0, 2, 3]), image.variance([0, 2, 3])];
    const [scale, shift] = [weight("scale", 4).add(1), weight("shift", 4)];
    const seen = image.batchNorm({ scale, shift, mean, variance }).relu().maxPool([2, 2]);
    return seen.reshape([BATCH, 36]).matmul(weight("dense", 36, 3));
  }),
};

const wave = (shape: readonly number[], phase: number): Float32Array =>
  Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(phase + 1.7 * i));

const STEPS = 5;
const batches = Array.from({ length: STEPS }, (_, index) => ({
  x: wave([BATCH, 1, 6, 6], index),
  labels: Int32Array.from({ length: BATCH }, (_unused, row) => (row + index) % 3),
}));

const initial = (traced: Traced): Record<string, NdArray> =>
  Object.fromEntries(
    Object.entries(traced.states).map(([path, { shape }]) => {
      const isMomentum = path.startsWith("momentum");
      const data = isMomentum ? new Float32Array(sizeOf(shape)) : wave(shape, path.length).map((value) => value / 4);
      return [path, { dtype: "F32", shape, data }];
    }),
  );

function onTheMachine(traced: Traced): { losses: number[]; states: Record<string, Float32Array> } {
  const machine = createMachine({ threads: 1 });
  const state = machine.createState(traced.states);
  for (const [path, value] of Object.entries(initial(traced))) state.write(path, value);
  const program = machine.compile(traced, state);
  const losses = batches.map(({ x, labels }) => {
    program.inputs.x!.set(x as never);
    program.inputs.labels!.set(labels as never);
    program.run();
    return Number(program.outputs.loss![0]);
  });
  const states = Object.keys(traced.states).map((path) => [path, state.read(path).data as Float32Array]);
  return { losses, states: Object.fromEntries(states) };
}

async function stepByStep(traced: Traced) {
  const session = await openOnnx(encodeOnnx(exportProgram({ name: "step", traced, opset: 17 })));
  let states = initial(traced);
  const losses: number[] = [];
  for (const { x, labels } of batches) {
    const results = await session.run({
      ...states,
      x: { dtype: "F32", shape: [BATCH, 1, 6, 6], data: x },
      labels: { dtype: "I32", shape: [BATCH], data: labels },
    });
    losses.push(Number((results.loss as NdArray).data[0]));
    states = Object.fromEntries(Object.keys(states).map((path) => [path, results[nextOf(path)] as NdArray]));
  }
  return { losses, states };
}

const joined = <T extends Float32Array | Int32Array>(arrays: readonly T[], into: T): T => {
  arrays.forEach((array, index) => {
    into.set(array, index * array.length);
  });
  return into;
};

async function inOneLoop(traced: Traced) {
  const session = await openOnnx(encodeOnnx(exportLoop({ name: "steps", traced, opset: 17 }, STEPS)));
  const images = joined(
    batches.map(({ x }) => x),
    new Float32Array(STEPS * BATCH * 36),
  );
  const labels = joined(
    batches.map((batch) => batch.labels),
    new Int32Array(STEPS * BATCH),
  );
  return session.run({
    ...initial(traced),
    x: { dtype: "F32", shape: [STEPS, BATCH, 1, 6, 6], data: images },
    labels: { dtype: "I32", shape: [STEPS, BATCH], data: labels },
  });
}

describe("a training step as plain ONNX", () => {
  beforeEach(needsOnnxruntime);

  it.each(Object.entries(PROGRAMS))("trains %s in onnxruntime as on our machine", async (_name, traced) => {
    const ours = onTheMachine(traced);
    const theirs = await stepByStep(traced);
    theirs.losses.forEach((loss, index) => {
      expect(loss).toBeCloseTo(ours.losses[index]!, 5);
    });
    for (const [path, { data }] of Object.entries(theirs.states)) {
      data.forEach((value, index) => {
        expect(Number(value), `${path}[${index}]`).toBeCloseTo(ours.states[path]![index]!, 4);
      });
    }
  });

  it.each(Object.entries(PROGRAMS))("gives the same bits for %s in one loop", async (_name, traced) => {
    const single = await stepByStep(traced);
    const looped = await inOneLoop(traced);
    expect(Array.from((looped.loss as NdArray).data, Number)).toEqual(single.losses);
    for (const [path, { data }] of Object.entries(single.states)) {
      expect((looped[nextOf(path)] as NdArray).data, path).toEqual(data);
    }
  });
});
