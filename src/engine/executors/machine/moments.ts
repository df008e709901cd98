/** @file Lowering of the variance of channels, as batch norm asks for it: [outer, channels, inner] over both outer and inner. */
import type { Node } from "../../graph.ts";
import type { AttributesOf } from "../../ops/index.ts";
import { sizeOf } from "../../shape.ts";
import { bitsOf } from "./instruction.ts";
import { kernel, type Lowered } from "./lowerings.ts";

/** Shorter stretches than this are not worth a kernel that walks along them. */
const LEAST_INNER = 16;

/** The image as [outer, channels, inner]; undefined where the axes left are not neighbours or the last is one of them. */
function channelled({ inputs: [x], attributes }: Node): [outer: number, channels: number, inner: number] | undefined {
  const { axes } = attributes as AttributesOf<"variance">;
  const { shape } = x!;
  const kept = shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const [first = 0, last = -1] = [kept[0], kept.at(-1)];
  if (last - first + 1 !== kept.length) return undefined;
  return [sizeOf(shape.slice(0, first)), sizeOf(shape.slice(first, last + 1)), sizeOf(shape.slice(last + 1))];
}

/** Whether the kernel can do this node; its decomposition is used otherwise. */
export function canTakeVariance(node: Node): boolean {
  const sizes = channelled(node);
  return sizes !== undefined && sizes[2] >= LEAST_INNER && sizeOf(sizes) > 0;
}

export function variance(node: Node, { read, out, emit }: Lowered): void {
  const [x] = node.inputs as readonly [Node];
  const { correction } = node.attributes as AttributesOf<"variance">;
  const [outer, channels, inner] = channelled(node)!;
  const from = read(x);
  emit(
    kernel({
      kind: "variance",
      label: `variance [${x.shape}] of ${channels} channels`,
      units: channels,
      operands: [{ buffer: from }, { buffer: out }, outer, channels, inner, bitsOf(1 / (outer * inner - correction))],
      reads: [from],
      writes: [out],
      flops: 3 * outer * channels * inner,
      nanoseconds: outer * channels * inner * 0.3,
    }),
  );
}
