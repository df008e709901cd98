/** @file A graph of an ONNX file, node by node, to tensors of a trace: names to values, operators by table, functions and bodies in place. */
import { Fault, type Violation } from "../../fault.ts";
import type { NdArray } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import type { GraphProto, Message, NodeProto } from "../schema.ts";
import { callOf } from "./call.ts";
import { operatorOf } from "./operators/index.ts";
import { readTensor } from "./tensor.ts";
import { asValue, elementType, factsOf, type Value } from "./value.ts";

type LocalFunction = Message<"FunctionProto">;

/** What the whole file says, for every graph in it. */
export interface File {
  /** Opset by domain; "" is ONNX's own. */
  readonly opsets: ReadonlyMap<string, number>;
  /** By domain and name, as `functionKey` joins them. */
  readonly functions: ReadonlyMap<string, LocalFunction>;
  /** The functions that are being written out, the outermost first. */
  readonly callers: readonly string[];
  /** Nodes raised so far, of all graphs and turns together. */
  readonly written: { nodes: number };
  constant(value: NdArray): Tensor;
}

export const functionKey = (domain: string, name: string, overload = ""): string => `${domain}.${name}:${overload}`;

/** More nodes than this are refused: functions that call each other, or loops in loops, can ask for any number. */
const MOST_NODES = 50_000;

/** Names and their values: a body's own first, then those of the graphs around it. */
type Names = (name: string) => Value | undefined;

/**
 * @param given values of the graph's inputs, and of those initialisers that are not to be constants, by name
 * @returns the values of its outputs, in order
 * @throws Fault that names the node, and the input or attribute at fault
 */
export function raiseGraph(graph: GraphProto, given: ReadonlyMap<string, Value>, file: File, outer?: Names): Value[] {
  const values = new Map(given);
  for (const tensor of graph.initializer ?? []) {
    if (values.has(tensor.name ?? "")) continue;
    const { type, array } = readTensor(tensor);
    values.set(tensor.name ?? "", { type, tensor: file.constant(array) });
  }
  const names: Names = (name) => values.get(name) ?? outer?.(name);
  (graph.node ?? []).forEach((node, index) => {
    const outputs = within(node, index, () => raiseNode(node, names, file));
    node.output?.forEach((name, at) => {
      if (name !== "" && outputs[at] !== undefined) values.set(name, outputs[at]);
    });
  });
  return (graph.output ?? []).map(({ name = "" }) => expectValue(names, name, "output"));
}

function raiseNode(node: NodeProto, names: Names, file: File): readonly Value[] {
  if (++file.written.nodes > MOST_NODES) throw tooLarge();
  const { opType = "", domain = "", overload = "" } = node;
  const inputs = (node.input ?? []).map((name) => (name === "" ? undefined : expectValue(names, name, "input")));
  const key = functionKey(domain, opType, overload);
  const written = file.functions.get(key);
  if (file.callers.includes(key)) throw callsItself(opType);
  if (written !== undefined) return raiseFunction(written, node, inputs, { ...file, callers: [...file.callers, key] });
  const opset = file.opsets.get(domain === "ai.onnx" ? "" : domain) ?? 1;
  const call = callOf(node, inputs, {
    opset,
    constant: file.constant,
    body: (graph, own) => raiseGraph(graph, bind(graph, own), file, names),
  });
  const outputs = operatorOf(domain, opType)(call);
  const like = inputs.find((input) => input !== undefined)?.type;
  return (Array.isArray(outputs) ? outputs : [outputs]).map((output) => asValue(output, like));
}

function tooLarge(): Fault {
  const message = `written out, the graph has more than ${MOST_NODES} nodes`;
  return new Fault("LIMIT_EXCEEDED", message, { hint: 'run the model with `executor: "onnxruntime"`' });
}

function callsItself(name: string): Fault {
  return new Fault("DATA_INVALID", `function \`${name}\` calls itself`, {
    hint: "the file is damaged, or the program that wrote it is wrong: functions may not be recursive",
  });
}

/** A function is its nodes in place of the call, with the caller's attributes where its own refer to them. */
function raiseFunction(
  { input = [], output = [], node = [], opsetImport = [], attributeProto = [] }: LocalFunction,
  { attribute = [] }: NodeProto,
  inputs: readonly (Value | undefined)[],
  file: File,
): Value[] {
  const given = new Map<string, Value>();
  input.forEach((name, at) => {
    if (inputs[at] !== undefined) given.set(name, inputs[at]);
  });
  const own = new Map([...attributeProto, ...attribute].map((each) => [each.name ?? "", each]));
  const filled = node.map((inner) => ({
    ...inner,
    attribute: (inner.attribute ?? []).flatMap((each) => {
      if ((each.refAttrName ?? "") === "") return [each];
      const found = own.get(each.refAttrName!);
      return found === undefined ? [] : [{ ...found, name: each.name! }];
    }),
  }));
  const opsets = new Map(opsetImport.map(({ domain = "", version = 1n }) => [domain, Number(version)]));
  const graph: GraphProto = { node: filled, output: output.map((name) => ({ name })) };
  return raiseGraph(graph, given, { ...file, opsets });
}

function bind(graph: GraphProto, inputs: readonly Value[]): Map<string, Value> {
  const bound = new Map<string, Value>();
  (graph.input ?? []).forEach(({ name = "", type }, at) => {
    const value = inputs[at];
    if (value === undefined) return;
    const elemType = type?.tensorType?.elemType;
    const declared = elemType === undefined || elemType === 0 ? value.type : elementType(elemType);
    bound.set(name, factsOf(declared).computed === value.tensor.dtype ? { ...value, type: declared } : value);
  });
  return bound;
}

function expectValue(names: Names, name: string, what: string): Value {
  const value = names(name);
  if (value !== undefined) return value;
  const message = `${what} \`${name}\` is computed by no node before, and no initialiser has its name`;
  throw new Fault("DATA_INVALID", message, {
    violations: [{ path: name, message }],
    hint: "the nodes of a file must stand in the order of their computation, without cycles",
  });
}

/** Says which node it was. */
function within<T>(node: NodeProto, index: number, raise: () => T): T {
  try {
    return raise();
  } catch (error) {
    const place = `graph.node[${index}]`;
    const named = (node.name ?? "") === "" ? place : `\`${node.name}\``;
    if (!(error instanceof Fault)) throw misfit(error as Error, named, place, node);
    if (error.context?.node !== undefined) throw error;
    const violations: Violation[] = error.violations.map((violation) => ({
      ...violation,
      path: `${place}.${violation.path}`,
    }));
    throw new Fault(error.reason, `node ${named} (${node.opType}): ${error.message}`, {
      violations: violations.length > 0 ? violations : [{ path: place, message: error.message }],
      ...(error.hint !== undefined && { hint: error.hint }),
      context: { ...error.context, node: node.name ?? "", index, operator: node.opType ?? "" },
      cause: error.cause,
    });
  }
}

/** What an operator stumbled over without having asked: sizes or attributes that no right file has. */
function misfit(cause: Error, named: string, place: string, { name = "", opType = "" }: NodeProto): Fault {
  const message = `its inputs and attributes do not go together (${cause.message})`;
  return new Fault("DATA_INVALID", `node ${named} (${opType}): ${message}`, {
    violations: [{ path: place, message }],
    hint: "the file is damaged, or the program that wrote it is wrong",
    context: { node: name, operator: opType },
    cause,
  });
}
