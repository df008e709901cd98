/** @file The emitter behind the ops' ONNX forms: collects operators, constants, inputs and outputs of one graph under stable names. */
import { DTYPES, type DType } from "../dtype.ts";
import type { OnnxAttribute, OnnxEmitter } from "../ops/op.ts";
import type { NdArray, Shape } from "../shape.ts";
import type { AttributeProto, GraphProto, NodeProto } from "./schema.ts";
import { ONNX_DTYPES, ONNX_STRING } from "./tensors.ts";

export interface DraftValue {
  readonly name: string;
  readonly elemType: number;
  readonly shape: Shape;
}

/** The sizes that a draft stands for: of the batch, and of a sequence where one may have any length. */
export interface Sizes {
  readonly batch: number;
  readonly sequence?: number | undefined;
}

/** A graph for such sizes, before `unify` makes them symbolic. */
export interface Draft {
  readonly sizes: Sizes;
  readonly opset: number;
  readonly nodes: NodeProto[];
  /** By name, in the order first used. */
  readonly initialisers: Map<string, NdArray>;
  readonly inputs: DraftValue[];
  readonly outputs: DraftValue[];
}

export interface Assembler extends OnnxEmitter {
  /** Those of this draft; use them in shapes wherever they stand. */
  readonly sizes: Sizes;
  /** A shape of this draft. */
  sized(shape: readonly (number | keyof Sizes)[]): Shape;
  /** Declares an input of the graph. */
  input(name: string, dtype: DType | "STRING", shape: Shape): string;
  /** Declares `value` as an output of the graph under `name`. */
  output(name: string, value: string, dtype: DType, shape: Shape): void;
  /** A named tensor, kept under its own name. */
  weight(name: string, value: NdArray): string;
  /** A name that nothing has. */
  fresh(kind: string): string;
  /** Nodes that `body` emits, kept apart from the graph's own: those of a graph inside a node. */
  inside<T>(body: () => T): { readonly nodes: NodeProto[]; readonly result: T };
  /** Names of nodes and values emitted by `body` start with `prefix`, so that a reader sees where they come from. */
  within<T>(prefix: string, body: () => T): T;
}

/** AttributeProto.AttributeType, and how each of our forms is stored. */
const ATTRIBUTES: {
  readonly [Kind in OnnxAttribute extends infer A ? (A extends unknown ? keyof A : never) : never]: (
    value: never,
  ) => AttributeProto;
} = {
  float: (f: number) => ({ f, type: 1 }),
  int: (i: number) => ({ i: BigInt(i), type: 2 }),
  string: (s: string) => ({ s: Buffer.from(s), type: 3 }),
  floats: (floats: readonly number[]) => ({ floats: Float32Array.from(floats), type: 6 }),
  ints: (ints: readonly number[]) => ({ ints: BigInt64Array.from(ints, BigInt), type: 7 }),
  strings: (strings: readonly string[]) => ({ strings: strings.map((text) => Buffer.from(text)), type: 8 }),
  graph: (g: GraphProto) => ({ g, type: 5 }),
};

function attributeOf(name: string, attribute: OnnxAttribute): AttributeProto {
  const [kind, value] = Object.entries(attribute)[0] as [keyof typeof ATTRIBUTES, never];
  return { name, ...ATTRIBUTES[kind](value) };
}

/** @returns the emitter, and the draft that it fills. */
export function assemble(sizes: Sizes, opset: number): { assembler: Assembler; draft: Draft } {
  const draft: Draft = { sizes, opset, nodes: [], initialisers: new Map(), inputs: [], outputs: [] };
  const constants = new Map<string, string>();
  let prefix = "/"; // generated names start with it, so that they don't meet the names of columns and weights
  let emitted = draft.nodes;
  let count = 0;

  function constant(value: NdArray): string {
    const key = `${value.dtype}[${value.shape.join()}](${value.data.join()})`;
    const known = constants.get(key);
    if (known !== undefined) return known;
    const name = `/constant_${constants.size}`;
    constants.set(key, name);
    draft.initialisers.set(name, value);
    return name;
  }

  function nodes(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>>,
    outputs: number,
  ): string[] {
    const dot = operator.lastIndexOf(".");
    const domain = operator.slice(0, Math.max(0, dot));
    const opType = operator.slice(dot + 1);
    const name = `${prefix}${opType}_${count++}`;
    const output = outputs === 1 ? [name] : Array.from({ length: outputs }, (_, index) => `${name}_${index}`);
    emitted.push({
      input: [...inputs],
      output,
      name,
      opType,
      attribute: Object.entries(attributes).map(([key, attribute]) => attributeOf(key, attribute)),
      ...(domain === "" ? {} : { domain }),
    });
    return output;
  }

  const node: OnnxEmitter["node"] = (operator, inputs, attributes = {}) => nodes(operator, inputs, attributes, 1)[0]!;
  const int64 = (values: readonly number[]): string =>
    constant({ dtype: "I64", shape: [values.length], data: BigInt64Array.from(values, BigInt) });

  const assembler: Assembler = {
    sizes,
    sized: (shape) => shape.map((size) => (typeof size === "number" ? size : sizes[size]!)),
    opset,
    node,
    nodes,
    constant,
    int64,
    shape: int64, // `unify` finds what follows the batch, and the sequence
    range: (length) =>
      constant({ dtype: "I64", shape: [length], data: BigInt64Array.from({ length }, (_, i) => BigInt(i)) }),
    cast: (value, dtype) => node("Cast", [value], { to: { int: ONNX_DTYPES[dtype] } }),
    scalar: (value, dtype) => constant({ dtype, shape: [], data: scalarData(value, dtype) }),
    input(name, dtype, shape) {
      draft.inputs.push({ name, elemType: dtype === "STRING" ? ONNX_STRING : ONNX_DTYPES[dtype], shape });
      return name;
    },
    output(name, value, dtype, shape) {
      draft.nodes.push({ input: [value], output: [name], name, opType: "Identity" });
      draft.outputs.push({ name, elemType: ONNX_DTYPES[dtype], shape });
    },
    weight(name, value) {
      draft.initialisers.set(name, value);
      return name;
    },
    fresh: (kind) => `${prefix}${kind}_${count++}`,
    inside(body) {
      const outer = emitted;
      emitted = [];
      try {
        const result = body();
        return { nodes: emitted, result };
      } finally {
        emitted = outer;
      }
    },
    within(inner, body) {
      const outer = prefix;
      prefix = `${outer}${inner}/`;
      try {
        return body();
      } finally {
        prefix = outer;
      }
    },
  };
  return { assembler, draft };
}

function scalarData(value: number, dtype: DType) {
  return dtype === "I64" ? BigInt64Array.of(BigInt(value)) : DTYPES[dtype].array.from([value] as never);
}
