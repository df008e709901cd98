/** @file Gradient checkpointing: values that the reverse pass computes again instead of keeping them (Chen et al. 2016). */
import { isReal } from "../dtype.ts";
import type { Node } from "../graph.ts";
import type { Tensor } from "../tensor.ts";
import { type Applied, type None, op } from "./op.ts";
import { reals } from "./samples.ts";

/** Gradients that were found together: rules are asked input by input. */
const found = new WeakMap<readonly Tensor[], readonly (Tensor | undefined)[]>();

/** The gradients of all that a segment is computed from, through the segment computed once more. */
function throughSegment({ inputs, partGradients, pullBack }: Applied<None>): readonly (Tensor | undefined)[] {
  const [end, ...given] = inputs as readonly Tensor[] as [Tensor, ...Tensor[]];
  const anew = given.map((tensor) => tensor.again());
  const moved = new Map<Node, Node>(given.map(({ node }, i) => [node, anew[i]!.node]));
  const move = (node: Node): Node => {
    const known = moved.get(node);
    if (known !== undefined) return known;
    const isLeaf = node.inputs.length === 0;
    const next = isLeaf ? node : end.graph.add(node.op, node.inputs.map(move), node.attributes, node);
    moved.set(node, next);
    return next;
  };
  const real = anew.filter(({ dtype }) => isReal(dtype));
  const gradients = real.length === 0 ? [] : pullBack([end.handle(move(end.node))], partGradients, real);
  return [undefined, ...anew.map(({ dtype }) => (isReal(dtype) ? gradients.shift() : undefined))];
}

export const recomputation = {
  /**
   * The first input, the end of a segment of the graph that the others are all that it is computed from. To the reverse
   * pass it is a function of those others: it computes the segment again.
   */
  checkpoint: op<None>({
    type: ([end]) => ({ dtype: end.dtype, shape: end.shape }),
    gradient: [
      null,
      (_dy, at) => {
        const gradients = found.get(at.partGradients) ?? throughSegment(at);
        found.set(at.partGradients, gradients);
        return gradients[at.index]!;
      },
    ],
    reference: ([end], y) => y.data.set(end.data),
    onnx: { form: "decomposition" },
    // Its inputs depend on each other: checkpoint.test.ts has what fits.
    samples: () => [],
    cost: () => 0,
    decompose: ({ inputs: [end] }) => end,
  }),
  /** The input itself. What is computed from it is not taken for what was computed from the input before. */
  again: op<None>({
    type: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
    gradient: [(dy) => dy],
    reference: ([x], y) => y.data.set(x.data),
    onnx: "Identity",
    samples: (size) => [{ inputs: [reals([size])], attributes: {} }],
    cost: () => 0,
  }),
};
