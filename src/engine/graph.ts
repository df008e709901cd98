/** @file The graph: immutable nodes, each distinct computation once. A node says what is computed, never how or where. */
import type { TypedArray } from "./dtype.ts";
import type { TensorType } from "./shape.ts";

export type AttributeValue = number | string | boolean | null | readonly AttributeValue[] | TypedArray | Body;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A graph inside a node, such as a step of `scan`: a function of its `inputs`, which are `input` leaves. */
export interface Body {
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
}

export interface Node extends TensorType {
  /** Position in its graph: every input of a node has a smaller id than the node. */
  readonly id: number;
  /** A name in the op table, or one of the leaves `input`, `state`, `constant` (whose `value`, if a number, fills it). */
  readonly op: string;
  readonly inputs: readonly Node[];
  readonly attributes: Attributes;
  /**
   * Types of all results, for an op that has several (`scan`); `dtype` and `shape` are then those of the first. Only
   * `part` nodes read such a node: each stands for one result, and every other op still takes and gives single tensors.
   */
  readonly parts?: readonly TensorType[];
}

/** What a node's type rule says: one result, or several as `parts`. */
export interface NodeType extends TensorType {
  readonly parts?: readonly TensorType[];
}

/** A node factory that gives the same node for the same op, inputs, attributes and type. */
export interface Graph {
  readonly nodes: readonly Node[];
  add(op: string, inputs: readonly Node[], attributes: Attributes, type: NodeType): Node;
}

/** What a trace leaves: what to compute, what to write back to state, and where both start. */
export interface Traced {
  readonly graph: Graph;
  /** By name, in the order declared. */
  readonly inputs: Readonly<Record<string, Node>>;
  /** Leaves by dotted path (`backbone.layers.0.weight`). */
  readonly states: Readonly<Record<string, Node>>;
  readonly outputs: Readonly<Record<string, Node>>;
  /** New values of states, all written when the whole program has run. */
  readonly updates: Readonly<Record<string, Node>>;
}

function isBody(value: AttributeValue): value is Body {
  return typeof value === "object" && value !== null && "outputs" in value;
}

/** A body is itself only: two that were traced apart are two computations. So are large arrays, which take long to compare. */
const identities = new WeakMap<object, string>();
const LARGE = 4096;
let known = 0;

function identityOf(value: object): string {
  const key = identities.get(value) ?? `identity${known++}`;
  identities.set(value, key);
  return key;
}

function keyOf(value: AttributeValue): string {
  if (isBody(value) || (ArrayBuffer.isView(value) && value.length > LARGE)) return identityOf(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${(value as Float32Array).join()})`;
  if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`;
  return Object.is(value, -0) ? "-0" : typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** Attributes are never changed, and a pass hands them on as they are: their key is made once. */
const attributeKeys = new WeakMap<Attributes, string>();

function keyOfAttributes(attributes: Attributes): string {
  const known = attributeKeys.get(attributes);
  if (known !== undefined) return known;
  let key = "";
  for (const name in attributes) key += `;${name}=${keyOf(attributes[name]!)}`;
  attributeKeys.set(attributes, key);
  return key;
}

export function createGraph(): Graph {
  const nodes: Node[] = [];
  const byKey = new Map<string, Node>();
  return {
    nodes,
    add(op, inputs, attributes, { dtype, shape, parts }) {
      let key = `${op}(`;
      for (const input of inputs) key += `${input.id},`;
      key += keyOfAttributes(attributes);
      // What a node with inputs gives follows from them.
      if (inputs.length === 0) key += `)${dtype}${shape.join()}`;
      const known = byKey.get(key);
      if (known !== undefined) return known;
      const single = { id: nodes.length, op, inputs, attributes, dtype, shape };
      const node: Node = Object.freeze(parts === undefined ? single : { ...single, parts });
      nodes.push(node);
      byKey.set(key, node);
      return node;
    },
  };
}
