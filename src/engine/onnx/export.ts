/** @file A model traced at two batch sizes as one ONNX file for any: passes, forms, weights, metadata. */
import { Fault } from "../fault.ts";
import type { Node, Traced } from "../graph.ts";
import type { NdArray } from "../shape.ts";
import { type Assembler, assemble, type Draft } from "./assemble.ts";
import { emit, emittable } from "./emit.ts";
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

function draftOf(options: OnnxExport, batch: number, opset: number): Draft {
  const { assembler, draft } = assemble(batch, opset);
  const traced = emittable(options.trace(batch));
  const values = new Map<Node, string>();
  const given = options.before?.(assembler);
  for (const [name, node] of Object.entries(traced.inputs)) {
    values.set(node, given?.[name] ?? assembler.input(name, node.dtype, node.shape));
  }
  emit(Object.values(traced.outputs), assembler, values, (node) => {
    const path = node.attributes.path as string;
    return assembler.weight(path, options.weights(path));
  });
  const outputs = Object.entries(traced.outputs);
  if (options.after === undefined) {
    for (const [name, node] of outputs) assembler.output(name, values.get(node)!, node.dtype, node.shape);
  } else {
    options.after(assembler, Object.fromEntries(outputs.map(([name, node]) => [name, values.get(node)!])));
  }
  return draft;
}
