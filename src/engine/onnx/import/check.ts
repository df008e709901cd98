/** @file Whether a graph hangs together before anything is made of it: names given once, nodes after what they read, nothing missing. */
import { Fault, type Violation } from "../../fault.ts";
import type { GraphProto, NodeProto } from "../schema.ts";

/** More faults than these are not listed. */
const MOST_LISTED = 20;

/** @throws Fault DATA_INVALID with a violation for each name at fault, such as `graph.node[3].input[0]` */
export function checkGraph(graph: GraphProto): void {
  const violations: Violation[] = [];
  visit(graph, "graph", new Set(), violations);
  if (violations.length === 0) return;
  const [first] = violations as [Violation];
  throw new Fault("DATA_INVALID", `\`${first.path}\`: ${first.message}`, {
    violations: violations.slice(0, MOST_LISTED),
    hint: "the file is damaged, or the program that wrote it is wrong: nodes must follow what they read, and every value has one name",
  });
}

function visit(graph: GraphProto, path: string, outer: ReadonlySet<string>, violations: Violation[]): void {
  const known = new Set(outer);
  const own = new Set<string>();
  const define = (name: string, place: string): void => {
    if (name === "") return;
    if (own.has(name)) violations.push({ path: place, message: `a second value is named \`${name}\``, got: name });
    own.add(name);
    known.add(name);
  };
  const initialisers = new Set<string>();
  (graph.initializer ?? []).forEach(({ name = "" }, index) => {
    initialisers.add(name);
    define(name, `${path}.initializer[${index}]`);
  });
  (graph.input ?? []).forEach(({ name = "" }, index) => {
    if (!initialisers.has(name)) define(name, `${path}.input[${index}]`);
  });
  const later = new Set((graph.node ?? []).flatMap(({ output = [] }) => output));
  (graph.node ?? []).forEach((node, index) => {
    const place = `${path}.node[${index}]`;
    expectKnown(node.input ?? [], `${place}.input`, known, later, violations);
    for (const [attribute, inner] of bodiesOf(node)) visit(inner, `${place}.${attribute}`, known, violations);
    node.output?.forEach((name, at) => {
      define(name, `${place}.output[${at}]`);
    });
  });
  const outputs = (graph.output ?? []).map(({ name = "" }) => name);
  expectKnown(outputs, `${path}.output`, known, new Set(), violations);
}

function expectKnown(
  names: readonly string[],
  path: string,
  known: ReadonlySet<string>,
  later: ReadonlySet<string>,
  violations: Violation[],
): void {
  names.forEach((name, index) => {
    if (name === "" || known.has(name)) return;
    const message = later.has(name)
      ? `\`${name}\` is computed only later: a cycle, or nodes out of order`
      : `nothing gives \`${name}\``;
    violations.push({ path: `${path}[${index}]`, message, expected: "a value that stands before", got: name });
  });
}

function bodiesOf({ attribute = [] }: NodeProto): [name: string, body: GraphProto][] {
  return attribute.flatMap(({ name = "", g, graphs = [] }) => [
    ...(g === undefined ? [] : [[name, g] as [string, GraphProto]]),
    ...graphs.map((each, index): [string, GraphProto] => [`${name}[${index}]`, each]),
  ]);
}
