/** @file One node of an ONNX graph as its operator sees it: inputs, attributes, and what is known of them. */
import { Fault } from "../../fault.ts";
import type { NdArray } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import type { AttributeProto, GraphProto, NodeProto } from "../schema.ts";
import { expectAxis } from "./impossible.ts";
import { decidedByData, known } from "./known.ts";
import { type Read, readTensor } from "./tensor.ts";
import type { ElementType, Output, Value } from "./value.ts";

/** Attributes by name; a name that is absent and has no fallback is a fault that says so. */
export interface Attributes {
  has(name: string): boolean;
  int(name: string, fallback?: number): number;
  ints(name: string, fallback?: readonly number[]): number[];
  /** An axis of a tensor of `rank`, counted from the first. */
  axis(rank: number, fallback?: number, name?: string): number;
  float(name: string, fallback?: number): number;
  floats(name: string, fallback?: readonly number[]): number[];
  string(name: string, fallback?: string): string;
  strings(name: string, fallback?: readonly string[]): string[];
  array(name: string): Read;
  graph(name: string): GraphProto;
}

export interface Call extends Attributes {
  readonly opset: number;
  /** How many of its outputs have a name. */
  readonly outputs: number;
  /** Whether somebody named its i-th output. */
  isAsked(output: number): boolean;
  readonly inputs: readonly (Value | undefined)[];
  tensor(index: number): Tensor;
  optional(index: number): Tensor | undefined;
  /** What is in an input that is a list. */
  list(index: number): readonly Value[];
  /** All inputs, none left out. */
  tensors(): readonly Tensor[];
  type(index: number): ElementType;
  /** The numbers of an input that decides shapes or control flow. */
  numbers(index: number): number[];
  /** The same of an input that may be left out. */
  maybeNumbers(index: number): number[] | undefined;
  /** A constant on the graph that is being built. */
  constant(value: NdArray): Tensor;
  /** Another graph of the file, which sees the names around it. */
  body(graph: GraphProto, inputs: readonly Value[]): Value[];
}

/** What becomes of a node: tensors of ours, one for each output. */
export type Operator = (call: Call) => Output | readonly Output[];

export function attributesOf({ attribute = [] }: NodeProto): Attributes {
  const byName = new Map(attribute.map((each) => [each.name ?? "", each]));
  function read<T>(name: string, what: string, pick: (attribute: AttributeProto) => T | undefined, fallback?: T): T {
    const value = byName.has(name) ? pick(byName.get(name)!) : fallback;
    if (value !== undefined) return value;
    const message = byName.has(name) ? `attribute \`${name}\` is no ${what}` : `attribute \`${name}\` is missing`;
    throw new Fault("DATA_INVALID", message, {
      violations: [{ path: `attribute.${name}`, message, expected: what }],
      hint: "the file is damaged, or the program that wrote it is wrong",
    });
  }
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
  const int = (name: string, fallback?: number): number =>
    read(name, "integer", ({ i, type }) => (type === 2 ? Number(i ?? 0n) : undefined), fallback);
  return {
    has: (name) => byName.has(name),
    int,
    axis: (rank, fallback, name = "axis") => expectAxis(int(name, fallback), rank, `attribute.${name}`),
    ints: (name, fallback) => [
      ...read<readonly number[]>(
        name,
        "list of integers",
        ({ ints, type }) => (type === 7 ? Array.from(ints ?? [], Number) : undefined),
        fallback,
      ),
    ],
    float: (name, fallback) => read(name, "number", ({ f, type }) => (type === 1 ? (f ?? 0) : undefined), fallback),
    floats: (name, fallback) => [
      ...read<readonly number[]>(
        name,
        "list of numbers",
        ({ floats, type }) => (type === 6 ? [...(floats ?? [])] : undefined),
        fallback,
      ),
    ],
    string: (name, fallback) =>
      read(name, "text", ({ s, type }) => (type === 3 ? text(s ?? new Uint8Array()) : undefined), fallback),
    strings: (name, fallback) => [
      ...read<readonly string[]>(
        name,
        "list of texts",
        ({ strings, type }) => (type === 8 ? (strings ?? []).map(text) : undefined),
        fallback,
      ),
    ],
    array: (name) => readTensor(read(name, "tensor", ({ t }) => t)),
    graph: (name) => read(name, "graph", ({ g }) => g),
  };
}

function notSuch(index: number, got: string, expected: string): Fault {
  return new Fault("DATA_INVALID", `input ${index} is ${got}, where the operator takes ${expected}`, {
    violations: [{ path: `input[${index}]`, message: "of another kind", expected, got }],
    hint: "the file is damaged, or the program that wrote it is wrong",
  });
}

/** What raising a node needs of the graph around it. */
export interface Around extends Pick<Call, "opset" | "constant" | "body"> {}

export function callOf(node: NodeProto, inputs: readonly (Value | undefined)[], around: Around): Call {
  const outputs = node.output ?? [];
  const required = (index: number): Value => {
    const value = inputs[index];
    if (value?.items !== undefined) throw notSuch(index, "a list of tensors", "a tensor");
    if (value !== undefined) return value;
    const message = `input ${index} is missing`;
    throw new Fault("DATA_INVALID", message, {
      violations: [{ path: `input[${index}]`, message, expected: "a value" }],
      hint: "the file is damaged, or the program that wrote it is wrong",
    });
  };
  const numbers = (index: number): number[] => {
    const value = known(required(index).tensor);
    if (value !== null) return Array.from(value.data);
    throw decidedByData(`input ${index} (\`${node.input?.[index]}\`) depends on the data`, {
      violations: [
        { path: `input[${index}]`, message: "it decides a shape", expected: "a constant", got: "a computed value" },
      ],
      hint: 'run the model with `executor: "onnxruntime"`, or export it with fixed sizes',
    });
  };
  return {
    ...attributesOf(node),
    ...around,
    outputs: outputs.length,
    isAsked: (output) => (outputs[output] ?? "") !== "",
    inputs,
    tensor: (index) => required(index).tensor,
    optional: (index) => (inputs[index] === undefined ? undefined : required(index).tensor),
    list(index) {
      const items = inputs[index]?.items;
      if (items !== undefined) return items;
      throw notSuch(index, inputs[index] === undefined ? "missing" : "a tensor", "a list of tensors");
    },
    tensors: () => inputs.map((_, index) => required(index).tensor),
    type: (index) => required(index).type,
    numbers,
    maybeNumbers: (index) => (inputs[index] === undefined ? undefined : numbers(index)),
  };
}
