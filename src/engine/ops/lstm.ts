/**
 * @file A long short-term memory along whole sequences, as executors know it whole, and its gradients. What the steps found and
 * what their gates said comes out beside the results, for the way back; gradients of weights are then products over all steps.
 */
import type { TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectDType, expectRank, expectShape, expectThat } from "./expect.ts";
import {
  inOrder,
  keptShape,
  type LstmForm,
  type LstmGradientsForm,
  lstmGradientsSizes,
  lstmSizes,
  scanBackOf,
  scanOf,
  takeSteps,
  takeStepsBack,
} from "./lstmSteps.ts";
import { type Applied, type Few, op, type Sample, type SampleInput } from "./op.ts";
import { constantOf } from "./pointwise.ts";
import { booleans, reals } from "./samples.ts";

const f32 = (...shape: number[]): TensorType => ({ dtype: "F32", shape });
const isZero = (tensor: Tensor) => constantOf(tensor) === 0;

function expectMarks(marks: readonly TensorType[], least: number, time: number, batch: number): void {
  expectThat(
    marks.length >= least && marks.length <= least + 1,
    `${marks.length} marks`,
    "pass those that the form names",
  );
  for (const mark of marks) {
    expectDType(mark, "BOOL");
    expectShape(mark, [time, batch], "a mark");
  }
}

/** Gradients that were found together, by the gradients that they were found from: the rule is asked input by input. */
const found = new WeakMap<readonly Tensor[], readonly Tensor[]>();

/** By input, of the real ones. */
function gradientsOf({ inputs, attributes, parts, partGradients, pullBack }: Applied<LstmForm>): Tensor[] {
  const { time, batch, features, hidden } = lstmSizes(inputs);
  const [, weightIh, weightHh] = inputs;
  const [dOutputs, dHidden, dCell, ...ofKept] = partGradients as Few<Tensor>;
  const [read, cells, gates] = parts.slice(3) as readonly Tensor[] as Few<Tensor>;
  const stacked = !isZero(dOutputs);
  const others = [cells, gates, dHidden, dCell, ...(stacked ? [dOutputs] : []), ...inputs.slice(6)];
  const back = weightHh.op("lstmGradients", { ...attributes, stacked }, ...others);
  const [steps, width, reads] = [time * batch, 4 * hidden, features + hidden];
  const slopes = back.part(0).reshape([steps, width]);
  const ofWeights = read.reshape([steps, reads]).transpose().matmul(slopes);
  const own = [
    inOrder(slopes.matmul(weightIh.transpose()).reshape(keptShape(time, batch, features))),
    ofWeights.slice([0, 0], [features, width]),
    ofWeights.slice([features, 0], [reads, width]),
    slopes.sum(0),
    back.part(1),
    back.part(2),
  ];
  if (ofKept.every(isZero)) return own;
  // Gradients of gradients flow through what was kept, too.
  const more = pullBack(scanOf(inputs, attributes).slice(3), ofKept, inputs.slice(0, 6));
  return own.map((gradient, i) => gradient.add(more[i]!));
}

const sequences = (time: number, batch: number, marks: number): SampleInput[] =>
  Array.from({ length: marks }, () => booleans([time, batch]));

function forwardInputs(time: number, batch: number, features: number, hidden: number, marks: number): SampleInput[] {
  const width = 4 * hidden;
  const states = [reals([batch, hidden], -1, 1), reals([batch, hidden])];
  const weights = [reals([features, width], -1, 1), reals([hidden, width], -1, 1), reals([width], -1, 1)];
  return [reals([time, batch, features]), ...weights, ...states, ...sequences(time, batch, marks)];
}

function backwardInputs(time: number, batch: number, hidden: number, stacks: number, marks: number): SampleInput[] {
  const states = [reals([batch, hidden], -1, 1), reals([batch, hidden])];
  const kept = [reals(keptShape(time, batch, hidden)), reals(keptShape(time, batch, 4 * hidden), 0, 1)];
  const stacked = Array.from({ length: stacks }, () => reals([time, batch, hidden]));
  return [reals([hidden, 4 * hidden], -1, 1), ...kept, ...states, ...stacked, ...sequences(time, batch, marks)];
}

