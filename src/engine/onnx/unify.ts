/**
 * @file One graph for any batch, and any length of its sequences, from drafts of the same model at several such sizes.
 * Whatever is equal in all is fixed; a size that follows them is computed in the graph (`sizes.ts`); anything else is
 * refused. So nothing that depends on them can be baked into a file unseen, and no op has to think about it.
 *
 * A shape vector becomes `-1` where only Reshape reads it and one entry varies.
 */
import { Fault } from "../fault.ts";
import { type NdArray, type Shape, sameShape } from "../shape.ts";
import type { Draft, DraftValue, Sizes } from "./assemble.ts";
import type { GraphProto, NodeProto } from "./schema.ts";
import { type Carrier, isFixed, type Size, showSize, sizeOfAll, sizesInGraph } from "./sizes.ts";
import { type Dimension, tensorProtoOf, valueInfoOf } from "./tensors.ts";

/**
 * @param drafts two at different batch sizes, and any number more at other lengths and the first's batch size
 * @throws Fault ONNX_OPERATOR_UNSUPPORTED where the model depends on these in another way than by sizes.
 */
export function unify(name: string, drafts: readonly Draft[]): GraphProto {
  const [first, ...others] = drafts as [Draft, ...Draft[]];
  refuseOtherNodes(first, others);
  const constants = sortConstants(first, others);
  const all = drafts.map(({ sizes }) => sizes);
  const dimensionsOf = (kind: "inputs" | "outputs", index: number): Size[] => {
    const values = drafts.map((draft) => draft[kind][index]!);
    return values[0]!.shape.map((_, axis) => {
      const found = sizeOfAll(
        values.map(({ shape }) => shape[axis] ?? -1),
        all,
      );
      return found ?? depends(`the shape of \`${values[0]!.name}\``, "size");
    });
  };
  const inputs = first.inputs.map((_, index) => dimensionsOf("inputs", index));
  const computed = sizesInGraph(carriersOf(first.inputs, inputs));
  const readers = readersOf(first.nodes);
  for (const [key, { value, sizes, isRange }] of constants.symbolic) {
    if (sizes.some(({ perElement }) => perElement !== 0) && !inputs.flat().some(isLength)) {
      depends(`constant \`${key}\``, "length of the sequence");
    }
    if (sizes.some(({ isRows }) => isRows) && !inputs.flat().some(isBatch)) {
      depends("a shape, though no input has the batch as an axis,", "size");
    }
    const onlyReshape = readers.get(key)?.every(({ opType }) => opType === "Reshape") === true;
    if (isRange) computed.defineRange(key, sizes[0]!);
    else if (onlyReshape && sizes.filter((size) => !isFixed(size)).length === 1) {
      const entries = sizes.map((size) => (isFixed(size) ? size.fixed : -1));
      constants.fixed.set(key, int64(entries));
    } else computed.define(key, sizes, value);
  }
  const written = (value: DraftValue, sizes: readonly Size[]) =>
    valueInfoOf(
      value.name,
      value.elemType,
      sizes.map((size): Dimension => showSize(size)),
    );
  return {
    node: [...computed.nodes, ...first.nodes],
    name,
    initializer: [...constants.fixed, ...computed.constants].map(([key, value]) => tensorProtoOf(key, value)),
    input: first.inputs.map((value, index) => written(value, inputs[index]!)),
    output: first.outputs.map((value, index) => written(value, dimensionsOf("outputs", index))),
  };
}

const isBatch = (size: Size): boolean => size.isRows && size.perElement === 0 && size.fixed === 1;
const isLength = (size: Size): boolean => !size.isRows && size.perElement === 1 && size.fixed === 0;

/** The first axis of an input that is the batch, or a sequence's length. */
function carriersOf(inputs: readonly DraftValue[], sizes: readonly (readonly Size[])[]) {
  const find = (is: (size: Size) => boolean): Carrier[] => {
    const index = sizes.findIndex((own) => own.some(is));
    return index < 0 ? [] : [{ input: inputs[index]!.name, axis: sizes[index]!.findIndex(is) }];
  };
  const [batch, sequence] = [find(isBatch)[0], find(isLength)[0]];
  return { ...(batch && { batch }), ...(sequence && { sequence }) };
}

