/**
 * @file What stands between a weight and its operator, and what could stand in the weight: reshaped weights are written as they
 * are read, a bias comes to its convolution, and statistics of batch normalisation go into the weights before them, as
 * they would at inference anyway. An operator then has all its numbers, and its integers one scale.
 */
import { type NdArray, sizeOf } from "../../shape.ts";
import { readBy } from "../import/prune.ts";
import type { GraphProto, ModelProto, NodeProto, TensorProto } from "../schema.ts";
import { ndArrayOf } from "../tensors.ts";
import { type Biased, biasAfter } from "./bias.ts";
import { integerOf, nodeOf, realAttribute, realOf, soleReader, tensorOf, type Wiring, wiringOf } from "./wiring.ts";

/** Ranks of values; undefined where a value's is not known. */
export type RankOf = (name: string) => number | undefined;

/** Edits of one kind after the other, until there are none. @param rankOf of the model's values, whose names stay */
export function folded(model: ModelProto, rankOf: RankOf): ModelProto {
  let graph = model.graph!;
  for (const fold of [foldMovement, foldConvBias, foldNormalisation]) {
    for (let next = fold(graph, rankOf); next !== null; next = fold(graph, rankOf)) graph = next;
  }
  return { ...model, graph };
}

type Fold = (graph: GraphProto, rankOf: RankOf) => GraphProto | null;

interface Edit {
  readonly remove: ReadonlySet<NodeProto>;
  readonly replace: ReadonlyMap<NodeProto, NodeProto>;
  readonly tensors: readonly TensorProto[];
}

/** The graph after edits; initialisers that nobody reads any more are gone. */
function edited(graph: GraphProto, { remove, replace, tensors }: Edit): GraphProto {
  const node = (graph.node ?? []).flatMap((each) => (remove.has(each) ? [] : [replace.get(each) ?? each]));
  const changed = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const all = (graph.initializer ?? []).map((tensor) => {
    const found = changed.get(tensor.name);
    changed.delete(tensor.name);
    return found ?? tensor;
  });
  const read = new Set(node.flatMap(readBy).concat((graph.output ?? []).map(({ name = "" }) => name)));
  return { ...graph, node, initializer: [...all, ...changed.values()].filter(({ name = "" }) => read.has(name)) };
}

const MOVES: Readonly<Record<string, (node: NodeProto, value: NdArray, wiring: Wiring) => NdArray | null>> = {
  Reshape(node, value, { initialisers }) {
    const shape = initialisers.get(node.input?.[1] ?? "");
    if (shape === undefined || integerOf(node, "allowzero", 0) !== 0) return null;
    const asked = Array.from(ndArrayOf(shape).data, Number).map((size, axis) =>
      size === 0 ? value.shape[axis]! : size,
    );
    const known = asked.reduce((product, size) => (size === -1 ? product : product * size), 1);
    return { ...value, shape: asked.map((size) => (size === -1 ? sizeOf(value.shape) / known : size)) };
  },
  Transpose(node, value) {
    const asked = node.attribute?.find(({ name }) => name === "perm")?.ints;
    const axes = asked === undefined ? value.shape.map((_, axis) => axis).reverse() : Array.from(asked, Number);
    return transposed(value, axes);
  },
  Identity: (_node, value) => value,
};

/** Bodies know a value by its name, which stays. */
const isReadInside = ({ readers }: Wiring, name: string): boolean =>
  (readers.get(name) ?? []).some(({ input = [] }) => !input.includes(name));

/** A weight that one node reshapes or turns becomes what that node gives, under the weight's name. */
const foldMovement: Fold = (graph) => {
  const wiring = wiringOf(graph);
  const remove = new Set<NodeProto>();
  const tensors: TensorProto[] = [];
  const renamed = new Map<string, string>();
  for (const node of wiring.nodes) {
    const [source = ""] = node.input ?? [];
    const [result = ""] = node.output ?? [];
    const move = Object.hasOwn(MOVES, node.opType ?? "") ? MOVES[node.opType!]! : undefined;
    if (
      move === undefined ||
      wiring.outputs.has(result) ||
      soleReader(wiring, source) !== node ||
      isReadInside(wiring, result)
    )
      continue;
    const value = realOf(wiring, source);
    const moved = value === undefined ? null : move(node, value, wiring);
    if (moved === null) continue;
    remove.add(node);
    tensors.push(tensorOf(source, "F32", moved.shape, moved.data as Float32Array));
    renamed.set(result, source);
  }
  if (remove.size === 0) return null;
  const replace = new Map(
    wiring.nodes
      .filter(({ input = [] }) => input.some((name) => renamed.has(name)))
      .map((node) => [node, { ...node, input: node.input!.map((name) => renamed.get(name) ?? name) }]),
  );
  return edited(graph, { remove, replace, tensors });
};

/** The axes of an array in another order. */
export function transposed({ dtype, shape, data }: NdArray, axes: readonly number[]): NdArray {
  const to = axes.map((axis) => shape[axis]!);
  const strides = axes.map((axis) => sizeOf(shape.slice(axis + 1)));
  const values = new Float32Array(data.length);
  const place = new Array<number>(to.length).fill(0);
  for (let index = 0, from = 0; index < values.length; index++) {
    values[index] = Number(data[from]);
    for (let axis = to.length - 1; axis >= 0; axis--) {
      place[axis]! += 1;
      from += strides[axis]!;
      if (place[axis]! < to[axis]!) break;
      from -= strides[axis]! * to[axis]!;
      place[axis] = 0;
    }
  }
  return { dtype, shape: to, data: values };
}

