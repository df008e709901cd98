/** @file A traced graph as an ONNX model: decomposes what ONNX has no operator for, emits the rest by the op table's forms. */
import { DTYPES, type TypedArray } from "../dtype.ts";
import { Fault } from "../fault.ts";
import type { Node, Traced } from "../graph.ts";
import { opOf } from "../ops/index.ts";
import type { Few } from "../ops/op.ts";
import { optimise } from "../passes/index.ts";
import { broadcastShapes, type NdArray, sameShape, sizeOf, type TensorType } from "../shape.ts";
import { type Assembler, assemble, type Draft } from "./assemble.ts";
import type { GraphProto, ModelProto } from "./schema.ts";
import { unify } from "./unify.ts";

/** The opsets that can be written, and the IR version that came with each: the lower, the more hosts read it. */
export const IR_VERSIONS: Readonly<Record<number, number>> = { 17: 8, 18: 8, 19: 9, 20: 9, 21: 10 };

export interface OnnxExport {
  /** The graph's name. */
  readonly name: string;
  /** The model at a batch size. It is called for two sizes, to see what follows the batch. */
  trace(batch: number): Traced;
  /** The value of a state, by its path; states become initialisers under that name. */
  weights(path: string): NdArray;
  /** 17 to 21; 17 when left out. */
  readonly opset?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** What is computed before the traced graph: gives the value for each of its inputs, and declares the file's inputs. */
  before?(assembler: Assembler): Readonly<Record<string, string>>;
  /** What is computed after it, from its outputs' values: declares the file's outputs. */
  after?(assembler: Assembler, outputs: Readonly<Record<string, string>>): void;
}

/** Two sizes that no layer has, so that a dimension is not taken for the batch by chance. */
const BATCH_SIZES = [1009, 2003] as const;

/**
 * @throws Fault INVALID_PARAMS for an opset that is not offered; ONNX_OPERATOR_UNSUPPORTED where an op has no ONNX form or
 * the model depends on the batch size other than by shapes.
 */
export function exportGraph(options: OnnxExport): ModelProto {
  const { opset = 17 } = options;
  const irVersion = IR_VERSIONS[opset];
  if (irVersion === undefined) {
    const message = `opset ${opset} is not offered`;
    throw new Fault("INVALID_PARAMS", message, {
      violations: [{ path: "opset", message, expected: Object.keys(IR_VERSIONS).join(", "), got: String(opset) }],
      hint: "leave `opset` out for 17, which most hosts read",
    });
  }
  const [a, b] = BATCH_SIZES.map((batch) => draftOf(options, batch, opset)) as [Draft, Draft];
  const graph = unify(options.name, a, b);
  expectDistinctNames(graph);
  const usesMl = a.nodes.some(({ domain }) => domain === "ai.onnx.ml");
  return {
    irVersion: BigInt(irVersion),
    producerName: "ml-sidecar",
    graph,
    opsetImport: [{ domain: "", version: BigInt(opset) }, ...(usesMl ? [{ domain: "ai.onnx.ml", version: 3n }] : [])],
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
  };
}

/** Columns bring their own names, which may meet an output's or a weight's. */
function expectDistinctNames({ input = [], initializer = [], node = [] }: GraphProto): void {
  const seen = new Set<string>();
  const names = [...input, ...initializer].map(({ name }) => name!).concat(node.flatMap(({ output }) => output!));
  for (const name of names) {
    if (seen.has(name)) {
      throw new Fault("INVALID_PARAMS", `two values of the ONNX graph would be named \`${name}\``, {
        hint: `rename the column \`${name}\` and train again`,
      });
    }
    seen.add(name);
  }
}

/** Whether ONNX has an operator, or a short expression, for all of the op. */
function isEmittedWhole(op: string): boolean {
  const form = opOf({ op })?.onnx;
  return typeof form !== "object" || form.form !== "decomposition";
}

function draftOf(options: OnnxExport, batch: number, opset: number): Draft {
  const { assembler, draft } = assemble(batch, opset);
  const traced = optimise(options.trace(batch), isEmittedWhole);
  const values = new Map<Node, string>();
  const given = options.before?.(assembler);
  for (const [name, node] of Object.entries(traced.inputs)) {
    values.set(node, given?.[name] ?? assembler.input(name, node.dtype, node.shape));
  }
  emit(traced, assembler, values, options.weights);
  const outputs = Object.entries(traced.outputs);
  if (options.after === undefined) {
    for (const [name, node] of outputs) assembler.output(name, values.get(node)!, node.dtype, node.shape);
  } else {
    options.after(assembler, Object.fromEntries(outputs.map(([name, node]) => [name, values.get(node)!])));
  }
  return draft;
}

/** Emits what the outputs need, in order, and notes each node's value. */
function emit(traced: Traced, assembler: Assembler, values: Map<Node, string>, weights: OnnxExport["weights"]): void {
  const paths = new Map(Object.entries(traced.states).map(([path, node]) => [node, path]));
  for (const node of neededNodes(traced)) {
    if (values.has(node)) continue;
    const path = paths.get(node);
    if (path !== undefined) values.set(node, assembler.weight(path, weights(path)));
    else if (node.op === "constant") values.set(node, assembler.constant(constantOf(node)));
    else values.set(node, emitOp(node, assembler, values));
  }
}

function emitOp(node: Node, assembler: Assembler, values: ReadonlyMap<Node, string>): string {
  const form = opOf(node)?.onnx;
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
  const because = form?.form === "none" ? form.because : "it has no ONNX form";
  throw new Fault("ONNX_OPERATOR_UNSUPPORTED", `\`${node.op}\` cannot be exported: ${because}`, {
    hint: "export the model's prediction, not its training step, or use a layer that ONNX has",
  });
}

/** The nodes that the outputs depend on, inputs before their readers. */
function neededNodes({ graph, outputs }: Traced): Node[] {
  const needed = new Set<Node>(Object.values(outputs));
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    const node = graph.nodes[id]!;
    if (needed.has(node)) for (const input of operandsOf(node)) needed.add(input);
  }
  return graph.nodes.filter((node) => needed.has(node));
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
