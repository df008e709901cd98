/**
 * @file Numbers that follow the batch or the length of a sequence: found from what they are at several such sizes, and written
 * as operators that compute them from an input's own shape.
 */
import type { NdArray, Shape } from "../shape.ts";
import type { Sizes } from "./assemble.ts";
import type { NodeProto } from "./schema.ts";
import { ONNX_DTYPES } from "./tensors.ts";

/** (fixed + perElement × sequence), times the batch where `isRows`. */
export interface Size {
  readonly fixed: number;
  readonly perElement: number;
  readonly isRows: boolean;
}

export const isFixed = ({ perElement, isRows }: Size): boolean => perElement === 0 && !isRows;

/**
 * What a number is in general, from its values at the drafts' sizes: the first at two batch sizes, then at other lengths.
 * Null where it follows them in another way.
 */
export function sizeOfAll(values: readonly number[], all: readonly Sizes[]): Size | null {
  const [one, other, ...longer] = values as [number, number, ...number[]];
  const [first, second] = all as [Sizes, Sizes];
  const isRows = one !== other;
  if (isRows && one * second.batch !== other * first.batch) return null;
  const each = [one, ...longer].map((value) => (isRows ? value / first.batch : value));
  if (!each.every(Number.isInteger)) return null;
  const lengths = [first, ...all.slice(2)].map(({ sequence = 0 }) => sequence);
  const perElement = each.length === 1 ? 0 : (each[1]! - each[0]!) / (lengths[1]! - lengths[0]!);
  const fixed = each[0]! - perElement * lengths[0]!;
  const fits = Number.isInteger(perElement) && each.every((value, i) => value === fixed + perElement * lengths[i]!);
  return fits && !(isRows && each[0] === 0) ? { fixed, perElement, isRows } : null;
}

/** As a dimension's name: `batch`, `sequence`, `2*sequence - 1`. */
export function showSize({ fixed, perElement, isRows }: Size): string | number {
  const long = perElement === 0 ? "" : perElement === 1 ? "sequence" : `${perElement}*sequence`;
  const sum = [long, ...(fixed === 0 && long !== "" ? [] : [`${Math.abs(fixed)}`])]
    .filter((part) => part !== "")
    .join(fixed < 0 ? " - " : " + ");
  if (!isRows) return perElement === 0 ? fixed : sum;
  if (sum === "1") return "batch";
  return long !== "" && fixed !== 0 ? `batch*(${sum})` : long !== "" ? `batch*${sum}` : `${sum}*batch`;
}

/** Where a size can be read: an axis of an input. */
export type Carrier = { readonly input: string; readonly axis: number };

/** Nodes and constants as they are written, each once. */
function notebook() {
  const nodes: NodeProto[] = [];
  const constants = new Map<string, NdArray>();
  const known = new Set<string>();
  return {
    nodes,
    constants,
    node(opType: string, output: string, input: string[], attributes: Record<string, number> = {}): string {
      if (known.has(output)) return output;
      known.add(output);
      const attribute = Object.entries(attributes).map(([name, value]) => ({ name, i: BigInt(value), type: 2 }));
      nodes.push({ input, output: [output], name: output, opType, attribute });
      return output;
    },
    constant(values: Shape, shape: Shape = [values.length]): string {
      const name = `/sizes_${shape.length === 0 ? "of_" : ""}${values.join("_")}`;
      constants.set(name, { dtype: "I64", shape, data: BigInt64Array.from(values, BigInt) });
      return name;
    },
  };
}

/** Nodes that compute such numbers, and the constants that they need. */
export function sizesInGraph(carriers: Partial<Readonly<Record<keyof Sizes, Carrier>>>) {
  const { nodes, constants, node, constant } = notebook();
  /** I64 [1]: the batch, or a sequence's length. */
  const read = (what: keyof Sizes): string => {
    const { input, axis } = carriers[what]!;
    const shape = node("Shape", `/${input}_shape`, [input]);
    return node("Gather", `/${what}_size`, [shape, constant([axis])], { axis: 0 });
  };
  /** I64 [1] */
  const value = (size: Size): string => {
    if (isFixed(size)) return constant([size.fixed]);
    const named = `/${showSize(size)}`.replaceAll(" ", "");
    let sum = size.perElement === 0 ? constant([size.fixed]) : read("sequence");
    if (size.perElement !== 0) {
      if (size.perElement !== 1) sum = node("Mul", `/${size.perElement}*sequence`, [sum, constant([size.perElement])]);
      if (size.fixed !== 0) sum = node("Add", `${named}_sum`, [sum, constant([size.fixed])]);
    }
    if (!size.isRows) return sum;
    const isOne = size.perElement === 0 && size.fixed === 1;
    return isOne ? read("batch") : node("Mul", named, [sum, read("batch")]);
  };
  const as = (key: string, value: string, dtype: NdArray["dtype"], shape: Shape): void => {
    const flat = shape.length === 0 ? node("Squeeze", `${key}_flat`, [value]) : value;
    node("Cast", key, [flat], { to: ONNX_DTYPES[dtype] });
  };
  return {
    nodes,
    constants,
    /** A vector of sizes, or one alone. */
    define(key: string, sizes: readonly Size[], { dtype, shape }: NdArray): void {
      const parts = sizes.map(value);
      if (dtype === "I64" && shape.length === 1) node("Concat", key, parts, { axis: 0 });
      else as(key, parts.length === 1 ? parts[0]! : node("Concat", `${key}_all`, parts, { axis: 0 }), dtype, shape);
    },
    /** The vector 0 … size − 1. */
    defineRange(key: string, size: Size): void {
      const end = node("Squeeze", `${key}_end`, [value(size)]);
      node("Range", key, [constant([0], []), end, constant([1], [])]);
    },
  };
}