interface Symbolic {
  readonly value: NdArray;
  readonly sizes: readonly Size[];
  /** 0 … n − 1, of which `sizes` is n. */
  readonly isRange: boolean;
}

/** Which constants are the same in all drafts, and what the others follow. */
function sortConstants(first: Draft, others: readonly Draft[]) {
  const fixed = new Map<string, NdArray>();
  const symbolic = new Map<string, Symbolic>();
  const all = [first, ...others].map(({ sizes }) => sizes);
  for (const [key, value] of first.initialisers) {
    const values = [value, ...others.map(({ initialisers }) => initialisers.get(key))];
    const same = values.filter((each) => each?.dtype === value.dtype) as NdArray[];
    if (same.length < values.length) depends(`constant \`${key}\``, whatVaries(values, value));
    if (same.every((each) => sameValue(value, each))) fixed.set(key, value);
    else symbolic.set(key, symbolicOf(key, same, all));
  }
  return { fixed, symbolic };
}

function symbolicOf(key: string, values: readonly NdArray[], all: readonly Sizes[]): Symbolic {
  const [value] = values as [NdArray];
  const isRange = value.dtype === "I64" && value.shape.length === 1 && values.every(isCount);
  const fits = value.shape.length < 2 && values.every(({ shape }) => sameShape(shape, value.shape));
  const numbers = isRange
    ? values.map(({ data }) => [data.length])
    : values.map(({ data }) => Array.from(data, Number));
  const sizes =
    isRange || fits
      ? numbers[0]!.map((_, i) =>
          sizeOfAll(
            numbers.map((each) => each[i]!),
            all,
          ),
        )
      : [null];
  if (sizes.includes(null)) depends(`constant \`${key}\``, whatVaries(values, value));
  return { value, sizes: sizes as Size[], isRange };
}

const isCount = ({ data }: NdArray): boolean =>
  (data as BigInt64Array).every((entry, index) => entry === BigInt(index)) && data.length > 1;

const whatVaries = ([, second]: readonly (NdArray | undefined)[], first: NdArray): string =>
  second !== undefined && sameValue(first, second) ? "length of the sequence" : "size";

function refuseOtherNodes(first: Draft, others: readonly Draft[]): void {
  for (const [index, other] of others.entries()) {
    const what = index === 0 ? "size" : "length of the sequence";
    if (first.nodes.length !== other.nodes.length || first.initialisers.size !== other.initialisers.size) {
      depends("the number of operators", what);
    }
    first.nodes.forEach((node, place) => {
      if (!sameNode(node, other.nodes[place]!)) depends(`operator \`${node.name}\``, what);
    });
  }
}

function depends(what: string, on: string): never {
  throw new Fault("ONNX_OPERATOR_UNSUPPORTED", `${what} depends on the ${on === "size" ? "batch size" : on}`, {
    hint: "a file for any batch size needs a model that treats each sample alike",
  });
}

function sameNode(a: NodeProto, b: NodeProto): boolean {
  return a.opType === b.opType && a.domain === b.domain && sameJson([a.input, a.attribute], [b.input, b.attribute]);
}

function sameJson(a: unknown, b: unknown): boolean {
  const plain = (_: string, value: unknown): unknown =>
    typeof value === "bigint"
      ? `${value}n`
      : ArrayBuffer.isView(value)
        ? Array.from(value as Int32Array, String)
        : value;
  return JSON.stringify(a, plain) === JSON.stringify(b, plain);
}

function sameValue(a: NdArray, b: NdArray): boolean {
  if (a.data === b.data) return sameShape(a.shape, b.shape);
  return (
    sameShape(a.shape, b.shape) && a.data.every((value: number | bigint, index) => Object.is(value, b.data[index]))
  );
}

const int64 = (values: Shape): NdArray => ({
  dtype: "I64",
  shape: [values.length],
  data: BigInt64Array.from(values, BigInt),
});

/** Nodes by what they read, those of graphs inside nodes included. */
function readersOf(nodes: readonly NodeProto[], readers = new Map<string, NodeProto[]>()): Map<string, NodeProto[]> {
  for (const node of nodes) {
    for (const input of node.input ?? []) readers.set(input, [...(readers.get(input) ?? []), node]);
    for (const { g } of node.attribute ?? []) readersOf(g?.node ?? [], readers);
  }
  return readers;
}
