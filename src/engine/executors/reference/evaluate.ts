/** @file One node, or one body of nodes, by the op table's loops. */
import type { Body, Node } from "../../graph.ts";
import { opOf } from "../../ops/index.ts";
import type { Few, ReferenceArray } from "../../ops/op.ts";
import { constantArray, emptyArray } from "../../ops/values.ts";
import { upstream } from "../../passes/rewrite.ts";

/** Results by node: one for most, several for ops with parts. */
export type Values = ReadonlyMap<Node, readonly ReferenceArray[]>;

/** Writes a node's results, which have a place in `values`, from its inputs'. A leaf stands there already. */
export function compute(node: Node, values: Values): void {
  const op = opOf(node);
  if (op === undefined) return;
  // A `part` reads one of its input's results; any other op reads the only one.
  const index = node.op === "part" ? (node.attributes.index as number) : 0;
  const inputs = node.inputs.map((input) => values.get(input)![index]!);
  const outputs = values.get(node)!;
  op.reference(
    inputs as readonly ReferenceArray[] as Few<ReferenceArray>,
    outputs[0]!,
    node.attributes,
    outputs,
    evaluate,
  );
}

/** A body's outputs on values of its inputs, in arrays of their own. */
export function evaluate({ inputs, outputs }: Body, given: readonly ReferenceArray[]): ReferenceArray[] {
  const values = new Map<Node, readonly ReferenceArray[]>(inputs.map((input, i) => [input, [given[i]!]]));
  for (const node of upstream(outputs)) {
    if (values.has(node)) continue;
    const isConstant = node.op === "constant";
    values.set(
      node,
      isConstant ? [constantArray(node, node.attributes.value as number)] : (node.parts ?? [node]).map(emptyArray),
    );
    compute(node, values);
  }
  return outputs.map((output) => values.get(output)![0]!);
}
