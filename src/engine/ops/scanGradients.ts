/**
 * @file The gradients of a scan: one scan in the other direction. What was dear to compute is remembered from the way
 * there, step by step, and what is cheap computed again. Sums over the steps that are products or sums themselves, such as
 * the gradients of weights, are left out of the loop: one product over all steps at once.
 */
import { type Body, createGraph, type Node } from "../graph.ts";
import { sizeOf, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { instantiate, resultsOf, type ScanAttributes, sorted } from "./body.ts";
import { opOf } from "./index.ts";
import type { Applied } from "./op.ts";
import { constantOf } from "./pointwise.ts";

/** Operations an element above which a value is remembered rather than computed again. */
const DEAR = 8;

const typeOf = ({ dtype, shape }: TensorType): TensorType => ({ dtype, shape });
const isReal = ({ dtype }: TensorType) => dtype === "F32";
const isZero = (tensor: Tensor) => constantOf(tensor) === 0;

function isDear(node: Node): boolean {
  const cost = opOf(node)?.cost?.(node) ?? 0;
  return node.parts === undefined && isReal(node) && node.inputs.length > 0 && cost >= DEAR * sizeOf(node.shape);
}

/** A sum over the steps that can be had from stacks of what each step has. */
interface SumOverSteps {
  readonly stacks: readonly Node[];
  /** From the stacks [length, ...], in the same order. */
  total(stacks: readonly Tensor[]): Tensor;
}

function sumOverSteps(node: Node): SumOverSteps | null {
  const [a, b] = node.inputs as readonly [Node, Node];
  const { attributes } = node;
  if (node.op === "add") {
    const [left, right] = [a, b].map((each) => sumOverSteps(each));
    if (!left || !right) return null;
    const count = left.stacks.length;
    return {
      stacks: [...left.stacks, ...right.stacks],
      total: (stacks) => left.total(stacks.slice(0, count)).add(right.total(stacks.slice(count))),
    };
  }
  if (node.op === "reshape" || node.op === "permute") {
    const inner = sumOverSteps(a);
    if (inner === null) return null;
    return {
      stacks: inner.stacks,
      total: (stacks) =>
        node.op === "reshape"
          ? inner.total(stacks).reshape(node.shape)
          : inner.total(stacks).permute(attributes.axes as number[]),
    };
  }
  if (node.op === "sum") {
    const axes = (attributes.axes as number[]).map((axis) => axis + 1);
    return { stacks: [a], total: ([stack]) => stack!.sum([0, ...axes]).reshape(node.shape) };
  }
  if (node.op === "matmul" && node.shape.length === 2) {
    // Σ aₜ · bₜ is one product whose depth runs over the steps too.
    const isTransposed = a.op === "permute" && (a.attributes.axes as number[])[0] === 1;
    const [rows, columns] = node.shape as [number, number];
    return {
      stacks: [isTransposed ? a.inputs[0]! : a, b],
      total: ([left, right]) =>
        (isTransposed ? left!.reshape([-1, rows]).transpose() : left!.permute([1, 0, 2]).reshape([rows, -1])).matmul(
          right!.reshape([-1, columns]),
        ),
    };
  }
  return null;
}

/** The nodes that `roots` are computed from, not looked for behind those that `isGiven`. */
function reached(roots: readonly Node[], isGiven: (node: Node) => boolean): Set<Node> {
  const all = new Set(roots);
  for (const node of all) if (!isGiven(node)) for (const input of node.inputs) all.add(input);
  return all;
}

/** By input of the scan; undefined for integers. */
export function scanGradients({
  inputs,
  attributes,
  partGradients,
  pullBack,
}: Applied<ScanAttributes>): readonly (Tensor | undefined)[] {
  const { body, carries, length, reverse } = attributes;
  const own = sorted(inputs, attributes);
  const graph = createGraph();
  let leaves = 0;
  const leaf = (type: TensorType) => inputs[0].leafOfBody(graph, `${leaves++}`, typeOf(type));
  const leafOfElement = ({ dtype, shape }: TensorType) => leaf({ dtype, shape: shape.slice(1) });

  // One step back, as if each step before were computed again in full.
  const [c, x, w] = [own.carry.map(leaf), own.over.map(leafOfElement), own.given.map(leaf)];
  const [realC, realX, realW] = [c, x, w].map((kind) => kind.filter(isReal)) as [Tensor[], Tensor[], Tensor[]];
  const flowing = partGradients.slice(carries).filter((gradient) => !isZero(gradient));
  const dCarry = realC.map(leaf);
  const dStacked = flowing.map(leafOfElement);
  const forward = instantiate(body, [...c, ...x, ...w]);
  const results = resultsOf(forward, body);
  const roots = [
    ...results.slice(0, carries).filter(isReal),
    ...results.slice(carries).filter((_, i) => !isZero(partGradients[carries + i]!)),
  ];
  const of = [...realC, ...realW, ...realX];
  const gradients = of.length === 0 ? [] : pullBack(roots, [...dCarry, ...dStacked], of);
  const nextC = gradients.slice(0, realC.length);
  const stepW = gradients.slice(realC.length, realC.length + realW.length);
  const stepX = gradients.slice(realC.length + realW.length);

  const outside = stepW.map(({ node }) => sumOverSteps(node));
  const inside = stepW.filter((_, i) => outside[i] === null);
  const stacked = [...new Set([...stepX.map(({ node }) => node), ...outside.flatMap((sum) => sum?.stacks ?? [])])];

  // What the steps there already had: it enters as a sequence.
  const before = new Map<Node, Node>();
  for (const [node, tensor] of forward) if (!before.has(tensor.node)) before.set(tensor.node, node);
  const isCarried = new Set(c.map(({ node }) => node));
  const isRemembered = (node: Node) => isCarried.has(node) || (before.has(node) && isDear(node));
  const needed = reached([...[...nextC, ...inside].map(({ node }) => node), ...stacked], isRemembered);
  const remembered = [...needed].filter(isRemembered);
  const remembering: Body = {
    inputs: body.inputs,
    outputs: [...body.outputs, ...remembered.map((node) => before.get(node)!)],
  };
  const memories = inputs[0].scan(inputs.slice(1), { ...attributes, body: remembering }).slice(body.outputs.length);

  const sums = inside.map(leaf);
  const entering = new Map(remembered.map((node) => [node, isCarried.has(node) ? node : leaf(node).node]));
  const rebuilt = new Map<Node, Node>(entering);
  const rebuild = (node: Node): Node => {
    const known = rebuilt.get(node);
    if (known !== undefined) return known;
    const same = node.inputs.length === 0 ? node : graph.add(node.op, node.inputs.map(rebuild), node.attributes, node);
    rebuilt.set(node, same);
    return same;
  };

  /** Sequences by the leaf that stands for their element, as far as a step reads them, or at least one. */
  const sequences = new Map<Node, Tensor>([
    ...remembered.map((node, i) => [entering.get(node)!, memories[i]!] as const),
    ...x.map(({ node }, i) => [node, own.over[i]!] as const),
    ...dStacked.map(({ node }, i) => [node, flowing[i]!] as const),
  ]);
  const leaving = stacked.filter((node) => !sequences.has(rebuild(node)));
  const outputs = [
    ...nextC.map(({ node }) => rebuild(node)),
    ...inside.map(({ node }, i) => graph.add("add", [sums[i]!.node, rebuild(node)], {}, typeOf(node))),
    ...leaving.map(rebuild),
  ];
  const read = reached(outputs, () => false);
  const over = [...sequences.keys()].filter((node, i) => read.has(node) || i === 0);
  const given = w.filter(({ node }) => read.has(node));
  const zeros = sums.map(({ shape }) => inputs[0].constant(0).broadcastTo(shape));
  const carry = [...partGradients.filter((_, i) => i < carries && isReal(own.carry[i]!)), ...zeros];
  const operands = [
    ...carry,
    ...over.map((node) => sequences.get(node)!),
    ...own.given.filter((_, i) => read.has(w[i]!.node)),
  ];
  const back =
    outputs.length === 0
      ? []
      : operands[0]!.scan(operands.slice(1), {
          body: {
            inputs: [
              ...dCarry.map(({ node }) => node),
              ...sums.map(({ node }) => node),
              ...over,
              ...given.map(({ node }) => node),
            ],
            outputs,
          },
          carries: carry.length,
          sequences: over.length,
          length,
          reverse: !reverse,
        });

  const ofCarry = back.slice(0, nextC.length);
  const ofSums = back.slice(nextC.length, carry.length);
  leaving.forEach((node, i) => {
    sequences.set(rebuild(node), back[carry.length + i]!);
  });
  const sequenceOf = (node: Node) => sequences.get(rebuild(node))!;
  const ofGiven = outside.map((sum) => sum?.total(sum.stacks.map(sequenceOf)) ?? ofSums.shift()!);
  const ofOver = stepX.map(({ node }) => sequenceOf(node));
  const place = (kind: readonly Tensor[], gradientsOfKind: Tensor[]) =>
    kind.map((tensor) => (isReal(tensor) ? gradientsOfKind.shift() : undefined));
  return [...place(own.carry, ofCarry), ...place(own.over, ofOver), ...place(own.given, ofGiven)];
}
