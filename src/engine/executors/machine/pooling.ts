/** @file Lowerings of max pooling over one or two axes, one axis being two of which the first has size 1. */
import type { Node } from "../../graph.ts";
import type { AttributesOf } from "../../ops/index.ts";
import { sizeOf } from "../../shape.ts";
import { kernel, type Lowered } from "./lowerings.ts";

/** Whether the kernel can do this node; its decomposition is used otherwise. */
export function canPool({ inputs: [x] }: Node): boolean {
  return x!.shape.length <= 4;
}

const pair = (list: readonly number[], first: number): number[] => (list.length === 1 ? [first, list[0]!] : [...list]);

function pooling(givesPositions: boolean) {
  return (node: Node, { read, out, emit }: Lowered): void => {
    const [x] = node.inputs as readonly [Node];
    const { window, strides, before, dilations } = node.attributes as AttributesOf<"maxPool">;
    const from = read(x);
    emit(
      kernel({
        kind: "maxPool",
        label: `${node.op} [${x.shape}] to [${node.shape}]`,
        units: sizeOf(node.shape) === 0 ? 0 : sizeOf(x.shape.slice(0, 2)),
        operands: [
          { buffer: from },
          { buffer: out },
          ...pair(x.shape.slice(2), 1),
          ...pair(node.shape.slice(2), 1),
          ...pair(window, 1),
          ...pair(strides, 1),
          ...pair(before, 0),
          ...pair(dilations, 1),
          Number(givesPositions),
        ],
        reads: [from],
        writes: [out],
        nanoseconds: sizeOf(node.shape) * sizeOf(window) * 1.2,
      }),
    );
  };
}

export const maxPool = pooling(false);
export const maxPoolIndices = pooling(true);
