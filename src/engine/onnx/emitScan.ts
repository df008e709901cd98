/** @file A loop over sequences as ONNX's Scan: its body a graph inside the node, so that a sequence may have any length. */
import type { Body, Node } from "../graph.ts";
import { type ScanAttributes, sorted } from "../ops/body.ts";
import type { Assembler } from "./assemble.ts";
import type { GraphProto, ValueInfoProto } from "./schema.ts";
import { ONNX_DTYPES } from "./tensors.ts";

/** Emits a body. @param given what its inputs go by @returns what its outputs go by */
export type EmitBody = (body: Body, assembler: Assembler, given: readonly string[]) => string[];

/** @returns the last carries, and the stacks */
export function emitScan(
  { inputs, parts, attributes }: Node,
  assembler: Assembler,
  values: ReadonlyMap<Node, string>,
  emitBody: EmitBody,
): string[] {
  const scan = attributes as ScanAttributes;
  const { body, carries, sequences, reverse } = scan;
  const outer = sorted(
    inputs.map((input) => values.get(input)!),
    scan,
  );
  const own = body.inputs.slice(0, carries + sequences).map(({ dtype }, index) => ({
    name: assembler.fresh(index < carries ? "carry" : "element"),
    dtype,
  }));
  const given = [...own.map(({ name }) => name), ...outer.given];
  const { nodes, result } = assembler.inside(() => emitBody(body, assembler, given));
  // without shapes, which follow from what goes in
  const typed = (name: string, dtype: Node["dtype"]): ValueInfoProto => ({
    name,
    type: { tensorType: { elemType: ONNX_DTYPES[dtype] } },
  });
  const graph: GraphProto = {
    name: assembler.fresh("step"),
    node: nodes,
    input: own.map(({ name, dtype }) => typed(name, dtype)),
    output: result.map((name, index) => typed(name, body.outputs[index]!.dtype)),
  };
  const all = (count: number) => ({ ints: new Array<number>(count).fill(Number(reverse)) });
  return assembler.nodes(
    "Scan",
    [...outer.carry, ...outer.over],
    {
      body: { graph },
      num_scan_inputs: { int: sequences },
      ...(reverse && { scan_input_directions: all(sequences), scan_output_directions: all(parts!.length - carries) }),
    },
    parts!.length,
  );
}