export const lstm = {
  /**
   * An LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000) over x [time, batch, features], with weights
   * [features, 4 · hidden] and [hidden, 4 · hidden], a bias [4 · hidden], and a hidden state and a cell [batch, hidden] to begin with;
   * gates in PyTorch's order: input, forget, candidate, output. Marks are BOOL [time, batch]: where `masked`, the first says where
   * sequences go on; elsewhere outputs are zeros and states stay. Before steps that a further one marks states are emptied.
   * Results: outputs [time, batch, hidden]; the last hidden state and cell; and what gradients need, in blocks of rows [blocks, time,
   * rows, …]: features and hidden state that each step read [… features + hidden], the cell that it found [… hidden], its gates
   * [… 4 · hidden].
   */
  lstm: op<LstmForm>({
    type(inputs, { masked }) {
      const [x, weightIh, weightHh, bias, ...states] = inputs;
      for (const input of inputs.slice(0, 6)) expectDType(input, "F32");
      expectRank(x, 3, "the sequences", 3);
      expectRank(weightHh, 2, "the hidden state's weights", 2);
      const { time, batch, features, hidden } = lstmSizes(inputs);
      expectShape(weightIh, [features, 4 * hidden], "the input's weights");
      expectShape(weightHh, [hidden, 4 * hidden], "the hidden state's weights");
      expectShape(bias, [4 * hidden], "the bias");
      for (const state of states.slice(0, 2)) expectShape(state, [batch, hidden], "a first state");
      expectMarks(inputs.slice(6), Number(masked), time, batch);
      const [stack, state] = [f32(time, batch, hidden), f32(batch, hidden)];
      const kept = [features + hidden, hidden, 4 * hidden].map((width) => f32(...keptShape(time, batch, width)));
      const parts = [stack, state, state, ...kept];
      return { ...stack, parts };
    },
    gradient: [
      (_dy, at) => {
        const gradients = found.get(at.partGradients) ?? gradientsOf(at);
        found.set(at.partGradients, gradients);
        return gradients[at.index]!;
      },
    ],
    reference: (inputs, _first, form, results) => takeSteps(inputs, results, form),
    onnx: { form: "decomposition" },
    samples(size): Sample<LstmForm>[] {
      const few: Sample<LstmForm>[] = [
        { inputs: forwardInputs(3, size, 2, 4, 0), attributes: { reverse: false, masked: false } },
        { inputs: forwardInputs(2, size, 3, 4, 2), attributes: { reverse: true, masked: true } },
      ];
      if (size > 20) return few;
      return [
        ...few,
        { inputs: forwardInputs(size, 2, 1, 3, 1), attributes: { reverse: true, masked: false } },
        { inputs: forwardInputs(size, 5, 1, 12, 1), attributes: { reverse: false, masked: true } },
      ];
    },
    cost: ({ inputs }) => {
      const { time, batch, features, hidden } = lstmSizes(inputs);
      return time * batch * hidden * (8 * (features + hidden) + 60);
    },
    decompose: ({ inputs, attributes }) => scanOf(inputs, attributes),
  }),
  /**
   * What flows back through the steps of `lstm`, from its second weights, the cells and gates that it kept, the gradients of its last
   * hidden state and cell, where `stacked` that of its outputs, and its marks.
   * Results: gradients of the gates before their functions, in blocks as the gates are, and of the first hidden state and cell.
   */
  lstmGradients: op<LstmGradientsForm>({
    type(inputs, { masked, stacked }) {
      const [weightHh, cells, gates, ...states] = inputs;
      for (const input of inputs.slice(0, stacked ? 6 : 5)) expectDType(input, "F32");
      expectRank(cells, 4, "the cells", 4);
      const { time, batch, hidden } = lstmGradientsSizes(inputs);
      expectShape(weightHh, [hidden, 4 * hidden], "the hidden state's weights");
      expectShape(gates, keptShape(time, batch, 4 * hidden), "the gates");
      for (const state of states.slice(0, 2)) expectShape(state, [batch, hidden], "a last state's gradient");
      if (stacked) expectShape(inputs[5]!, [time, batch, hidden], "the outputs' gradient");
      expectMarks(inputs.slice(stacked ? 6 : 5), Number(masked), time, batch);
      const [slopes, state] = [f32(...keptShape(time, batch, 4 * hidden)), f32(batch, hidden)];
      return { ...slopes, parts: [slopes, state, state] };
    },
    reference: (inputs, _first, form, results) => takeStepsBack(inputs, results, form),
    onnx: { form: "decomposition" },
    samples(size): Sample<LstmGradientsForm>[] {
      const few: Sample<LstmGradientsForm>[] = [
        { inputs: backwardInputs(3, size, 4, 0, 0), attributes: { reverse: false, masked: false, stacked: false } },
        { inputs: backwardInputs(2, size, 4, 1, 2), attributes: { reverse: true, masked: true, stacked: true } },
      ];
      if (size > 20) return few;
      return [
        ...few,
        { inputs: backwardInputs(size, 2, 3, 1, 1), attributes: { reverse: true, masked: false, stacked: true } },
        { inputs: backwardInputs(size, 5, 12, 0, 1), attributes: { reverse: false, masked: true, stacked: false } },
      ];
    },
    cost: ({ inputs }) => {
      const { time, batch, hidden } = lstmGradientsSizes(inputs);
      return time * batch * hidden * (8 * hidden + 40);
    },
    decompose: ({ inputs, attributes }) => scanBackOf(inputs, attributes),
  }),
};
