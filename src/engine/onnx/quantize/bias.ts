/** @file The bias of a product: the vector that is added to it, and to nothing else. */
import { sizeOf } from "../../shape.ts";
import type { NodeProto } from "../schema.ts";
import { realOf, soleReader, type Wiring } from "./wiring.ts";

export interface Biased {
  readonly add: NodeProto;
  /** The initialiser's name. */
  readonly bias: string;
  /** A number for each channel. */
  readonly values: Float32Array;
}

/** Of a convolution [channels, 1, ...], of all else the last axis. */
export function biasAfter(wiring: Wiring, node: NodeProto): Biased | null {
  const product = node.output?.[0] ?? "";
  const add = soleReader(wiring, product);
  if (add?.opType !== "Add") return null;
  const bias = add.input!.find((name) => name !== product) ?? "";
  const value = realOf(wiring, bias);
  const weight = realOf(wiring, node.input?.[1]);
  if (value === undefined || weight === undefined) return null;
  const isConv = node.opType === "Conv";
  const channels = isConv ? weight.shape[0]! : weight.shape.at(-1)!;
  const rank = weight.shape.length;
  const wanted = isConv ? [channels, ...new Array<number>(rank - 2).fill(1)] : [channels];
  const shape = value.shape.slice(value.shape.findIndex((size) => size !== 1)); // leading ones broadcast anyway
  const isPlain = channels === 1 ? sizeOf(value.shape) === 1 : shape.join() === wanted.join();
  if (!isPlain || value.shape.length > (isConv ? rank : 2)) return null;
  return { add, bias, values: value.data as Float32Array };
}
