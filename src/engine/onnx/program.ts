/**
 * @file A program with state as plain ONNX: what it keeps between runs goes in and comes out, so that any runtime can carry
 * it on. One run a file, or as many as are asked for in one `Loop`.
 */
import type { Node, Traced } from "../graph.ts";
import type { NdArray } from "../shape.ts";
import { type Assembler, assemble, type Draft } from "./assemble.ts";
import { emit, emittable, needed } from "./emit.ts";
import { IR_VERSION } from "./export.ts";
import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from "./schema.ts";
import { ONNX_DTYPES, tensorProtoOf, valueInfoOf } from "./tensors.ts";

export interface ProgramExport {
  /** The graph's name. */
  readonly name: string;
  /** For fixed shapes. States become inputs under their paths; what is written to them, outputs `<path>.next`. */
  readonly traced: Traced;
  readonly opset: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Of operators that ONNX has, without the inputs that nothing reads. */
function runnable(traced: Traced): Traced {
  const program = emittable(traced);
  const read = new Set(needed([...Object.values(program.outputs), ...Object.values(program.updates)]));
  return {
    ...program,
    inputs: Object.fromEntries(Object.entries(program.inputs).filter(([, node]) => read.has(node))),
  };
}

export const nextOf = (path: string): string => `${path}.next`;

/** Every state, with its new value where the program writes one: the rest goes out as it came in. */
function writtenStates({ states, updates }: Traced): [path: string, state: Node, next: Node][] {
  return Object.entries(states).map(([path, state]) => [path, state, updates[path] ?? state]);
}

/** One run: inputs and states in, outputs and new states out. */
export function exportProgram({ name, traced, opset, metadata }: ProgramExport): ModelProto {
  const program = runnable(traced);
  const { assembler, draft } = assemble({ batch: 0 }, opset);
  const values = declared(program, assembler);
  emitAll(program, assembler, values);
  for (const [output, node] of Object.entries(program.outputs)) {
    assembler.output(output, values.get(node)!, node.dtype, node.shape);
  }
  for (const [path, , next] of writtenStates(program)) {
    assembler.output(nextOf(path), values.get(next)!, next.dtype, next.shape);
  }
  return modelOf(
    {
      name,
      node: draft.nodes,
      initializer: initialisersOf(draft),
      input: draft.inputs.map((value) => valueInfoOf(value.name, value.elemType, value.shape)),
      output: draft.outputs.map((value) => valueInfoOf(value.name, value.elemType, value.shape)),
    },
    opset,
    metadata,
  );
}

/**
 * `steps` runs in one `Loop`: every input gets a first axis of that length, from which each turn takes its own, states
 * are carried, and every output gets the same axis.
 */
export function exportLoop({ name, traced, opset, metadata }: ProgramExport, steps: number): ModelProto {
  const program = runnable(traced);
  const { assembler, draft } = assemble({ batch: 0 }, opset);
  const turn = "turn";
  const values = new Map<Node, string>();
  for (const [input, node] of Object.entries(program.inputs)) {
    values.set(node, assembler.node("Gather", [input, turn], { axis: { int: 0 } }));
  }
  for (const [path, node] of Object.entries(program.states)) values.set(node, `${path}.now`);
  emitAll(program, assembler, values);
  const going = assembler.node("Identity", ["going"]);
  const states = writtenStates(program);
  // an output of a body must be computed in it
  const results = [
    ...states.map(([, , next]) => ({ node: next, name: assembler.node("Identity", [values.get(next)!]) })),
    ...Object.values(program.outputs).map((node) => ({ node, name: assembler.node("Identity", [values.get(node)!]) })),
  ];
  const typed = (name: string, { dtype, shape }: Node): ValueInfoProto => valueInfoOf(name, ONNX_DTYPES[dtype], shape);
  const body: GraphProto = {
    name: `${name}.step`,
    node: draft.nodes,
    input: [
      valueInfoOf(turn, ONNX_DTYPES.I64, []),
      valueInfoOf("going", ONNX_DTYPES.BOOL, []),
      ...states.map(([path, state]) => typed(`${path}.now`, state)),
    ],
    output: [valueInfoOf(going, ONNX_DTYPES.BOOL, []), ...results.map((result) => typed(result.name, result.node))],
  };
  const outputs = Object.entries(program.outputs);
  const loop: NodeProto = {
    opType: "Loop",
    name: "/steps",
    input: ["/count", "", ...states.map(([path]) => path)],
    output: [...states.map(([path]) => nextOf(path)), ...outputs.map(([output]) => output)],
    attribute: [{ name: "body", g: body, type: 5 }],
  };
  const stacked = (value: string, { dtype, shape }: Node): ValueInfoProto =>
    valueInfoOf(value, ONNX_DTYPES[dtype], [steps, ...shape]);
  const count: NdArray = { dtype: "I64", shape: [], data: BigInt64Array.of(BigInt(steps)) };
  return modelOf(
    {
      name,
      node: [loop],
      initializer: [tensorProtoOf("/count", count), ...initialisersOf(draft)],
      input: [
        ...Object.entries(program.inputs).map(([input, node]) => stacked(input, node)),
        ...states.map(([path, state]) => typed(path, state)),
      ],
      output: [
        ...outputs.map(([output, node]) => stacked(output, node)),
        ...states.map(([path, , next]) => typed(nextOf(path), next)),
      ],
    },
    opset,
    metadata,
  );
}

/** Inputs, then states, as inputs of the file. */
function declared({ inputs, states }: Traced, assembler: Assembler): Map<Node, string> {
  const all = [...Object.entries(inputs), ...Object.entries(states)];
  return new Map(all.map(([name, node]) => [node, assembler.input(name, node.dtype, node.shape)]));
}

function emitAll({ outputs, updates }: Traced, assembler: Assembler, values: Map<Node, string>): void {
  const roots = [...Object.values(outputs), ...Object.values(updates)];
  emit(roots, assembler, values, (node) => node.attributes.path as string);
}

const initialisersOf = (draft: Draft): ReturnType<typeof tensorProtoOf>[] =>
  [...draft.initialisers].map(([key, value]) => tensorProtoOf(key, value));

function modelOf(graph: GraphProto, opset: number, metadata: ProgramExport["metadata"] = {}): ModelProto {
  return {
    irVersion: BigInt(IR_VERSION),
    producerName: "ml-sidecar",
    graph,
    opsetImport: [{ domain: "", version: BigInt(opset) }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
}
