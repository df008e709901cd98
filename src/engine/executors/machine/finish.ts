/**
 * @file Products that finish what they have made: sums with a bias, with the way around or with another product, and a factor,
 * are put on each block of the result while it stands in the second-level cache, and are no instruction of their own.
 */
import type { Node } from "../../graph.ts";
import { sizeOf } from "../../shape.ts";
import { broadcastAccess, source } from "./access.ts";
import type { Group } from "./group.ts";
import { FINISH_ADD, FINISH_ADD_ROW, FINISH_MULTIPLY, FINISH_RELU } from "./kernels/layout.ts";
import type { Lowered } from "./lowering.ts";
import { canFinish, matmul } from "./product.ts";

/** What is done to all elements of a product; `operand` is what is read for it, in C order, or a row for every row. */
export interface Finish {
  readonly kind: number;
  readonly operand?: Node;
}

/** More than these are better done by a chain. */
const MOST_STEPS = 2;

interface Uses {
  producers(node: Node): readonly Node[];
  isWanted(node: Node): boolean;
}

/** A node's operand as a step of a product with so many columns; undefined where no step reads it so. */
function operandOf(input: Node, product: Node): Finish | undefined {
  const operand = source(input);
  if (operand.op === "constant") return undefined;
  if (operand.op !== "broadcast") return { kind: FINISH_ADD, operand };
  const access = broadcastAccess(operand);
  const columns = product.shape.at(-1)!;
  if (access === undefined || access.base.op === "constant") return undefined;
  const isRow =
    access.pattern.inner === 1 && access.pattern.middle === columns && sizeOf(access.base.shape) === columns;
  return isRow ? { kind: FINISH_ADD_ROW, operand: access.base } : undefined;
}

/** The steps by which the nodes of a chain follow from the product; undefined where they are more than that. */
function stepsFrom(product: Node, nodes: readonly Node[]): Finish[] | undefined {
  const steps: Finish[] = [];
  let last = product;
  for (const node of nodes) {
    const at = node.inputs.findIndex((input) => source(input) === last);
    if (at === -1) return undefined;
    if (node.op === "relu") steps.push({ kind: FINISH_RELU });
    else {
      if (node.op !== "add" && node.op !== "mul") return undefined;
      const step = operandOf(node.inputs[1 - at]!, product);
      if (step === undefined || step.operand === last) return undefined;
      if (node.op === "add") steps.push(step);
      else if (step.kind === FINISH_ADD) steps.push({ ...step, kind: FINISH_MULTIPLY });
      else return undefined;
    }
    last = node;
  }
  return steps;
}

/** Groups of which each product that one short chain alone reads does that chain's work; the chain's nodes follow the product. */
export function finished(groups: readonly Group[], { producers, isWanted }: Uses): Group[] {
  const readers = new Map<Node, number>();
  for (const { nodes } of groups) {
    for (const node of nodes) for (const read of producers(node)) readers.set(read, (readers.get(read) ?? 0) + 1);
  }
  const isPassing = (node: Node) => readers.get(node) === 1 && !isWanted(node);
  const into = new Map<number, number>();
  const positionOf = new Map(groups.map(({ nodes }, index) => [nodes[0]!, index] as const));
  const merged = groups.map((group, index): Group => {
    const { nodes, isPointwise, dependencies } = group;
    if (!isPointwise || nodes.length > MOST_STEPS || !nodes.slice(0, -1).every(isPassing)) return group;
    const products = nodes[0]!.inputs.map(source).filter((node) => node.op === "matmul" && isPassing(node));
    const product = products.find((node) => canFinish(node) && stepsFrom(node, nodes) !== undefined);
    if (product === undefined) return group;
    const from = positionOf.get(product)!;
    into.set(from, index);
    const before = new Set([...dependencies, ...groups[from]!.dependencies]);
    before.delete(from);
    return { nodes: [product, ...nodes], isPointwise: false, dependencies: [...before] };
  });
  if (into.size === 0) return merged;
  const alive = merged.flatMap((_, index) => (into.has(index) ? [] : [index]));
  const places = new Map(alive.map((index, place) => [index, place]));
  const place = (index: number) => places.get(into.get(index) ?? index)!;
  return alive.map((index) => ({ ...merged[index]!, dependencies: merged[index]!.dependencies.map(place) }));
}

/** Lowers a product and the chain that follows from it to one instruction. */
export function finishedProduct(product: Node, following: readonly Node[], context: Lowered): void {
  const steps = stepsFrom(product, following)!.map(({ kind, operand }) =>
    operand === undefined ? { kind } : { kind, operand: context.read(operand) },
  );
  matmul(product, context, steps, following.map(({ op }) => `+${op}`).join(""));
}
