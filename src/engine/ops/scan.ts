/**
 * @file A loop over the first axis of sequences that carries values from step to step: recurrence as one node. The step is
 * a body, a graph of its own, so that a long sequence is no longer a program than a short one.
 */
import { Fault } from "../fault.ts";
import { type Body, createGraph, type Node } from "../graph.ts";
import { type Shape, showShape, sizeOf, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectSameDType, expectShape, expectThat } from "./expect.ts";
import { type Applied, op, type ReferenceArray, type Sample } from "./op.ts";
import { reals } from "./samples.ts";

/**
 * The node's inputs are the first carries, the sequences [length, ...], and what is given to every step; the body's are the
 * same with one element of each sequence. The body's outputs are the next carries, and what is stacked. The node's results
 * are the last carries, and the stacks [length, ...].
 */
export type ScanAttributes = {
  body: Body;
  carries: number;
  sequences: number;
  length: number;
  /** From the last element to the first; stacks keep the order of the sequences. */
  reverse: boolean;
};

/** Inputs of a scan, or of its body, by what they are for. */
function sorted<T>(
  inputs: readonly T[],
  { carries, sequences }: ScanAttributes,
): { carry: T[]; over: T[]; given: T[] } {
  const end = carries + sequences;
  return { carry: inputs.slice(0, carries), over: inputs.slice(carries, end), given: inputs.slice(end) };
}

/** The order in which steps are taken. */
function stepsOf({ length, reverse }: ScanAttributes): number[] {
  return Array.from({ length }, (_, step) => (reverse ? length - 1 - step : step));
}

/** The body's nodes again, on the graph and on the values of `inputs`; its outputs there. */
function instantiate(body: Body, inputs: readonly Tensor[]): Tensor[] {
  const { graph } = inputs[0]!;
  const moved = new Map<Node, Node>(body.inputs.map((input, i) => [input, inputs[i]!.node]));
  const move = (node: Node): Node => {
    const known = moved.get(node) ?? graph.add(node.op, node.inputs.map(move), node.attributes, node);
    moved.set(node, known);
    return known;
  };
  return body.outputs.map((output) => inputs[0]!.handle(move(output)));
}

/** Element t of a sequence [length, ...rest] → [...rest]. */
function elementOf(sequence: Tensor, t: number): Tensor {
  return sequence.slice([t], [t + 1, ...sequence.shape.slice(1)]).reshape(sequence.shape.slice(1));
}

/** A body traced by `build` from inputs of the given types, all on a graph of its own. */
export function traceBody(
  like: Tensor,
  types: readonly TensorType[],
  build: (inputs: Tensor[]) => readonly Tensor[],
): Body {
  const graph = createGraph();
  const inputs = types.map((type, i) => like.leafOfBody(graph, `${i}`, type));
  const outputs = build([...inputs]);
  if (outputs.some((output) => output.graph !== graph)) {
    throw new Fault("INVALID_STATE", "a step gives a tensor that it was not given", {
      hint: "pass to the scan, as `given`, what its steps use from outside",
    });
  }
  return { inputs: inputs.map(({ node }) => node), outputs: outputs.map(({ node }) => node) };
}

function resultsOf(inputs: readonly Tensor[], attributes: ScanAttributes): Tensor[] {
  return inputs[0]!.scan(inputs.slice(1), attributes);
}

const isReal = ({ dtype }: TensorType) => dtype === "F32";

/** Gradients that were found together, by the gradients that they were found from: rules are asked input by input. */
const found = new WeakMap<readonly Tensor[], readonly (Tensor | undefined)[]>();

/**
 * The gradients of all inputs by one scan in the other direction. Its carries are the gradients of the carries, and sums of
 * the gradients of what is given; its sequences the carries that each step began with, the elements, and the gradients of
 * the stacks.
 */
function backward({
  inputs,
  attributes,
  partGradients,
  pullBack,
}: Applied<ScanAttributes>): readonly (Tensor | undefined)[] {
  const { body, carries, length, reverse } = attributes;
  const own = sorted(inputs, attributes);
  const element = (sequence: Tensor): TensorType => ({ dtype: sequence.dtype, shape: sequence.shape.slice(1) });

  // The same steps, which also stack the carries that they begin with.
  const remembering: Body = { inputs: body.inputs, outputs: [...body.outputs, ...body.inputs.slice(0, carries)] };
  const begun = resultsOf(inputs, { ...attributes, body: remembering }).slice(body.outputs.length);

  const realCarries = own.carry.filter(isReal);
  const realGiven = own.given.filter(isReal);
  const stacked = partGradients.slice(carries);
  const zeros = realGiven.map((tensor) => tensor.constant(0).broadcastTo(tensor.shape));
  const carry = [...partGradients.filter((_, i) => i < carries && isReal(own.carry[i]!)), ...zeros];
  const over = [...begun, ...own.over, ...stacked];

  const step = traceBody(inputs[0], [...carry, ...over.map(element), ...own.given], (all) => {
    const take = (count: number) => all.splice(0, count);
    const [dCarry, sums] = [take(realCarries.length), take(zeros.length)];
    const [c, x, dStacked, w] = [take(carries), take(own.over.length), take(stacked.length), all];
    const results = instantiate(body, [...c, ...x, ...w]);
    const roots = [...results.slice(0, carries).filter(isReal), ...results.slice(carries)];
    const of = [...c.filter(isReal), ...w.filter(isReal), ...x.filter(isReal)];
    const gradients = of.length === 0 ? [] : pullBack(roots, [...dCarry, ...dStacked], of);
    return gradients.map((gradient, i) => {
      const sum = sums[i - realCarries.length];
      return sum === undefined ? gradient : sum.add(gradient);
    });
  });
  const results = resultsOf([...carry, ...over, ...own.given], {
    body: step,
    carries: carry.length,
    sequences: over.length,
    length,
    reverse: !reverse,
  });
  const [dCarry, dGiven, dOver] = [
    results.slice(0, realCarries.length),
    results.slice(realCarries.length, carry.length),
    results.slice(carry.length),
  ];
  const place = (kind: readonly Tensor[], gradients: Tensor[]) =>
    kind.map((tensor) => (isReal(tensor) ? gradients.shift() : undefined));
  return [...place(own.carry, dCarry), ...place(own.over, dOver), ...place(own.given, dGiven)];
}

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
        const gradients = found.get(at.partGradients) ?? backward(at);
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
    onnx: { form: "decomposition" },
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
        const results = instantiate(attributes.body, [...carry, ...elements, ...own.given]);
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
