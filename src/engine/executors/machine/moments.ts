/** @file Lowerings of what batch norm asks of channels: [outer, channels, inner], over both outer and inner. */
import type { Node } from "../../graph.ts";
import type { AttributesOf } from "../../ops/index.ts";
import type { Buffer } from "../../plan/plan.ts";
import { sizeOf } from "../../shape.ts";
import type { Place } from "./instruction.ts";
import { kernel, type Lowered } from "./lowering.ts";

/** Shorter stretches than this are not worth a kernel that walks along them. */
const LEAST_INNER = 16;

type Channelled = readonly [outer: number, channels: number, inner: number];

/** An image as [outer, channels, inner], for axes that are reduced; undefined where the axes left are not neighbours. */
function channelled({ inputs: [x], attributes }: Node): Channelled | undefined {
  const { axes = [0] } = attributes as Partial<AttributesOf<"variance">>;
  const { shape } = x!;
  const kept = shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const [first = 0, last = -1] = [kept[0], kept.at(-1)];
  if (last - first + 1 !== kept.length) return undefined;
  return [sizeOf(shape.slice(0, first)), sizeOf(shape.slice(first, last + 1)), sizeOf(shape.slice(last + 1))];
}

/** An image [n, channels, ...size]. */
const imageOf = ({ inputs: [x] }: Node): Channelled => [x!.shape[0]!, x!.shape[1]!, sizeOf(x!.shape.slice(2))];

const isWorth = (sizes: Channelled | undefined) => sizes !== undefined && sizes[2] >= LEAST_INNER && sizeOf(sizes) > 0;

/** Whether the kernels can do a node; its decomposition is used otherwise. */
export const canTakeVariance = (node: Node) => isWorth(channelled(node));
export const canTakeMoments = (node: Node) => isWorth(imageOf(node));

interface Moments {
  readonly label: string;
  readonly from: Buffer;
  /** 1 for what counts, 0 for what does not, of each of outer; absent where all do. */
  readonly present?: Buffer;
  readonly means: Place;
  readonly variances: Place;
  readonly correction: number;
}

function moments({ label, from, present, means, variances, correction }: Moments, sizes: Channelled) {
  const elements = sizeOf(sizes);
  return kernel({
    kind: "moments",
    label,
    units: sizes[1],
    operands: [
      { buffer: from },
      present === undefined ? 0 : { buffer: present },
      means,
      variances,
      ...sizes,
      correction,
    ],
    reads: present === undefined ? [from] : [from, present],
    writes: [...new Set([means.buffer, variances.buffer])],
    flops: 4 * elements,
    nanoseconds: elements * 0.3,
  });
}

export function variance(node: Node, { read, out, temporary, emit }: Lowered): void {
  const [x] = node.inputs as readonly [Node];
  const { correction } = node.attributes as AttributesOf<"variance">;
  const sizes = channelled(node)!;
  const label = `variance [${x.shape}] of ${sizes[1]} channels`;
  const [means, variances] = [{ buffer: temporary(sizes[1]) }, { buffer: out }];
  emit(moments({ label, from: read(x), means, variances, correction }, sizes));
}

export function channelMoments(node: Node, { read, out, emit }: Lowered): void {
  const [x, present] = node.inputs as readonly [Node, Node];
  const sizes = imageOf(node);
  const label = `channelMoments [${x.shape}]`;
  const [means, variances] = [{ buffer: out }, { buffer: out, offset: sizes[1] * 4 }];
  emit(moments({ label, from: read(x), present: read(present), means, variances, correction: 0 }, sizes));
}

export function channelProducts(node: Node, { read, out, emit }: Lowered): void {
  const [a, b, centre] = node.inputs.map(read) as [Buffer, Buffer, Buffer];
  const sizes = imageOf(node);
  const elements = sizeOf(sizes);
  emit(
    kernel({
      kind: "channelProducts",
      label: `channelProducts [${node.inputs[0]!.shape}]`,
      units: sizes[1],
      operands: [{ buffer: a }, { buffer: b }, { buffer: centre }, { buffer: out }, ...sizes],
      reads: [a, b, centre],
      writes: [out],
      flops: 4 * elements,
      nanoseconds: elements * 0.5,
    }),
  );
}