/** Conv, then Add of a number for each channel: a Conv with a bias. */
const foldConvBias: Fold = (graph) => {
  const wiring = wiringOf(graph);
  for (const node of wiring.nodes) {
    if (node.opType !== "Conv" || (node.input?.[2] ?? "") !== "") continue;
    const found = biasAfter(wiring, node);
    if (found === null) continue;
    const name = soleReader(wiring, found.bias) === undefined ? `${found.bias}/vector` : found.bias;
    const tensor = tensorOf(name, "F32", [found.values.length], found.values);
    const conv = { ...node, input: [node.input![0]!, node.input![1]!, name], output: [...found.add.output!] };
    return edited(graph, { remove: new Set([node]), replace: new Map([[found.add, conv]]), tensors: [tensor] });
  }
  return null;
};

/** Weights, then BatchNormalization: w · g / √(v + ε), and (b − m) · g / √(v + ε) + β. */
const foldNormalisation: Fold = (graph, rankOf) => {
  const wiring = wiringOf(graph);
  for (const norm of wiring.nodes) {
    if (norm.opType !== "BatchNormalization") continue;
    const affine = affineOf(wiring, norm);
    const before = weightedBefore(wiring, norm, rankOf);
    if (affine === null || before === null) continue;
    const { node, weight, axis, bias, add } = before;
    const value = realOf(wiring, weight)!;
    const inner = sizeOf(value.shape.slice(axis + 1));
    const channels = value.shape[axis]!;
    if (affine.scale.length !== channels || soleReader(wiring, norm.input![2]!) === undefined) continue;
    const scaled = Float32Array.from(
      value.data as Float32Array,
      (number, index) => number * affine.scale[Math.floor(index / inner) % channels]!,
    );
    const own = bias === null ? null : (realOf(wiring, bias)!.data as Float32Array);
    const shifted = Float32Array.from(
      affine.shift,
      (shift, index) => shift + (own?.[index] ?? 0) * affine.scale[index]!,
    );
    const named = bias ?? norm.input![2]!;
    const tensors = [tensorOf(weight, "F32", value.shape, scaled), tensorOf(named, "F32", [channels], shifted)];
    const output = [norm.output![0]!];
    if (node.opType !== "MatMul") {
      const whole = { ...node, input: [node.input![0]!, weight, named], output };
      return edited(graph, { remove: new Set([node]), replace: new Map([[norm, whole]]), tensors });
    }
    const remove = new Set(add === undefined ? [] : [add]);
    const sum = nodeOf("Add", [node.output![0]!, named], output);
    return edited(graph, { remove, replace: new Map([[norm, sum]]), tensors });
  }
  return null;
};

function affineOf(wiring: Wiring, norm: NodeProto): { scale: Float64Array; shift: Float64Array } | null {
  const parts = (norm.input ?? []).slice(1, 5).map((name) => realOf(wiring, name)?.data as Float32Array | undefined);
  const [gain, offset, mean, variance] = parts;
  if (gain === undefined || offset === undefined || mean === undefined || variance === undefined) return null;
  if (integerOf(norm, "training_mode", 0) !== 0) return null;
  const epsilon = realAttribute(norm, "epsilon", 1e-5);
  const scale = Float64Array.from(gain, (each, index) => each / Math.sqrt(variance[index]! + epsilon));
  return { scale, shift: Float64Array.from(offset, (each, index) => each - mean[index]! * scale[index]!) };
}

interface Weighted extends Partial<Pick<Biased, "add">> {
  readonly node: NodeProto;
  readonly weight: string;
  readonly axis: number;
  readonly bias: string | null;
}

/** The operator whose numbers a normalisation may go into: they are read here alone, and so is what it gives. */
function weightedBefore(wiring: Wiring, norm: NodeProto, rankOf: RankOf): Weighted | null {
  const [x = ""] = norm.input ?? [];
  const isAlone = (name: string): boolean => soleReader(wiring, name) !== undefined;
  const maker = wiring.makers.get(x);
  if (maker === undefined || soleReader(wiring, x) !== norm) return null;
  const [, weight = "", bias = ""] = maker.input ?? [];
  if (maker.opType === "Conv") {
    const isFree = realOf(wiring, weight) !== undefined && isAlone(weight);
    const hasFreeBias = bias === "" || (realOf(wiring, bias) !== undefined && isAlone(bias));
    return isFree && hasFreeBias ? { node: maker, weight, axis: 0, bias: bias === "" ? null : bias } : null;
  }
  if (rankOf(x) !== 2) return null;
  const product = maker.opType === "Add" ? maker.input!.map((name) => wiring.makers.get(name)).find((m) => m) : maker;
  if (product?.opType !== "MatMul") return null;
  const [, matrix = ""] = product.input ?? [];
  const value = realOf(wiring, matrix);
  if (value?.shape.length !== 2 || !isAlone(matrix)) return null;
  if (product === maker) return { node: product, weight: matrix, axis: 1, bias: null };
  const found = biasAfter(wiring, product);
  if (found?.add !== maker || found.values.length !== value.shape[1] || !isAlone(found.bias)) return null;
  return { node: product, weight: matrix, axis: 1, bias: found.bias, add: found.add };
}
