/** @file A model traced at several sizes as one ONNX file for any: passes, forms, weights, metadata. */
import { Fault } from "../fault.ts";
import type { Node, Traced } from "../graph.ts";
import { type NdArray, type Shape, sameShape } from "../shape.ts";
import { type Assembler, assemble, type Draft, type Sizes } from "./assemble.ts";
import { emit, emittable } from "./emit.ts";
import type { GraphProto, ModelProto } from "./schema.ts";
import { unify } from "./unify.ts";

/** The opsets that can be written. */
export const OPSETS: readonly number[] = [17, 18, 19, 20, 21];
/** The lower, the more hosts read a file; nothing that came later is written. */
export const IR_VERSION = 8;

export interface OnnxExport {
  /** The graph's name. */
  readonly name: string;
  /** The model at a batch size, and a length of its sequences. It is called for several, to see what follows them. */
  trace(batch: number, sequence: number | undefined): Traced;
  /** Three lengths that the model's sequences may have, where the file is to take any. */
  readonly lengths?: readonly [number, number, number] | undefined;
  /** The value of a state, by its path; states become initialisers under that name. */
  weights(path: string): NdArray;
  /** 17 to 21; 17 when left out. */
  readonly opset?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** What is computed before the traced graph: gives the value for each of its inputs, and declares the file's inputs. */
  before?(assembler: Assembler): Readonly<Record<string, string>>;
  /** What is computed after it, from its outputs' values: declares the file's outputs. */
  after?(assembler: Assembler, outputs: Readonly<Record<string, OutputValue>>): void;
}

/** A value of the graph, and the shape that it has at the draft's sizes. */
export interface OutputValue {
  readonly value: string;
  readonly shape: Shape;
}

/** Two sizes that no layer has, so that a dimension is not taken for the batch by chance. */
const BATCH_SIZES = [1009, 2003] as const;

/**
 * @throws Fault INVALID_PARAMS for an opset that is not offered; ONNX_OPERATOR_UNSUPPORTED where an op has no ONNX form or
 * the model depends on the batch size other than by shapes.
 */
export function exportGraph(options: OnnxExport): ModelProto {
  const { opset = 17, lengths } = options;
  if (!OPSETS.includes(opset)) {
    const message = `opset ${opset} is not offered`;
    throw new Fault("INVALID_PARAMS", message, {
      violations: [{ path: "opset", message, expected: OPSETS.join(", "), got: String(opset) }],
      hint: "leave `opset` out for 17, which most hosts read",
    });
  }
  const [sequence, ...longer] = lengths ?? [];
  const [few, many] = BATCH_SIZES;
  const sizes: Sizes[] = [
    { batch: few, sequence },
    { batch: many, sequence },
    ...longer.map((length) => ({ batch: few, sequence: length })),
  ];
  const drafts = sizes.map((own) => draftOf(options, own, opset));
  const graph = unify(options.name, drafts);
  expectDistinctNames(graph);
  const usesMl = drafts[0]!.nodes.some(({ domain }) => domain === "ai.onnx.ml");
  return {
    irVersion: BigInt(IR_VERSION),
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

function draftOf(options: OnnxExport, sizes: Sizes, opset: number): Draft {
  const { assembler, draft } = assemble(sizes, opset);
  const traced = emittable(options.trace(sizes.batch, sizes.sequence));
  const values = new Map<Node, string>();
  const given = options.before?.(assembler);
  for (const [name, node] of Object.entries(traced.inputs)) {
    values.set(node, given?.[name] ?? assembler.input(name, node.dtype, node.shape));
  }
  emit(Object.values(traced.outputs), assembler, values, (node) => {
    const path = node.attributes.path as string;
    const value = options.weights(path);
    if (sameShape(node.shape, value.shape)) return assembler.weight(path, value);
    throw new Fault("ONNX_OPERATOR_UNSUPPORTED", `\`${path}\` depends on the length of the sequence`, {
      hint: "export with the length that the model was trained on",
    });
  });
  const outputs = Object.entries(traced.outputs);
  if (options.after === undefined) {
    for (const [name, node] of outputs) assembler.output(name, values.get(node)!, node.dtype, node.shape);
  } else {
    const all = outputs.map(([name, node]) => [name, { value: values.get(node)!, shape: node.shape }]);
    options.after(assembler, Object.fromEntries(all));
  }
  return draft;
}
