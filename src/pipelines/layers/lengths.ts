/** @file Sequences of different lengths in one batch: which of their places count. */
import type { Tensor } from "../../engine/index.ts";

/** The I32 numbers 0 … count − 1 on the graph of `like`. */
export function counted(like: Tensor, count: number): Tensor {
  return like.range(count);
}

/** @param lengths I32 [batch] @returns BOOL [batch, time], true for each sequence's places before its length */
export function withinLengths(lengths: Tensor, time: number): Tensor {
  return counted(lengths, time).less(lengths.reshape([lengths.shape[0]!, 1]));
}
