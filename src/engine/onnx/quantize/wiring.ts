/** @file A graph as names: who makes a value, who reads it, which stand in the file; and nodes made anew. */
import { DTYPES } from "../../dtype.ts";
import type { NdArray } from "../../shape.ts";
import { readBy } from "../import/prune.ts";
import type { AttributeProto, GraphProto, NodeProto, TensorProto } from "../schema.ts";
import { ndArrayOf, ONNX_DTYPES, tensorProtoOf } from "../tensors.ts";

export interface Wiring {
  readonly nodes: readonly NodeProto[];
  readonly initialisers: ReadonlyMap<string, TensorProto>;
  /** The graph's own outputs. */
  readonly outputs: ReadonlySet<string>;
  readonly makers: ReadonlyMap<string, NodeProto>;
  /** Nodes that read a value, by themselves or in their bodies, as often as they do. */
  readonly readers: ReadonlyMap<string, readonly NodeProto[]>;
}

export function wiringOf({ node = [], initializer = [], output = [] }: GraphProto): Wiring {
  const makers = new Map<string, NodeProto>();
  const readers = new Map<string, NodeProto[]>();
  for (const each of node) {
    for (const name of each.output ?? []) makers.set(name, each);
    for (const name of readBy(each)) readers.set(name, [...(readers.get(name) ?? []), each]);
  }
  return {
    nodes: node,
    initialisers: new Map(initializer.map((each) => [each.name ?? "", each])),
    outputs: new Set(output.map(({ name = "" }) => name)),
    makers,
    readers,
  };
}

/** The only reader of a value that nobody outside sees. */
export function soleReader({ readers, outputs }: Wiring, name: string): NodeProto | undefined {
  const all = readers.get(name) ?? [];
  return all.length === 1 && !outputs.has(name) ? all[0] : undefined;
}

/** An initialiser of 32-bit floats; undefined for whatever else the name is. */
export function realOf({ initialisers }: Pick<Wiring, "initialisers">, name: string | undefined): NdArray | undefined {
  const tensor = name === undefined ? undefined : initialisers.get(name);
  return tensor?.dataType === ONNX_DTYPES.F32 ? ndArrayOf(tensor) : undefined;
}

/** Its shape, without reading its numbers. */
export function realShape({ initialisers }: Pick<Wiring, "initialisers">, name: string | undefined): number[] | null {
  const tensor = name === undefined ? undefined : initialisers.get(name);
  return tensor?.dataType === ONNX_DTYPES.F32 ? Array.from(tensor.dims ?? [], Number) : null;
}

/** The nodes of a node's bodies, of all that stand inside one another. */
export const innerNodes = ({ attribute = [] }: NodeProto): NodeProto[] =>
  attribute.flatMap(({ g }) => (g?.node ?? []).flatMap((node) => [node, ...innerNodes(node)]));

export const integerOf = ({ attribute = [] }: NodeProto, name: string, fallback: number): number => {
  const found = attribute.find((each) => each.name === name);
  return found === undefined ? fallback : Number(found.i ?? 0n);
};

export const realAttribute = ({ attribute = [] }: NodeProto, name: string, fallback: number): number =>
  attribute.find((each) => each.name === name)?.f ?? fallback;

export const integerAttribute = (name: string, value: number): AttributeProto => ({ name, i: BigInt(value), type: 2 });

/** Without a name: what it gives is name enough, and a file may have hundreds of them. */
export const nodeOf = (
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attribute: readonly AttributeProto[] = [],
): NodeProto => ({
  input: [...input],
  output: [...output],
  opType,
  ...(attribute.length > 0 && { attribute: [...attribute] }),
});

/** A tensor for the file, of numbers. */
export function tensorOf(
  name: string,
  dtype: NdArray["dtype"],
  shape: readonly number[],
  values: ArrayLike<number>,
): TensorProto {
  const data = new (DTYPES[dtype].array as Float32ArrayConstructor)(values.length);
  data.set(values);
  return tensorProtoOf(name, { dtype, shape, data });
}
