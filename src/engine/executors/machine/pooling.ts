/** @file Lowerings of max pooling and its gradient over one or two axes, one axis being two of which the first has size 1. */
import type { Node } from "../../graph.ts";
import type { AttributesOf } from "../../ops/index.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import { kernel, type Lowered } from "./lowering.ts";

/** Whether the kernel can do this node; its decomposition is used otherwise. */
export function canPool({ inputs: [x] }: Node): boolean {
  return x!.shape.length <= 4;
}

const pair = (list: readonly number[], first: number): number[] => (list.length === 1 ? [first, list[0]!] : [...list]);

/** Image and places, then how the window slides, as the kernels read them. */
function geometry(image: Shape, places: Shape, attributes: AttributesOf<"maxPool">): number[] {
  const { window, strides, before, dilations } = attributes;
  return [
    ...pair(image.slice(2), 1),
    ...pair(places.slice(2), 1),
    ...pair(window, 1),
    ...pair(strides, 1),
    ...pair(before, 0),
    ...pair(dilations, 1),
  ];
}

function pooling(givesPositions: boolean) {
  return (node: Node, { read, out, emit }: Lowered): void => {
    const [x] = node.inputs as readonly [Node];
    const attributes = node.attributes as AttributesOf<"maxPool">;
    const from = read(x);
    emit(
      kernel({
        kind: "maxPool",
        label: `${node.op} [${x.shape}] to [${node.shape}]`,
        units: sizeOf(node.shape) === 0 ? 0 : sizeOf(x.shape.slice(0, 2)),
        operands: [
          { buffer: from },
          { buffer: out },
          ...geometry(x.shape, node.shape, attributes),
          Number(givesPositions),
        ],
        reads: [from],
        writes: [out],
        nanoseconds: sizeOf(node.shape) * sizeOf(attributes.window) * 1.2,
      }),
    );
  };
}

export const maxPool = pooling(false);
export const maxPoolIndices = pooling(true);

export function maxPoolGradient(node: Node, { read, out, emit }: Lowered): void {
  const [x, dy] = node.inputs as readonly [Node, Node];
  const attributes = node.attributes as AttributesOf<"maxPool">;
  const [from, gradient] = [read(x), read(dy)];
  emit(
    kernel({
      kind: "maxPoolGradient",
      label: `maxPoolGradient [${dy.shape}] to [${x.shape}]`,
      units: sizeOf(x.shape) === 0 ? 0 : sizeOf(x.shape.slice(0, 2)),
      operands: [{ buffer: from }, { buffer: gradient }, { buffer: out }, ...geometry(x.shape, dy.shape, attributes)],
      reads: [from, gradient],
      writes: [out],
      nanoseconds: sizeOf(dy.shape) * sizeOf(attributes.window) * 1.5 + sizeOf(x.shape) * 0.1,
    }),
  );
}
