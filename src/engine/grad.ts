/** @file The reverse pass, from graph to graph: it asks each op's rule for what flows back, and adds up what meets. */
import { Fault } from "./fault.ts";
import type { Node } from "./graph.ts";
import { opOf } from "./ops/index.ts";
import type { Few } from "./ops/op.ts";
import { sameShape, showShape } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/**
 * The derivative of `loss` with respect to each tensor of `of`, in its shape; zeros where the loss does not depend on it.
 * What comes back is graph like any other, so it can be differentiated again.
 * @param loss a scalar, F32
 */
export function gradients(loss: Tensor, of: readonly Tensor[]): Tensor[] {
  if (loss.dtype !== "F32" || loss.shape.length !== 0) {
    throw new Fault("SHAPE_MISMATCH", `gradients need a scalar F32 loss, got ${loss.dtype}${showShape(loss.shape)}`, {
      hint: "reduce it first: .mean() or .sum()",
    });
  }
  const integer = of.find((tensor) => tensor.dtype !== "F32");
  if (integer !== undefined) {
    throw new Fault("DTYPE_UNSUPPORTED", `there is no gradient with respect to ${integer.dtype}`, {
      hint: "ask for gradients of F32 tensors",
    });
  }
  return pullBack(loss, [loss.constant(1)], of, false);
}

/** What flows into a node's input: to which of that input's results (0 but for `part`), and how much. */
interface Flow {
  readonly input: Node;
  readonly part: number;
  readonly gradient: Tensor;
}

/**
 * Pulls `seeds`, the gradients of the results of `output` (one, for most ops), back to `of`.
 * @param stopThere whether the tensors of `of` count as given, so that nothing is sought behind them
 */
function pullBack(output: Tensor, seeds: readonly Tensor[], of: readonly Tensor[], stopThere: boolean): Tensor[] {
  const targets = new Set(of.map((tensor) => tensor.node));
  const needed = pathsTo(output.node, targets, stopThere);
  const arrived = new Map<Node, (Tensor | undefined)[]>([[output.node, [...seeds]]]);
  for (const node of [...needed].sort((a, b) => b.id - a.id)) {
    const flowing = arrived.get(node);
    if (flowing === undefined || (stopThere && targets.has(node))) continue;
    for (const { input, part, gradient } of flowsFrom(new Tensor(output.graph, node), flowing, needed)) {
      const sums = arrived.get(input) ?? [];
      sums[part] = sums[part]?.add(gradient) ?? gradient;
      arrived.set(input, sums);
    }
  }
  return of.map((tensor) => arrived.get(tensor.node)?.[0] ?? tensor.constant(0).broadcastTo(tensor.shape));
}

/** The nodes through which `output` depends on any of `targets`, both ends included. Nothing flows through integers. */
function pathsTo(output: Node, targets: ReadonlySet<Node>, stopThere: boolean): Set<Node> {
  const reached = new Set([output]);
  for (const node of reached) {
    if (stopThere && targets.has(node)) continue;
    for (const input of node.inputs) reached.add(input);
  }
  const paths = new Set<Node>();
  for (const node of [...reached].sort((a, b) => a.id - b.id)) {
    const isReal = (node.parts ?? [node]).some(({ dtype }) => dtype === "F32");
    if (isReal && (targets.has(node) || node.inputs.some((input) => paths.has(input)))) paths.add(node);
  }
  return paths;
}

function flowsFrom(output: Tensor, flowing: readonly (Tensor | undefined)[], needed: ReadonlySet<Node>): Flow[] {
  const { node, graph } = output;
  if (node.op === "part") {
    return [{ input: node.inputs[0]!, part: node.attributes.index as number, gradient: flowing[0]! }];
  }
  const op = opOf(node);
  if (op === undefined) return [];
  const inputs = output.inputs as readonly Tensor[] as Few<Tensor>;
  const { attributes } = node;
  const parts = node.parts === undefined ? [output] : node.parts.map((_, index) => output.part(index));
  const partGradients = parts.map((part, index) => flowing[index] ?? part.constant(0).broadcastTo(part.shape));

  if (op.gradient === undefined) {
    const wanted = [...new Set(node.inputs)].filter((input) => needed.has(input));
    const simpler = op.decompose!({ inputs, output: node, attributes });
    const found = pullBack(
      simpler,
      partGradients,
      wanted.map((input) => new Tensor(graph, input)),
      true,
    );
    return found.map((gradient, i) => ({ input: wanted[i]!, part: 0, gradient }));
  }
  const rules = op.gradient;
  return node.inputs.flatMap((input, index): Flow[] => {
    const rule = rules[Math.min(index, rules.length - 1)];
    if (!rule || !needed.has(input)) return [];
    const gradient = rule(partGradients[0]!, { inputs, output, attributes, index, parts, partGradients });
    expectGradientShape(node, index, gradient);
    return [{ input, part: 0, gradient }];
  });
}

function expectGradientShape(node: Node, index: number, gradient: Tensor): void {
  const wanted = node.inputs[index]!.shape;
  if (sameShape(gradient.shape, wanted)) return;
  throw new Fault(
    "INTERNAL",
    `the gradient rule of \`${node.op}\` gives ${showShape(gradient.shape)} for input ${index} of ${showShape(wanted)}`,
    { hint: "a gradient has the shape of the input it belongs to" },
  );
}
