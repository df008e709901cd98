/** @file The emitter behind the ops' ONNX forms: collects operators, constants, inputs and outputs of one graph under stable names. */
import { DTYPES, type DType } from "../dtype.ts";
import type { OnnxAttribute, OnnxEmitter } from "../ops/op.ts";
import type { NdArray, Shape } from "../shape.ts";
import type { AttributeProto, NodeProto } from "./schema.ts";
import { ONNX_DTYPES, ONNX_STRING } from "./tensors.ts";

export interface DraftValue {
  readonly name: string;
  readonly elemType: number;
  readonly shape: Shape;
}

/** A graph for one batch size, before `unify` makes the batch symbolic. */
export interface Draft {
  readonly batch: number;
  readonly opset: number;
  readonly nodes: NodeProto[];
  /** By name, in the order first used. */
  readonly initialisers: Map<string, NdArray>;
  readonly inputs: DraftValue[];
  readonly outputs: DraftValue[];
}

export interface Assembler extends OnnxEmitter {
  /** The batch size of this draft; use it in shapes wherever the batch stands. */
  readonly batch: number;
  /** Declares an input of the graph. */
  input(name: string, dtype: DType | "STRING", shape: Shape): string;
  /** Declares `value` as an output of the graph under `name`. */
  output(name: string, value: string, dtype: DType, shape: Shape): void;
  /** A named tensor, kept under its own name. */
  weight(name: string, value: NdArray): string;
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
};

function attributeOf(name: string, attribute: OnnxAttribute): AttributeProto {
  const [kind, value] = Object.entries(attribute)[0] as [keyof typeof ATTRIBUTES, never];
  return { name, ...ATTRIBUTES[kind](value) };
}

/** @returns the emitter, and the draft that it fills. */
export function assemble(batch: number, opset: number): { assembler: Assembler; draft: Draft } {
  const draft: Draft = { batch, opset, nodes: [], initialisers: new Map(), inputs: [], outputs: [] };
  const constants = new Map<string, string>();
  let prefix = "/"; // generated names start with it, so that they don't meet the names of columns and weights

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
    count: number,
  ): string[] {
    const dot = operator.lastIndexOf(".");
    const domain = operator.slice(0, Math.max(0, dot));
    const opType = operator.slice(dot + 1);
    const name = `${prefix}${opType}_${draft.nodes.length}`;
    const output = count === 1 ? [name] : Array.from({ length: count }, (_, index) => `${name}_${index}`);
    draft.nodes.push({
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
    batch,
    opset,
    node,
    nodes,
    constant,
    int64,
    shape: int64, // `unify` finds what follows the batch
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
