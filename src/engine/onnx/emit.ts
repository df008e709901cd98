/** @file Nodes of a graph as operators of ONNX: decomposes what ONNX has none for, emits the rest by the op table's forms. */
import { DTYPES, type TypedArray } from "../dtype.ts";
import { Fault } from "../fault.ts";
import type { Node, Traced } from "../graph.ts";
import { opOf } from "../ops/index.ts";
import type { Few } from "../ops/op.ts";
import { optimise } from "../passes/index.ts";
import { broadcastShapes, type NdArray, sameShape, sizeOf, type TensorType } from "../shape.ts";
import type { Assembler } from "./assemble.ts";
import { type EmitBody, emitScan } from "./emitScan.ts";

/** The same program of ops that ONNX has an operator, or a short expression, for. */
export const emittable = (traced: Traced): Traced => optimise(traced, isEmittedWhole);

const formOf = (op: string) => opOf({ op })?.onnx;

function isEmittedWhole(op: string): boolean {
  const form = formOf(op);
  return typeof form !== "object" || form.form !== "decomposition";
}

const isScan = ({ op }: Node): boolean => {
  const form = formOf(op);
  return typeof form === "object" && form.form === "scan";
};

/**
 * Emits what `roots` need, in order, and notes each node's value.
 * @param values those that stand already, such as inputs
 * @param state says what a state is called, the first time that one is needed
 */
export function emit(
  roots: readonly Node[],
  assembler: Assembler,
  values: Map<Node, string>,
  state: (node: Node) => string,
): void {
  /** Of nodes with several results, which `part` nodes read. */
  const results = new Map<Node, readonly string[]>();
  let place = "";
  for (const node of needed(roots)) {
    if (values.has(node)) continue;
    if (node.op === "state") values.set(node, state(node));
    else if (node.op === "constant") values.set(node, assembler.constant(constantOf(node)));
    else if (node.op === "part") values.set(node, results.get(node.inputs[0]!)![node.attributes.index as number]!);
    else {
      place = placeOf(node) ?? place;
      const put = (): void => {
        if (isScan(node)) results.set(node, emitScan(node, assembler, values, emitBody));
        else values.set(node, emitOp(node, assembler, values));
      };
      if (place === "") put();
      else assembler.within(place, put);
    }
  }
}

/** The layer whose weights a node reads: nodes are named by it, and by its kind, until another layer's are read. */
function placeOf(node: Node): string | undefined {
  const path = operandsOf(node).find(({ op }) => op === "state")?.attributes.path as string | undefined;
  return path === undefined ? undefined : path.slice(0, Math.max(0, path.lastIndexOf(".")));
}

/** A body's nodes, and what its outputs go by. */
const emitBody: EmitBody = ({ inputs, outputs }, assembler, given) => {
  const named = (nodes: readonly Node[]) => Object.fromEntries(nodes.map((node, index) => [`${index}`, node]));
  const traced = { inputs: named(inputs), outputs: named(outputs), states: {}, updates: {} } as unknown as Traced;
  const body = emittable(traced);
  const values = new Map(Object.values(body.inputs).map((input, index) => [input, given[index]!]));
  const results = Object.values(body.outputs);
  emit(results, assembler, values, () => {
    throw new Fault("INTERNAL", "a state inside a loop");
  });
  // an output of a body must be computed in it
  return results.map((result) => assembler.node("Identity", [values.get(result)!]));
};

function emitOp(node: Node, assembler: Assembler, values: ReadonlyMap<Node, string>): string {
  const { onnx: form, onnxSince = 0 } = opOf(node) ?? {};
  if (assembler.opset < onnxSince) {
    throw new Fault("ONNX_OPERATOR_UNSUPPORTED", `\`${node.op}\` needs opset ${onnxSince}`, {
      violations: [
        { path: "opset", message: "too old", expected: `${onnxSince} or later`, got: String(assembler.opset) },
      ],
      hint: `ask for opset ${onnxSince} or later`,
    });
  }
  const inputs = operandsOf(node).map((input) => values.get(input)!);
  if (typeof form === "string") return assembler.node(form, inputs);
  if (typeof form === "function") {
    const types = node.inputs as readonly TensorType[] as Few<TensorType>;
    return form(assembler, inputs as readonly string[] as Few<string>, {
      inputs: types,
      output: node,
      attributes: node.attributes,
    });
  }
  const because = typeof form === "object" && form.form === "none" ? form.because : "it has no ONNX form";
  throw new Fault("ONNX_OPERATOR_UNSUPPORTED", `\`${node.op}\` cannot be exported: ${because}`, {
    hint: "export the model's prediction, not its training step, or use a layer that ONNX has",
  });
}

/** The nodes that `roots` depend on, inputs before their readers. */
export function needed(roots: readonly Node[]): Node[] {
  const reached = new Set(roots);
  for (const node of reached) for (const input of operandsOf(node)) reached.add(input);
  return [...reached].sort((a, b) => a.id - b.id);
}

/** ONNX broadcasts by itself: the inputs of a pointwise op may stand as they were before `broadcast`. */
function operandsOf(node: Node): readonly Node[] {
  if (opOf(node)?.pointwise !== true) return node.inputs;
  const sources = node.inputs.map((input) => (input.op === "broadcast" ? input.inputs[0]! : input));
  return sameShape(broadcastShapes(...sources.map(({ shape }) => shape)), node.shape) ? sources : node.inputs;
}

function constantOf({ dtype, shape, attributes: { value } }: Node): NdArray {
  const data = typeof value === "number" ? new DTYPES[dtype].array(sizeOf(shape)).fill(value as never) : value;
  return { dtype, shape, data: data as TypedArray };
}
