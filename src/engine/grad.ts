/** @file The reverse pass, from graph to graph: it asks each op's rule for what flows back, and adds up what meets. */
import { isReal } from "./dtype.ts";
import { Fault } from "./fault.ts";
import type { Node } from "./graph.ts";
import { opOf } from "./ops/index.ts";
import type { Few } from "./ops/op.ts";
import { sameShape, showShape } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/**
 * The derivative of `loss` with respect to each tensor of `of`, in its shape and F32; zeros where the loss does not depend on it.
 * What comes back is graph like any other, so it can be differentiated again.
 * @param loss a scalar, F32
 */
export function gradients(loss: Tensor, of: readonly Tensor[]): Tensor[] {
  if (loss.dtype !== "F32" || loss.shape.length !== 0) {
    throw new Fault("SHAPE_MISMATCH", `gradients need a scalar F32 loss, got ${loss.dtype}${showShape(loss.shape)}`, {
      hint: "reduce it first: .mean() or .sum()",
    });
  }
  const integer = of.find(({ dtype }) => !isReal(dtype));
  if (integer !== undefined) {
    throw new Fault("DTYPE_UNSUPPORTED", `there is no gradient with respect to ${integer.dtype}`, {
      hint: "ask for gradients of real tensors",
    });
  }
  return pullBack([loss], [loss.constant(1)], of, false);
}

/** What flows into a node's input: to which of that input's results (0 but for `part`), and how much. */
interface Flow {
  readonly input: Node;
  readonly part: number;
  readonly gradient: Tensor;
}

/**
 * Pulls `seeds`, the gradients of `roots`, back to `of`.
 * @param stopThere whether the tensors of `of` count as given, so that nothing is sought behind them
 */
function pullBack(
  roots: readonly Tensor[],
  seeds: readonly Tensor[],
  of: readonly Tensor[],
  stopThere: boolean,
): Tensor[] {
  const targets = new Set(of.map((tensor) => tensor.node));
  const needed = pathsTo(
    roots.map((root) => root.node),
    targets,
    stopThere,
  );
  const arrived = new Map<Node, Tensor[][]>();
  const arrive = ({ input, part, gradient }: Flow) => {
    const parts = arrived.get(input) ?? [];
    parts[part] = gather(parts[part] ?? [], gradient);
    arrived.set(input, parts);
  };
  roots.forEach((root, i) => {
    if (root.dtype === "F32") arrive({ input: root.node, part: 0, gradient: seeds[i]! });
  });
  for (const node of [...needed].sort((a, b) => b.id - a.id)) {
    const flowing = arrived.get(node)?.map(total);
    if (flowing === undefined || (stopThere && targets.has(node))) continue;
    for (const flow of flowsFrom(new Tensor(roots[0]!.graph, node), flowing, needed)) arrive(flow);
  }
  return of.map((tensor) => total(arrived.get(tensor.node)?.[0] ?? []) ?? tensor.constant(0).broadcastTo(tensor.shape));
}

/** What has arrived and one more; blocks side by side, as the parts of a split send back, are put together, not added. */
function gather(before: readonly Tensor[], last: Tensor): Tensor[] {
  for (const [index, other] of before.entries()) {
    const sum = other.node.op === last.node.op ? opOf(last.node)?.sum?.(other, last) : undefined;
    if (sum) return gather(before.toSpliced(index, 1), sum);
  }
  return [...before, last];
}

function total([first, ...others]: readonly Tensor[]): Tensor | undefined {
  return first && others.reduce((sum, gradient) => sum.add(gradient), first);
}

/** The nodes through which `roots` depend on any of `targets`, both ends included. Nothing flows through integers. */
function pathsTo(roots: readonly Node[], targets: ReadonlySet<Node>, stopThere: boolean): Set<Node> {
  const reached = new Set(roots);
  for (const node of reached) {
    if (stopThere && targets.has(node)) continue;
    for (const input of node.inputs) reached.add(input);
  }
  const paths = new Set<Node>();
  for (const node of [...reached].sort((a, b) => a.id - b.id)) {
    const carriesReals = (node.parts ?? [node]).some(({ dtype }) => isReal(dtype));
    if (carriesReals && (targets.has(node) || node.inputs.some((input) => paths.has(input)))) paths.add(node);
  }
  return paths;
}

/** Of a function of `of`: what lies behind them is not its concern. */
function pullBackToGiven(roots: readonly Tensor[], seeds: readonly Tensor[], of: readonly Tensor[]): Tensor[] {
  return pullBack(roots, seeds, of, true);
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
    const simpler = [op.decompose!({ inputs, output: node, attributes })].flat();
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
    const gradient = rule(partGradients[0]!, {
      inputs,
      output,
      attributes,
      index,
      parts,
      partGradients,
      pullBack: pullBackToGiven,
    });
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
