/**
 * @file A loop over the first axis of sequences that carries values from step to step: recurrence as one node. The step is
 * a body, a graph of its own, so that a long sequence is no longer a program than a short one.
 */
import { type Body, createGraph, type Node } from "../graph.ts";
import { type Shape, showShape, sizeOf, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { instantiate, resultsOf, type ScanAttributes, sorted } from "./body.ts";
import { expectSameDType, expectShape, expectThat } from "./expect.ts";
import { op, type ReferenceArray, type Sample } from "./op.ts";
import { reals } from "./samples.ts";
import { scanGradients } from "./scanGradients.ts";

export type { ScanAttributes } from "./body.ts";

/** The order in which steps are taken. */
function stepsOf({ length, reverse }: ScanAttributes): number[] {
  return Array.from({ length }, (_, step) => (reverse ? length - 1 - step : step));
}

/** Element t of a sequence [length, ...rest] → [...rest]. */
function elementOf(sequence: Tensor, t: number): Tensor {
  return sequence.slice([t], [t + 1, ...sequence.shape.slice(1)]).reshape(sequence.shape.slice(1));
}

/** Gradients that were found together, by the gradients that they were found from: rules are asked input by input. */
const found = new WeakMap<readonly Tensor[], readonly (Tensor | undefined)[]>();

/** A recurrent layer with 2 units: h' = tanh(h · w + x), stacking h'². */
function recurrence(rows: number): Body {
  const graph = createGraph();
  const f32 = (...shape: number[]): TensorType => ({ dtype: "F32", shape });
  const [h, x, w] = [f32(rows, 2), f32(rows, 2), f32(2, 2)].map((type, i) =>
    graph.add("input", [], { name: `${i}` }, type),
  ) as [Node, Node, Node];
  const product = graph.add("matmul", [h, w], {}, f32(rows, 2));
  const next = graph.add("tanh", [graph.add("add", [product, x], {}, f32(rows, 2))], {}, f32(rows, 2));
  return { inputs: [h, x, w], outputs: [next, graph.add("square", [next], {}, f32(rows, 2))] };
}

export const scanning = {
  scan: op<ScanAttributes>({
    type(inputs, attributes) {
      const { body, length } = attributes;
      const own = sorted(inputs, attributes);
      const wanted = sorted(body.inputs, attributes);
      expectThat(
        inputs.length === body.inputs.length,
        `${inputs.length} inputs for a body of ${body.inputs.length}`,
        "pass what the body takes",
      );
      const sequenceOf = (shape: Shape) => [length, ...shape];
      own.carry.forEach((carry, i) => {
        expectShape(carry, wanted.carry[i]!.shape, `carry ${i}`);
        expectShape(body.outputs[i]!, carry.shape, `carry ${i} after a step`);
        expectSameDType([carry, wanted.carry[i]!, body.outputs[i]!]);
      });
      own.over.forEach((sequence, i) => {
        expectShape(sequence, sequenceOf(wanted.over[i]!.shape), `sequence ${i}`);
      });
      own.given.forEach((given, i) => {
        expectShape(given, wanted.given[i]!.shape, `given ${i}`);
      });
      const stacks = body.outputs
        .slice(own.carry.length)
        .map(({ dtype, shape }) => ({ dtype, shape: sequenceOf(shape) }));
      const parts: TensorType[] = [...own.carry.map(({ dtype, shape }) => ({ dtype, shape })), ...stacks];
      expectThat(parts.length > 0, `a scan of ${showShape([length])} without results`, "carry or stack something");
      return { ...parts[0]!, parts };
    },
    gradient: [
      (_dy, at) => {
        const gradients = found.get(at.partGradients) ?? scanGradients(at);
        found.set(at.partGradients, gradients);
        return gradients[at.index]!;
      },
    ],
    reference(inputs, _first, attributes, outputs, evaluate) {
      const { carries } = attributes;
      const own = sorted(inputs, attributes);
      let carry = own.carry.map((array) => ({ ...array, data: array.data.slice() }) as ReferenceArray);
      for (const t of stepsOf(attributes)) {
        const elements = own.over.map(({ dtype, shape, data }): ReferenceArray => {
          const length = sizeOf(shape.slice(1));
          return { dtype, shape: shape.slice(1), data: data.slice(t * length, (t + 1) * length) };
        });
        const results = evaluate(attributes.body, [...carry, ...elements, ...own.given]);
        carry = results.slice(0, carries);
        results.slice(carries).forEach(({ data }, i) => {
          outputs[carries + i]!.data.set(data, t * data.length);
        });
      }
      carry.forEach(({ data }, i) => {
        outputs[i]!.data.set(data);
      });
    },
    onnx: { form: "scan" },
    samples: (size): Sample<ScanAttributes>[] => {
      if (size > 20) return [];
      return [false, true].map((reverse) => ({
        inputs: [reals([3, 2]), reals([size, 3, 2]), reals([2, 2], -1, 1)],
        attributes: { body: recurrence(3), carries: 1, sequences: 1, length: size, reverse },
      }));
    },
    cost: ({ attributes }) =>
      (attributes.length as number) *
      (attributes.body as Body).outputs.reduce((sum, { shape }) => sum + 10 * sizeOf(shape), 0),
    /** Every step written out. */
    decompose({ inputs, output, attributes }) {
      const { carries } = attributes;
      const own = sorted(inputs, attributes);
      let carry = own.carry;
      const stacks: Tensor[][] = output.parts!.slice(carries).map(() => []);
      for (const t of stepsOf(attributes)) {
        const elements = own.over.map((sequence) => elementOf(sequence, t));
        const results = resultsOf(instantiate(attributes.body, [...carry, ...elements, ...own.given]), attributes.body);
        carry = results.slice(0, carries);
        results.slice(carries).forEach((result, i) => {
          stacks[i]![t] = result.reshape([1, ...result.shape]);
        });
      }
      const joined = stacks.map((list, i) => {
        const empty = () =>
          inputs[0].constant(0, output.parts![carries + i]!.dtype).broadcastTo(output.parts![carries + i]!.shape);
        return list.length === 0 ? empty() : list[0]!.concat(list.slice(1), 0);
      });
      return [...carry, ...joined];
    },
  }),
};
