/** @file Changes to a graph, gathered and then made at once: nodes in place of others, nodes after values, names read instead. */
import { readBy } from "../import/prune.ts";
import type { GraphProto, NodeProto, TensorProto } from "../schema.ts";
import type { ByteWeight, Steps } from "./integers.ts";
import { integerAttribute, nodeOf, tensorOf } from "./wiring.ts";

export interface Rewriting {
  /** In place of a node; none removes it. */
  readonly instead: Map<NodeProto, readonly NodeProto[]>;
  /** Right after the node that makes a value, or first of all where the file is given it. */
  readonly after: Map<string, NodeProto[]>;
  readonly first: NodeProto[];
  /** By name, so that equal ones stand once. */
  readonly tensors: Map<string, TensorProto>;
}

export const rewriting = (): Rewriting => ({ instead: new Map(), after: new Map(), first: [], tensors: new Map() });

/** @param reads the name that a node is to read instead of its own */
export function rewritten(
  graph: GraphProto,
  { instead, after, first, tensors }: Rewriting,
  reads: (node: NodeProto, name: string) => string,
): GraphProto {
  const made = new Set((graph.node ?? []).flatMap(({ output = [] }) => output));
  const given = [...after].flatMap(([name, nodes]) => (made.has(name) ? [] : nodes));
  const node = [...first, ...given];
  for (const each of graph.node ?? []) {
    const those = instead.get(each) ?? [each];
    for (const one of those) node.push({ ...one, input: (one.input ?? []).map((name) => reads(each, name)) });
    for (const name of those.flatMap(({ output = [] }) => output)) node.push(...(after.get(name) ?? []));
  }
  const read = new Set(node.flatMap(readBy));
  for (const { name = "" } of graph.output ?? []) read.add(name);
  const computed = new Set(node.flatMap(({ output = [] }) => output));
  const isKept = (name: string): boolean => read.has(name) && !tensors.has(name) && !computed.has(name);
  const kept = (graph.initializer ?? []).filter(({ name = "" }) => isKept(name));
  return { ...graph, node, initializer: [...kept, ...[...tensors.values()].filter(({ name = "" }) => read.has(name))] };
}

/** A scalar that many may share. */
export function scalar(into: Rewriting, dtype: "F32" | "U8" | "I8", value: number): string {
  const name = `/${dtype}_${value}`;
  into.tensors.set(name, tensorOf(name, dtype, [], [value]));
  return name;
}

/** Zero points of a symmetric weight, which all weights of as many channels share. */
function zeros(into: Rewriting, { axis, scales }: ByteWeight): string {
  if (axis === null) return scalar(into, "I8", 0);
  const name = `/I8_zeros_${scales.length}`;
  into.tensors.set(
    name,
    tensorOf(
      name,
      "I8",
      [scales.length],
      scales.map(() => 0),
    ),
  );
  return name;
}

/** Bytes, their scales and zero points, as DequantizeLinear takes them. */
export function storedBytes(into: Rewriting, name: string, shape: readonly number[], bytes: ByteWeight): string[] {
  const [values, scale] = [`${name}/int8`, `${name}/scale`];
  into.tensors.set(values, tensorOf(values, "I8", shape, bytes.values));
  into.tensors.set(scale, tensorOf(scale, "F32", bytes.axis === null ? [] : [bytes.scales.length], bytes.scales));
  return [values, scale, zeros(into, bytes)];
}

export const dequantize = (inputs: readonly string[], output: string, axis: number | null): NodeProto =>
  nodeOf("DequantizeLinear", inputs, [output], axis === null ? [] : [integerAttribute("axis", axis)]);

/** Real numbers through their integers and back. @returns the name of what comes back */
export function throughIntegers(into: Rewriting, value: string, { scale, zero }: Steps, dtype: "U8" | "I8"): string {
  const steps = [scalar(into, "F32", scale), scalar(into, dtype, zero)];
  const [integers, back] = [`${value}/quantized`, `${value}/dequantized`];
  const nodes = [nodeOf("QuantizeLinear", [value, ...steps], [integers]), dequantize([integers, ...steps], back, null)];
  into.after.set(value, nodes);
  return back;
}
